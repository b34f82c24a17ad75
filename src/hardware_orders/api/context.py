"""What the routes work with, made once by `create_app` and reached through the request."""

import re
from dataclasses import dataclass

from fastapi import Request

from hardware_orders.api.authentication import Authenticator
from hardware_orders.api.headers import Preference
from hardware_orders.api.problems import invalid_field
from hardware_orders.database import Database
from hardware_orders.intake.accept import Intake

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Context:
    """The parts of an API process. `wait_seconds` is the default bound of the wait for the settled order."""

    database: Database
    intake: Intake
    authenticator: Authenticator
    wait_seconds: float

    def applied(self, preference: Preference) -> str | None:
        """For `Preference-Applied`: nobody waits while a wait would be in vain."""
        return preference.applied if self.intake.can_wait or not preference.seconds else None


def context(request: Request) -> Context:
    found: Context = request.app.state.context
    return found


def order_id(request: Request) -> str:
    """The path's order id. Raises Problem 400 when it is not a UUID in canonical form."""
    value: str = request.path_params["orderId"]
    if not _UUID.fullmatch(value):
        raise invalid_field("orderId", "bad_uuid", "must be a UUID in canonical form: lower case with hyphens")
    return value
