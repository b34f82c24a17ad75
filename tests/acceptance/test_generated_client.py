"""A client that a public generator makes of the served document, and nobody edits, takes orders through their lives."""

import importlib
import json
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hardware_orders.roles import Role
from tests.backends import BACKENDS
from tests.system import CUSTOMER, System, order

NAME = "generated_hardware_orders"
# What is generated does not depend on what the system runs on.
pytestmark = pytest.mark.parametrize("backend", BACKENDS[:1], indirect=True, ids=lambda backend: backend.name)


@pytest.fixture(scope="module")
def api(system: System, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """The generated module, with a function for each operation, signed in."""
    folder = tmp_path_factory.mktemp("generated")
    generator = Path(sys.executable).with_name("clientele")
    command = [str(generator), "start-api", "--url", f"{system.url}/openapi.json", "--output", NAME]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        generated: Any = importlib.import_module(f"{NAME}.client")
    headers = {"Authorization": f"Bearer {system.token()}"}
    generated.client.close()
    generated.client.configure(config=generated.config.Config(base_url=system.url, headers=headers, timeout=40))
    yield generated
    generated.client.close()


def test_every_operation_has_a_function(system: System, api: Any) -> None:
    paths = httpx2.get(f"{system.url}/openapi.json").json()["paths"]
    names = {operation["operationId"].lower() for methods in paths.values() for operation in methods.values()}
    assert names <= {name.replace("_", "") for name in vars(api)}


def test_every_default_may_be_sent_with_the_others(system: System) -> None:
    """As some generated clients do, which fill in what the caller leaves out."""
    described = httpx2.get(f"{system.url}/openapi.json").json()["paths"]
    with system.client(roles=tuple(Role)) as client:
        made = client.post("/orders/hardware", json=order()).json()["orderId"]
        paused = {"url": "https://shop.example.com/", "enabled": False}
        endpoint = client.post("/webhooks", json=paused).json()["endpointId"]
        line, headers = json.dumps(order()), {"Content-Type": "application/x-ndjson"}
        batch = client.post("/orders/hardware/batch", content=line, headers=headers).json()["batchId"]
        for path, operation in [(path, methods["get"]) for path, methods in described.items() if "get" in methods]:
            parameters = [*map(system.description.resolved, operation.get("parameters", []))]
            sent = {p["name"]: p["schema"]["default"] for p in parameters if "default" in p["schema"]}
            # Each that has none is sent once beside them: a caller who wants one gets all the defaults with it.
            for own in [{}, *({p["name"]: p["schema"]["minimum"]} for p in parameters if "minimum" in p["schema"])]:
                whole = path.format(orderId=made, batchId=batch, endpointId=endpoint)
                answer = client.get(whole, params={**sent, **own})
                assert answer.status_code == 200, (path, own, answer.text)


def test_it_creates_replaces_submits_cancels_and_searches(api: Any) -> None:
    schemas = api.schemas
    reference = f"GENERATED-{uuid.uuid4().hex}"
    body = schemas.HardwareOrder(
        order_reference=reference,
        customer_entity_uid=CUSTOMER,
        requested_date="2027-01-04T08:00:00Z",
        notes="é 漢",
        additional_order_data=[schemas.VariableResponseType(variable_name="DOCK", variable_value="7")],
    )
    draft = api.add_hardware_order(data=body, headers={"saveDraft": "true"})
    assert isinstance(draft, schemas.Order)
    assert (draft.status, draft.order_type) == (schemas.OrderStatusEnum.DRAFT, "HardwareOrder")
    sent = body.model_dump(exclude_unset=True)
    assert {name: value for name, value in draft.model_dump(exclude_unset=True).items() if name in sent} == sent

    # As plain JSON, which goes through the type that the generator found for the body.
    replacement = {**sent, "notes": "two docks", "poRef": "4711"}
    replaced = api.replace_hardware_order(data=replacement, order_id=draft.order_id)
    assert (replaced.notes, replaced.po_ref, replaced.order_id) == ("two docks", "4711", draft.order_id)

    submitted = api.submit_draft(order_id=draft.order_id)
    assert submitted.status is schemas.OrderStatusEnum.SUBMITTED
    assert submitted.internal.extended_details.can_cancel is True

    reason = schemas.OrderCancelRequest(
        cancel_reason_enum=schemas.CancelReasonEnum.ORDER_LATE, cancel_additional_reason="Two docks too many."
    )
    cancelled = api.cancel_order(data=reason, order_id=draft.order_id)
    assert cancelled.status is schemas.OrderStatusEnum.CANCELLED
    [told] = cancelled.internal.cancellation_history
    assert (told.cancel_reason_enum, told.cancelled_by) == (schemas.CancelReasonEnum.ORDER_LATE, "Ann Tester")

    page = api.search_orders(order_reference=reference, status="CANCELLED", customer_entity_uids=[CUSTOMER])
    assert isinstance(page, schemas.OrderPage)
    assert (page.items, page.total_items) == ([cancelled], 1)
    assert api.search_orders(order_reference=reference, status="DRAFT").items == []
    assert api.get_order(order_id=draft.order_id) == cancelled
    timeline = api.list_order_events(order_id=draft.order_id).events
    kinds = schemas.OrderEventTypeEnum
    assert [event.type for event in timeline] == [
        kinds.HARDWARE_ORDERS_ORDER_RECEIVED,
        kinds.HARDWARE_ORDERS_ORDER_DRAFTED,
        kinds.HARDWARE_ORDERS_ORDER_REPLACED,
        kinds.HARDWARE_ORDERS_ORDER_SUBMITTED,
        kinds.HARDWARE_ORDERS_ORDER_CANCELLED,
    ]
