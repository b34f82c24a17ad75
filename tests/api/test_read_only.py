"""A fetched order sent back whole: the members that the service writes are taken out when equal, refused when not."""

from typing import Any

import pytest

from hardware_orders.api.hardware import _without_read_only
from hardware_orders.api.problems import Problem
from hardware_orders.orders.view import READ_ONLY_MEMBERS

SHOWN: dict[str, Any] = {name: f"the {name}" for name in READ_ONLY_MEMBERS} | {"internal": {"extendedDetails": {}}}
BODY = {"orderReference": "ORD-1", "notes": "new"}


def test_a_body_of_the_clients_own_is_kept_as_it_is() -> None:
    assert _without_read_only(BODY, SHOWN) is BODY


def test_a_fetched_order_sent_back_whole() -> None:
    assert _without_read_only({**SHOWN, **BODY}, SHOWN) == BODY


def test_internal_is_left_out_unread() -> None:
    assert _without_read_only({**BODY, "internal": [1]}, SHOWN) == BODY


@pytest.mark.parametrize("name", READ_ONLY_MEMBERS)
@pytest.mark.parametrize("value", ["other", None, 1, {}])
def test_a_member_that_differs(name: str, value: Any) -> None:
    with pytest.raises(Problem) as refused:
        _without_read_only({**BODY, name: value}, SHOWN)
    error = refused.value.errors[0]
    assert (refused.value.status, error.param, error.code) == (400, name, "read_only")
