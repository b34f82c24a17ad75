"""What a caller may be allowed to do: the roles that a token or an API key names."""

from enum import StrEnum


class Role(StrEnum):
    """A role; an operation asks for one of a few of them."""

    ORDERS_WRITE = "orders:write"
    ORDERS_READ = "orders:read"
    FULFILMENT = "fulfilment"
    EVENTS_READ = "events:read"
    WEBHOOKS_WRITE = "webhooks:write"
    ADMIN = "admin"
