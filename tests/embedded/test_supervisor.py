import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Describe = Callable[..., dict[str, Any]]
Supervise = Callable[..., Any]
WaitUntil = Callable[[Callable[[], bool]], None]


def test_stages_start_in_order_and_stop_from_the_last_to_the_first(supervise: Supervise, child: Describe) -> None:
    system = supervise(
        [child("valkey")], [child("migrate", "ends-well", runs_once=True)], [child("api"), child("worker")]
    )
    system.until("all ready")
    assert system.noted()[:2] == ["started valkey", "started migrate"]
    assert sorted(system.noted()[2:]) == ["started api", "started worker"]
    system.process.send_signal(signal.SIGTERM)
    assert system.end() == 0
    assert system.noted()[4:] == ["stopped api", "stopped worker", "stopped valkey"]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP])
def test_these_signals_stop_in_order_too(supervise: Supervise, child: Describe, number: signal.Signals) -> None:
    system = supervise([child("api")])
    system.until("all ready")
    system.process.send_signal(number)
    assert system.end() == 0
    assert system.noted() == ["started api", "stopped api"]


def test_a_stop_while_starting_is_an_ordered_stop(supervise: Supervise, child: Describe) -> None:
    system = supervise([child("valkey")], [child("api", "never-ready")], [child("relay")])
    system.until("this is api")
    system.process.send_signal(signal.SIGTERM)
    assert system.end() == 0
    assert system.noted() == ["started valkey", "started api", "stopped api", "stopped valkey"]
    assert "all ready" not in system.output


def test_a_killed_child_is_started_again_and_a_line_says_so(
    supervise: Supervise, child: Describe, wait_until: WaitUntil
) -> None:
    system = supervise([child("worker"), child("api")])
    system.until("all ready")
    os.kill(system.pids("started worker")[0], signal.SIGKILL)
    system.until("it starts again in 0.25 s")
    assert "worker was ended by SIGKILL" in system.output
    wait_until(lambda: len(system.pids("started worker")) == 2)
    os.kill(system.pids("started worker")[1], signal.SIGKILL)
    system.until("it starts again in 0.5 s")
    wait_until(lambda: len(system.pids("started worker")) == 3)
    assert len(system.pids("started api")) == 1
    system.process.send_signal(signal.SIGTERM)
    assert system.end() == 0
    assert system.noted()[-2:] == ["stopped worker", "stopped api"]


def test_what_a_killed_child_had_started_goes_with_it(
    supervise: Supervise, child: Describe, wait_until: WaitUntil
) -> None:
    system = supervise([child("worker", "forks")])
    system.until("all ready")
    wait_until(lambda: bool(system.pids("forked worker")))
    grandchild = system.pids("forked worker")[0]
    os.kill(system.pids("started worker")[0], signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{grandchild}").exists())
    wait_until(lambda: len(system.pids("forked worker")) == 2)
    system.process.send_signal(signal.SIGTERM)
    assert system.end() == 0


def test_a_child_that_dies_before_it_is_ready_ends_the_start(supervise: Supervise, child: Describe) -> None:
    system = supervise([child("valkey")], [child("api", "dies-early")], [child("relay")])
    assert system.end() == 1
    assert "api ended with exit code 1 before it was ready. Its last lines:" in system.output
    assert "    cannot go on\n" in system.output
    assert system.noted() == ["started valkey", "started api", "stopped valkey"]


def test_a_child_that_never_gets_ready_ends_the_start(supervise: Supervise, child: Describe) -> None:
    system = supervise([child("api", "never-ready", ready_seconds=0.5)])
    assert system.end() == 1
    assert "api was not ready after 0.5 s. Its last lines:\n    this is api\n" in system.output
    assert "all ready" not in system.output


def test_a_program_that_does_not_exist_ends_the_start(supervise: Supervise, child: Describe) -> None:
    system = supervise([child("valkey")], [{"name": "api", "argv": ["/no/such/program"]}])
    assert system.end() == 1
    assert "api cannot be run: " in system.output
    assert "Traceback" not in system.output
    assert system.noted() == ["started valkey", "stopped valkey"]


def test_a_failed_migration_ends_the_start(supervise: Supervise, child: Describe) -> None:
    system = supervise([child("migrate", "dies-early", runs_once=True)], [child("api")])
    assert system.end() == 1
    assert system.noted() == ["started migrate"]


def test_a_child_that_ignores_the_stop_is_killed(supervise: Supervise, child: Describe) -> None:
    system = supervise([child("valkey")], [child("worker", "ignores-sigterm", stop_seconds=0.5)])
    system.until("all ready")
    system.process.send_signal(signal.SIGTERM)
    assert system.end() == 0
    assert "worker did not stop within 0.5 s." in system.output
    assert system.noted()[-1] == "stopped valkey"


def test_a_second_ctrl_c_kills_at_once(supervise: Supervise, child: Describe) -> None:
    system = supervise([child("valkey")], [child("api")], [child("worker", "ignores-sigterm", stop_seconds=1000)])
    system.until("all ready")
    system.process.send_signal(signal.SIGINT)
    system.until("Stopping")
    system.process.send_signal(signal.SIGINT)
    assert system.end() == 130
    assert "stopped worker" not in system.noted()


def test_a_bad_exit_code_at_the_stop_is_told(supervise: Supervise, child: Describe) -> None:
    system = supervise([child("api", "stops-badly"), child("relay")])
    system.until("all ready")
    system.process.send_signal(signal.SIGTERM)
    assert system.end() == 0
    assert "! api ended with exit code 3 when it was stopped." in system.output
    assert "relay ended" not in system.output


def test_a_killed_supervisor_leaves_no_child(supervise: Supervise, child: Describe, wait_until: WaitUntil) -> None:
    system = supervise([child("valkey")], [child("api")])
    system.until("all ready")
    system.process.kill()
    system.process.wait()
    wait_until(lambda: len(system.pids("stopped valkey")) == 1 and len(system.pids("stopped api")) == 1)


def test_a_childs_lines_carry_its_name_and_have_a_bounded_length(supervise: Supervise, child: Describe) -> None:
    system = supervise([child("api", "long-line"), child("relay", is_echoed=False)])
    system.until("all ready")
    system.until("…\n")
    system.process.send_signal(signal.SIGTERM)
    assert system.end() == 0
    assert "api     │ this is api\n" in system.output
    assert "this is relay" not in system.output
    assert max(map(len, system.output.splitlines())) == 1000 + len("api     │ ")


def test_an_idle_supervisor_does_not_run(supervise: Supervise, child: Describe) -> None:
    system = supervise([child("api")])
    system.until("all ready")
    os.kill(system.pids("started api")[0], 0)
    before = _switches(system.process.pid)
    _let_others_run()
    assert _switches(system.process.pid) - before <= 2


def _switches(pid: int) -> int:
    """How often it went to sleep by itself, which a process does once for every time that it woke."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("voluntary_ctxt_switches")).split()[1])


def _let_others_run() -> None:
    signal.sigtimedwait([], 1.0)
