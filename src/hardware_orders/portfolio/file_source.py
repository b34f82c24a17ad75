"""Portfolios from a YAML or JSON file, `{"portfolios": [Portfolio, ...]}`, read again when the file changes."""

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

import structlog

from hardware_orders.portfolio.document import read_document
from hardware_orders.portfolio.lookup import Found, Outcome, Unavailable, UnknownCustomer
from hardware_orders.portfolio.portfolio import Portfolio, WrongPortfolioError, parse_portfolios

# A change must be seen within a second; looking more often costs system calls and shows nothing that was promised.
CHECK_SECONDS = 1.0

Signature = tuple[int, int, int, int]

log = structlog.get_logger()


class FileSource:
    """A Lookup that reads a file. What broke after a good reading is logged, and the last good reading served on."""

    def __init__(self, path: Path, clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._clock = clock
        self._lock = threading.Lock()
        self._checked_at: float | None = None
        self._signature: Signature | None = None
        self._outcomes: dict[str, Found] | None = None
        self._reason = ""

    def __call__(self, customer_entity_uids: Collection[str]) -> Mapping[str, Outcome]:
        """One outcome for each customer. Never raises; looks at the file at most once a second."""
        with self._lock:
            self._refresh()
            outcomes, reason = self._outcomes, self._reason
        if outcomes is None:
            return dict.fromkeys(customer_entity_uids, Unavailable(reason))
        return {uid: outcomes.get(uid, UnknownCustomer()) for uid in customer_entity_uids}

    def at_hand(self, customer_entity_uids: Collection[str]) -> Mapping[str, Outcome]:
        """Everything: a file is near."""
        return self(customer_entity_uids)

    def close(self) -> None:
        """Nothing is open between two readings."""

    @property
    def fault(self) -> str | None:
        """Why the file could not be read the last time, in a sentence; None when it was."""
        return self._reason or None

    def _refresh(self) -> None:
        now = self._clock()
        if self._checked_at is not None and now - self._checked_at < CHECK_SECONDS:
            return
        is_first = self._checked_at is None
        self._checked_at = now
        signature = self._look()  # before reading: what changes meanwhile is then seen as a change next time
        if is_first or signature != self._signature:
            self._signature = signature
            self._read()

    def _look(self) -> Signature | None:
        try:
            stat = self._path.stat()
        except OSError:
            return None
        return stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns  # the last sees new permissions too

    def _read(self) -> None:
        try:
            portfolios = parse_portfolios(read_document(self._path))
        except OSError as error:
            self._report(f"The portfolio file {self._path} cannot be read: {error.strerror or error}.")
        except (ValueError, WrongPortfolioError) as error:
            self._report(f"The portfolio file {self._path} is wrong: {str(error).removesuffix('.')}.")
        else:
            self._outcomes, self._reason = _by_customer(portfolios), ""
            log.info("portfolio_file_read", path=str(self._path), portfolios=len(portfolios))

    def _report(self, reason: str) -> None:
        self._reason = reason
        log.warning("portfolio_file_wrong", reason=reason, serving_last_good=self._outcomes is not None)


def _by_customer(portfolios: list[Portfolio]) -> dict[str, Found]:
    grouped: defaultdict[str, list[Portfolio]] = defaultdict(list)
    for portfolio in portfolios:
        grouped[portfolio.customer_entity_uid].append(portfolio)
    return {uid: Found(tuple(theirs)) for uid, theirs in grouped.items()}
