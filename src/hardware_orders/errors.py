"""Every error that a flow raises on purpose. Each carries what a caller needs to mend it; HTTP words are the edge's.

HardwareOrdersError
├── WrongPortfolioError     a document of portfolios is wrong (portfolio/portfolio.py)
├── WrongSettingError       the configuration is wrong; the process does not start
├── NoSuchOrderError        no order of that id, or none that this caller may see
├── NotAllowedError         the order's status does not allow the act
├── FieldFixedError         a member that this act cannot change
├── KeyInFlightError        an Idempotency-Key whose first request is not committed yet
├── KeyReusedError          an Idempotency-Key that belongs to another request
├── OverloadedError         a bounded queue is full
└── DatabaseAwayError       the database does not answer; nothing was accepted, or nobody knows
"""


class HardwareOrdersError(Exception):
    """The base of all of them: `except HardwareOrdersError` means "refused on purpose"."""


class WrongSettingError(HardwareOrdersError):
    """A setting is missing or wrong. The message is the one line that is printed before the process ends."""


class NoSuchOrderError(HardwareOrdersError):
    """No order of that id is visible to this caller: absent and somebody else's are the same."""

    def __init__(self, order_id: str) -> None:
        super().__init__("There is no order of this id.")
        self.order_id = order_id


class NotAllowedError(HardwareOrdersError):
    """The order's status does not allow the act. The message says which status, and what would be allowed."""


class FieldFixedError(HardwareOrdersError):
    """A member of the body that this act cannot change; `param` is its path."""

    def __init__(self, param: str, remedy: str) -> None:
        super().__init__(f"{param} cannot be changed; {remedy}.")
        self.param = param


class KeyInFlightError(HardwareOrdersError):
    """The first request with this Idempotency-Key has not been committed yet."""

    def __init__(self) -> None:
        super().__init__("A request with this Idempotency-Key is still being accepted; send it again in a moment.")


class KeyReusedError(HardwareOrdersError):
    """The Idempotency-Key was used for a different request."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key belongs to a different request; use a new key for a new order.")


class OverloadedError(HardwareOrdersError):
    """A bounded queue is full; what was sent has not been accepted."""

    def __init__(self) -> None:
        super().__init__("Too many orders are being accepted at the moment; send this one again in a moment.")


class DatabaseAwayError(HardwareOrdersError):
    """The database did not answer. What was sent was not accepted, or it cannot be told whether it was."""

    def __init__(self) -> None:
        super().__init__("The order could not be stored; send it again, with the same Idempotency-Key if it has one.")
