"""What the processes of the embedded default do without until somebody needs it: each is megabytes, in up to four of them."""

import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

import pytest

from hardware_orders import samples
from tests.system import running

# For PostgreSQL; for webhooks, issuers and a Portfolio Service; for the dashboard; for /docs. The others come with
# libraries that would take them up unasked: Celery's command line, cffi in a worker's child, structlog's Rich.
NEEDLESS = {"psycopg", "httpcore2", "httpx2", "jinja2", "markdown_it", "prompt_toolkit", "pycparser", "pygments"}
# What `-X importtime` says of a module, in a line that the supervisor passes on.
LOADED = re.compile(r"^(\w+) +│ import time: [^|]+\|[^|]+\| +(\w+)", re.MULTILINE)


def test_a_system_without_servers_loads_nothing_that_only_others_need(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    loaded = defaultdict(set)
    with tempfile.TemporaryDirectory(prefix="ho-") as folder:
        with running(Path(folder), {"DATA_DIR": f"{folder}/data"}) as system, system.client() as client:
            body = next(step["body"] for each in samples.orders() for step in each["steps"] if step.get("simplified"))
            simplified = {"X-Use-Simplified-Order-Flow": "true"}
            assert client.post("/orders/hardware", json=body, headers=simplified).status_code == 200
        for process, module in LOADED.findall(system.log.read_text()):
            loaded[process].add(module)
    for process in ("api", "worker", "relay"):
        assert {"sqlalchemy", "redis", "structlog"} <= loaded[process]
        assert not NEEDLESS & loaded[process], process


def test_a_workers_child_asks_to_end_with_it() -> None:
    program = (
        "from workers import app; from billiard import util; import signal, sys; "
        "util.set_pdeathsig(signal.SIGKILL); print(util.get_pdeathsig(), 'cffi' in sys.modules)"
    )
    urls = {"DATABASE": "sqlite:///none.db", "BROKER": "redis://127.0.0.1", "EVENTS": "redis://127.0.0.1"}
    environment = {**os.environ, **{f"HARDWARE_ORDERS_{name}_URL": url for name, url in urls.items()}}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    told = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["9", "False"]
