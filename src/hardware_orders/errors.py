"""Every error that a flow raises on purpose. Each carries what a caller needs to mend it; HTTP words are the edge's.

HardwareOrdersError
├── WrongPortfolioError     a document of portfolios is wrong (portfolio/portfolio.py)
├── WrongSettingError       the configuration is wrong; the process does not start
├── NoSuchOrderError        no order of that id, or none that this caller may see
├── NoSuchVersionError      no such order, or not at that version or instant
├── StaleVersionError       the order is not at the version that the caller would have changed
├── SearchTooLongError      a search did not end in the time that a statement has
├── PageTooLargeError       the orders of a page are too large together
├── NotAllowedError         the order's status does not allow the act
├── FieldFixedError         a member that this act cannot change
├── KeyInFlightError        an Idempotency-Key whose first request is not committed yet
├── KeyReusedError          an Idempotency-Key that belongs to another request
├── LineTakenError          a line of a batch that another upload of it has stored meanwhile
├── NoSuchBatchError        no batch of that id, or somebody else's
├── NoSuchWebhookError      no webhook endpoint of that id, or one of customers that are not the caller's
├── NoSuchDeliveryError     the endpoint has not been sent that event, or it is no longer recorded
├── NoSuchPositionError     a position that no event has yet
├── WebhookRefusedError     there are too many endpoints, or no key to encrypt a secret with
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


class EventsGoneError(HardwareOrdersError):
    """The events after this position are no longer all kept."""

    def __init__(self, first: int) -> None:
        super().__init__(
            f"Events before position {first} are no longer kept; read what became of their orders from the orders, and go on "
            f"with after={first - 1}."
        )


class NoSuchVersionError(HardwareOrdersError):
    """The order is not visible to this caller, or did not exist in that version or at that instant: all the same."""

    def __init__(self) -> None:
        super().__init__("There is no order of this id that had this version, or existed at this instant.")


class StaleVersionError(HardwareOrdersError):
    """The order stands at another version than the caller would have changed; nothing was written."""

    def __init__(self) -> None:
        super().__init__("The order has changed since it was read; read it again, and send the ETag it has then.")


class SearchTooLongError(HardwareOrdersError):
    """A search read too much to end in time."""

    def __init__(self) -> None:
        super().__init__(
            "The search took too long; narrow it by a customer, an orderReference or startTime and endTime."
        )


class PageTooLargeError(HardwareOrdersError):
    """The orders of a page are too large together to be answered in one."""

    param = "pageSize"

    def __init__(self) -> None:
        super().__init__("The orders of this page are too large for one answer; ask for fewer, or page by `limit`.")


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


class LineTakenError(HardwareOrdersError):
    """Another upload of the same batch has stored this line meanwhile; there is one order of it."""

    def __init__(self) -> None:
        super().__init__("Another upload of this batch has stored this line.")


class NoSuchBatchError(HardwareOrdersError):
    """No batch of that id is this caller's: absent and somebody else's are the same."""

    def __init__(self) -> None:
        super().__init__("There is no batch of this id.")


class NoSuchWebhookError(HardwareOrdersError):
    """No endpoint of that id is visible to this caller: absent and somebody else's are the same."""

    def __init__(self) -> None:
        super().__init__("There is no webhook endpoint of this id.")


class NoSuchDeliveryError(HardwareOrdersError):
    """The endpoint has no recorded attempt of that event."""

    def __init__(self) -> None:
        super().__init__(
            "No attempt to deliver this event to this endpoint is recorded; replay from a position sends it all the same."
        )


class NoSuchPositionError(HardwareOrdersError):
    """A position behind the last event there is: what happens until then would never be sent."""

    param = "after"

    def __init__(self) -> None:
        super().__init__("after must not lie behind the last event there is; send a position that an event has.")


class WebhookRefusedError(HardwareOrdersError):
    """An endpoint cannot be made, or not be used, as things are. The message says what would have to change."""


class OverloadedError(HardwareOrdersError):
    """A bounded queue is full; what was sent has not been accepted."""

    def __init__(self) -> None:
        super().__init__("Too many orders are being accepted at the moment; send this one again in a moment.")


class TooManyReadersError(HardwareOrdersError):
    """As many follow the events as this process takes."""

    def __init__(self) -> None:
        super().__init__("Too many readers follow the events at the moment; try again in a moment.")


class DatabaseAwayError(HardwareOrdersError):
    """The database did not answer. What was sent was not accepted, or it cannot be told whether it was."""

    def __init__(self) -> None:
        super().__init__("The order could not be stored; send it again, with the same Idempotency-Key if it has one.")
