"""What is measured: each scenario is one system under one kind of load."""

from collections.abc import Mapping
from dataclasses import dataclass, field

CONNECTIONS = 64
# The baseline settles about a tenth as many orders a second; so that its rounds do not take ten times as long.
BASELINE_SHARE = 0.2


@dataclass(frozen=True, slots=True)
class Scenario:
    """`rate` in orders a second is an open loop; without one it is a closed loop of CONNECTIONS connections.

    `claim` is what the project promises: how many times the orders a second of the scenario `baseline`.
    """

    name: str
    title: str
    system: str
    rate: float | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    share: float = 1.0
    claim: float | None = None

    def count(self, *, closed: int, seconds: float) -> int:
        """Orders of a round: this scenario's share of `closed`, or what its rate sends in `seconds`."""
        return round(self.rate * seconds) if self.rate else max(round(closed * self.share), CONNECTIONS)


ASYNC = {"Prefer": "respond-async"}

SCENARIOS = (
    Scenario("baseline", "baseline", "baseline", share=BASELINE_SHARE),
    Scenario("async", "project, respond-async", "project", headers=ASYNC, claim=8),
    Scenario("wait", "project, default wait", "project", share=0.6, claim=5),
    Scenario("embedded", "embedded, respond-async", "embedded", headers=ASYNC, share=0.6, claim=6),
    Scenario("embedded-wait", "embedded, default wait", "embedded", share=0.4),
    Scenario("baseline-100", "baseline, 100/s", "baseline", rate=100),
    Scenario("async-100", "project, respond-async, 100/s", "project", rate=100, headers=ASYNC),
    Scenario("async-1000", "project, respond-async, 1,000/s", "project", rate=1_000, headers=ASYNC),
)
