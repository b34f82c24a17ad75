"""What can come between a caller and its order. The message is the service's own sentence where it gave one.

ClientError
├── RefusedError             the service refuses the request: 400, 413, 415, 422 …; sending it again changes nothing
│   ├── UnauthorizedError    401: no token, or not a good one
│   ├── ForbiddenError       403: the token lacks a role, or is for other customers
│   ├── NotFoundError        404: no such order, or none that this token may see
│   ├── ConflictError        409: the order's status does not allow it
│   ├── ChangedError         412: the order is no longer the one that was read
│   └── RateLimitedError     429: too many requests, even after the pauses that the service asked for
├── UnavailableError         no answer, or one that tells of a fault (5xx), in all tries
└── NotSettledError          the order still waits for its settlement; it is safe
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any


class ClientError(Exception):
    """The base of all of them."""


@dataclass(frozen=True, slots=True)
class FieldError:
    """One field at fault: its path in the body (`merchant.pois[0].quantity`), a stable code, and a sentence."""

    param: str
    code: str
    message: str


@dataclass(eq=False)
class RefusedError(ClientError):
    """The service refuses. `problem` is its whole answer (RFC 9457), empty when it was not a problem document.

    `may_be_done` is true when an earlier try of the same request was not answered: the refusal may be of a repetition.
    """

    status: int
    problem: Mapping[str, Any]
    may_be_done: bool = False

    def __str__(self) -> str:
        return str(self.problem.get("detail") or f"The service answered {self.status} and gave no reason.")

    @property
    def param(self) -> str | None:
        """The first field, header or parameter at fault."""
        return self.problem.get("param")

    @property
    def errors(self) -> tuple[FieldError, ...]:
        """The fields at fault, at most 20; empty when the refusal is not about single fields."""
        rows = self.problem.get("errors")
        rows = rows if isinstance(rows, list) else []  # a gateway's errors have another form
        found = [
            [str(row.get(name, "")) for name in ("param", "code", "message")] for row in rows if isinstance(row, dict)
        ]
        return tuple(FieldError(*row) for row in found)


class UnauthorizedError(RefusedError):
    """401."""


class ForbiddenError(RefusedError):
    """403."""


class NotFoundError(RefusedError):
    """404."""


class ConflictError(RefusedError):
    """409."""


class ChangedError(RefusedError):
    """412."""


class RateLimitedError(RefusedError):
    """429."""


@dataclass(eq=False)
class UnavailableError(ClientError):
    """The service does not answer as it should. `status` is that of the last answer, None when there was none.

    Whether an act was carried out is then not known; a new order may be sent again under its idempotency key.
    """

    message: str
    status: int | None = None

    def __str__(self) -> str:
        return self.message


class NotSettledError(ClientError):
    """The order was not settled within the seconds given."""


_REFUSALS: Mapping[int, type[RefusedError]] = {
    HTTPStatus.UNAUTHORIZED: UnauthorizedError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.PRECONDITION_FAILED: ChangedError,
    HTTPStatus.TOO_MANY_REQUESTS: RateLimitedError,
}


def of_answer(status: int, problem: Mapping[str, Any], *, may_be_done: bool) -> ClientError:
    """The error that an answer other than success stands for."""
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        reason = problem.get("detail") or "it gave no reason."
        return UnavailableError(f"The service answered {status}: {reason}", status)
    return _REFUSALS.get(status, RefusedError)(status, problem, may_be_done)
