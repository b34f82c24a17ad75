"""A typed client of the service, for programs in Python (docs/client.md). Of this package it needs nothing else."""

from hardware_orders.client.answers import Batch, Event, Order, Preview
from hardware_orders.client.client import Client
from hardware_orders.client.errors import (
    ChangedError,
    ClientError,
    ConflictError,
    FieldError,
    ForbiddenError,
    NotFoundError,
    NotSettledError,
    RateLimitedError,
    RefusedError,
    UnauthorizedError,
    UnavailableError,
)

__all__ = [
    "Batch",
    "ChangedError",
    "Client",
    "ClientError",
    "ConflictError",
    "Event",
    "FieldError",
    "ForbiddenError",
    "NotFoundError",
    "NotSettledError",
    "Order",
    "Preview",
    "RateLimitedError",
    "RefusedError",
    "UnauthorizedError",
    "UnavailableError",
]
