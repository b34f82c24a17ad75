"""The bodies of requests about webhook endpoints, and every check of one."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated, Any

from fastapi import Request
from pydantic import Field, Strict

from hardware_orders.api import headers
from hardware_orders.api.principal import Principal
from hardware_orders.api.problems import Problem, invalid, invalid_field
from hardware_orders.contract.body import check
from hardware_orders.contract.member import BodyObject, optional, required
from hardware_orders.contract.scalars import NAME_PATTERN, URL_PATTERN, UniqueItems, Uuid, text
from hardware_orders.contract.schema import json_schema
from hardware_orders.delivery.cloudevent import TYPE_PREFIX
from hardware_orders.delivery.webhooks import addresses, endpoints
from hardware_orders.delivery.webhooks.addresses import URL_MOST_CHARACTERS, BadUrlError
from hardware_orders.delivery.webhooks.endpoints import Reason
from hardware_orders.orders.status import EventType
from hardware_orders.settings import Network

DESCRIPTION_MOST_CHARACTERS = 255
# What a merchant group has; whoever acts for more leaves them out and gets all of its own.
CUSTOMERS_MOST = 1_000
# Far above every position, and a number that every client can hold.
POSITION_MOST = 2**53 - 1

OrderEventType = StrEnum("OrderEventType", {kind.name: TYPE_PREFIX + kind for kind in EventType})  # type: ignore[misc]

_URL = "Where events are sent: `https`, a public host."
_TYPES = "Only events of these types; all when absent or empty."
_CUSTOMERS = "Only events of these customers, for whom the token acts; all of the token's when absent."
_Types = Annotated[list[Annotated[OrderEventType, Strict(False)]], UniqueItems, Field(max_length=len(EventType))]
_Customers = Annotated[list[Uuid], UniqueItems, Field(min_length=1, max_length=CUSTOMERS_MOST)]
# The rest of what a URL must be is said in words (delivery/webhooks/addresses.py).
_Url = Annotated[str, text(1, URL_MOST_CHARACTERS, URL_PATTERN)]
_Description = Annotated[str, text(0, DESCRIPTION_MOST_CHARACTERS, NAME_PATTERN)]


class WebhookEndpointRequest(BodyObject):
    """An endpoint that is to be told of events."""

    url: _Url = required(_URL, "https://shop.example.com/hooks/orders")
    description: _Description = optional("What it is for, as people call it.", "Shop")
    event_types: _Types = optional(_TYPES, ["hardware-orders.order.submitted"])
    customer_entity_uids: _Customers = optional(_CUSTOMERS)
    enabled: bool = optional("False makes it paused; events wait until it is resumed.", True)


class WebhookEndpointChange(BodyObject):
    """What is to change of an endpoint; the rest stays."""

    url: _Url = optional(_URL, "https://shop.example.com/hooks/orders")
    description: _Description = optional("What it is for, as people call it; empty for nothing.", "Shop")
    event_types: _Types = optional(_TYPES, ["hardware-orders.order.submitted"])
    customer_entity_uids: _Customers = optional("Only events of these customers, for whom the token acts.")
    enabled: bool = optional("False pauses it. True resumes it: it goes on where it stood.", True)


class WebhookReplay(BodyObject):
    """From where an endpoint is to be sent events."""

    after: Annotated[int, Field(ge=0, le=POSITION_MOST)] = required(
        "Every event behind this position is sent, again where it was sent before; 0 for all there are.", 4711
    )


def schemas() -> list[dict[str, Any]]:
    return [json_schema(model) for model in (WebhookEndpointRequest, WebhookEndpointChange, WebhookReplay)]


async def read(request: Request, model: type[BodyObject]) -> dict[str, Any]:
    """The body, which is one of this model. Raises Problem 400, 413 or 415; OverloadedError."""
    _, _, body = await headers.body(request)
    errors = check(model, body)
    if errors:
        raise invalid(errors)
    found: dict[str, Any] = body
    return found


def columns(principal: Principal, body: dict[str, Any], allowed: Sequence[Network], *, is_new: bool) -> dict[str, Any]:
    """What the body says of an endpoint, as columns; all that filters has been checked.

    Raises Problem 400 for a URL that no receiver may have, 403 for a customer that is not the caller's.
    """
    found: dict[str, Any] = {}
    if "url" in body:
        try:
            addresses.target(body["url"], allowed)
        except BadUrlError as error:
            raise invalid_field("url", "bad_url", str(error)) from None
        found["url"] = body["url"]
    if "description" in body:
        found["description"] = body["description"] or None
    if "enabled" in body:
        found["paused_reason"] = None if body["enabled"] else Reason.BY_CALLER.value
    customers = body.get("customerEntityUids", principal.entities)
    if not all(map(principal.may_act_for, customers or ())):
        raise Problem(403, "The token does not allow one of these customerEntityUids.", param="customerEntityUids")
    if is_new and customers is not None and not customers:
        raise Problem(403, "The token acts for no customer, so there is nothing to be told of.")
    filters = endpoints.columns(customers, [kind.removeprefix(TYPE_PREFIX) for kind in body.get("eventTypes", ())])
    if is_new or "customerEntityUids" in body:
        found["customers"] = filters["customers"]
    if is_new or "eventTypes" in body:
        found["event_types"] = filters["event_types"]
    return found
