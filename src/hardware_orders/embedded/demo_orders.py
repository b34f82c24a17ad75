"""The demo's client: sends the sample orders over HTTP, as any client would, and reads what became of them."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx2

ANSWER_SECONDS = 40.0  # above the longest wait that the API grants
PREFER = "wait=30"  # a demo rather waits on a slow machine than shows orders that are not settled
LISTENING_SECONDS = 15.0
NUMBERED_SECONDS = 15.0  # the relay numbers within milliseconds, and looks by itself every second
POLL_SECONDS = 0.05
REFUSALS = (httpx2.codes.BAD_REQUEST, httpx2.codes.CONFLICT, httpx2.codes.UNPROCESSABLE_CONTENT)


class DemoFailedError(Exception):
    """The system did not answer as it should. The message says what was asked and what came instead."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one sample: the order and its events (CloudEvents), or the problem (RFC 9457) that refused it."""

    title: str
    order: dict[str, Any] | None
    events: Sequence[dict[str, Any]]
    refusal: dict[str, Any] | None


class Client:
    """Requests to one API. `bearer` is the token."""

    def __init__(self, address: str, bearer: str) -> None:
        # No proxy of the environment's: the API is on this machine.
        self._http = httpx2.Client(
            base_url=address, headers={"Authorization": f"Bearer {bearer}"}, timeout=ANSWER_SECONDS, trust_env=False
        )

    def wait_until_listening(self) -> None:
        """Return once the API answers that it is ready. Raises DemoFailedError if it does not."""
        end = time.monotonic() + LISTENING_SECONDS
        while not self._is_listening():
            if time.monotonic() > end:
                raise DemoFailedError(f"GET /readyz was not answered with 200 within {LISTENING_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    def send(self, samples: Sequence[Mapping[str, Any]]) -> list[Outcome]:
        """Send one sample after the other, then read them all as they stand. Raises DemoFailedError."""
        sent = [(sample["title"], *self._steps(sample["steps"])) for sample in samples]
        return [self._outcome(title, order_id, refusal) for title, order_id, refusal in sent]

    def _steps(self, steps: Sequence[Mapping[str, Any]]) -> tuple[str, dict[str, Any] | None]:
        """The order's id, empty if there is none, and the problem that ended its steps, if one did."""
        order_id = ""
        for step in steps:
            answer = self._step(step, order_id)
            if answer.status_code in REFUSALS:
                return order_id, answer.json()
            order_id = _accepted(answer)["orderId"]
        return order_id, None

    def _step(self, step: Mapping[str, Any], order_id: str) -> httpx2.Response:
        match step["do"]:
            case "create":
                flags = {"saveDraft": "saveDraft", "X-Use-Simplified-Order-Flow": "simplified"}
                headers = {name: "true" for name, flag in flags.items() if step.get(flag)}
                return self._request("POST", "/orders/hardware", step["body"], headers)
            case "replace":
                return self._request("PUT", f"/orders/hardware/{order_id}", step["body"])
            case "submit":
                return self._request("POST", f"/orders/drafts/{order_id}")
            case "cancel":
                return self._request("POST", f"/orders/{order_id}/cancel", step["body"])
            case other:
                raise ValueError(f"a sample's step cannot be {other!r}")

    def _outcome(self, title: str, order_id: str, refusal: dict[str, Any] | None) -> Outcome:
        if not order_id:
            return Outcome(title, None, (), refusal)
        order = _accepted(self._request("GET", f"/orders/{order_id}"))
        if order["status"] == "RECEIVED":
            raise DemoFailedError(f"order {order_id} has not been settled within {ANSWER_SECONDS:.0f} s")
        return Outcome(title, order, self._numbered_events(order_id), refusal)

    def _numbered_events(self, order_id: str) -> list[dict[str, Any]]:
        """The order's events, once the relay has given each its position among all events."""
        end = time.monotonic() + NUMBERED_SECONDS
        while True:
            events: list[dict[str, Any]] = _accepted(self._request("GET", f"/orders/{order_id}/events"))["events"]
            if all(event["data"].get("position") for event in events):
                return events
            if time.monotonic() > end:
                raise DemoFailedError(f"the events of order {order_id} have no position yet; the relay does not work")
            time.sleep(POLL_SECONDS)

    def _is_listening(self) -> bool:
        try:
            return self._http.get("/readyz").is_success
        except httpx2.TransportError:
            return False

    def _request(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        try:
            return self._http.request(method, path, json=body, headers={"Prefer": PREFER, **(headers or {})})
        except httpx2.HTTPError as error:
            raise DemoFailedError(f"{method} {path} was not answered: {type(error).__name__} {error}") from None


def _accepted(answer: httpx2.Response) -> dict[str, Any]:
    if not answer.is_success:
        request = answer.request
        raise DemoFailedError(
            f"{request.method} {request.url.path} was answered with {answer.status_code}: {answer.text}"
        )
    accepted: dict[str, Any] = answer.json()
    return accepted
