"""Runs the services of docker-compose.yml as processes of this machine: each with its own command, environment, mounts,
order, health check and stop signal. The stores are those that the tests found; the addresses are rewritten to them."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.compose.compose_file import ROOT, image, is_ours, seconds
from tests.system import eventually

START_SECONDS = 40


@dataclass
class Deployment:
    """`stores` gives the URL here of each store; `rewritten` what else is different here, such as a service's port."""

    services: Mapping[str, dict[str, Any]]
    folder: Path
    stores: Mapping[str, str]
    rewritten: Mapping[str, Mapping[str, str]]
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    started: list[str] = field(default_factory=list)

    def up(self) -> None:
        """Start everything, each as soon as what it depends on is as it demands, and wait until all are healthy."""
        while waiting := [name for name in self.services if name not in self.started]:
            # Backwards through the file, so that nothing but `depends_on` puts them in order.
            name = next(name for name in reversed(waiting) if not self._before(name) - set(self.started))
            self._await_dependencies(name)
            if is_ours(self.services[name]):
                self._start(name)
            self.started.append(name)
        for name in self.started:
            if "healthcheck" in self.services[name]:
                self._await_health(name)

    def down(self) -> dict[str, int]:
        """Stop in the reverse order, each with its signal and within its time. Returns the exit codes."""
        number = signal.Signals[image()["stopsignal"]]
        codes = {}
        for name in reversed(self.started):
            if name in self.processes:
                if self.processes[name].poll() is None:
                    self.processes[name].send_signal(number)
                codes[name] = self.processes[name].wait(seconds(self.services[name].get("stop_grace_period", "10s")))
        return codes

    def kill(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                process.kill()
                process.wait()

    def is_healthy(self, name: str) -> bool:
        """Whether this service's own check succeeds."""
        check = self.services[name]["healthcheck"]
        try:
            ran = subprocess.run(
                self._words(name, check["test"]),
                capture_output=True,
                env=self._environment(name),
                timeout=seconds(check["timeout"]),
                check=False,
            )
        except subprocess.TimeoutExpired:
            return False
        return ran.returncode == 0

    def path(self, name: str, inside: str) -> Path:
        """Where here a path inside of this service's container is."""
        return Path(self._here(name, inside))

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text()

    def _before(self, name: str) -> set[str]:
        return set(self.services[name].get("depends_on", {})) & set(self.services)

    def _await_dependencies(self, name: str) -> None:
        for other in self._before(name):
            condition = self.services[name]["depends_on"][other]["condition"]
            if condition == "service_healthy":
                self._await_health(other)
            elif condition == "service_completed_successfully":
                assert self.processes[other].wait(START_SECONDS) == 0, self.log(other)

    def _await_health(self, name: str) -> None:
        def look() -> bool:
            process = self.processes.get(name)
            assert process is None or process.poll() is None, f"{name} ended:\n{self.log(name)}"
            time.sleep(0.1)  # a check is a process of its own
            return self.is_healthy(name)

        eventually(look, START_SECONDS)

    def _start(self, name: str) -> None:
        assert image()["entrypoint"] == ["hardware-orders"]
        with (self.folder / f"{name}.log").open("wb") as output:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "hardware_orders", *self.services[name]["command"]],
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment(name),
                cwd=self.folder,
            )

    def _environment(self, name: str) -> dict[str, str]:
        inherited = {key: value for key, value in os.environ.items() if not key.startswith("HARDWARE_ORDERS_")}
        of_image = {key: value for key, value in image()["env"].items() if key != "PATH"}
        own = self.services[name].get("environment", {})
        return {**inherited, **of_image, **{key: self._here(name, value) for key, value in own.items()}}

    def _words(self, name: str, test: Sequence[str]) -> list[str]:
        kind, *words = (self._here(name, word) for word in test)
        words = ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words
        return [sys.executable, *words[1:]] if words[0] == "python" else words

    def _here(self, name: str, text: str) -> str:
        """A URL of a store, a path on a mount, a port: as they are on this machine."""
        if text in self.stores:
            return self.stores[text]
        assert urlsplit(text).hostname not in self.services, f"{name} speaks to a store that is not known here: {text}"
        for inside, here in {**self._mounts(name), **self.rewritten.get(name, {})}.items():
            text = text.replace(inside, here)
        return text

    def _mounts(self, name: str) -> dict[str, str]:
        """Of each mount, the path inside and the path here. A file system in memory is each container's own."""
        service = self.services[name]
        mounts = {path: self.folder / name / path.strip("/") for path in service.get("tmpfs", [])}
        for volume in service.get("volumes", []):
            if isinstance(volume, dict):
                mounts[volume["target"]] = (ROOT / volume["source"]).resolve(strict=True)
            else:
                source, inside = volume.split(":")
                mounts[inside] = self.folder / "volumes" / source
        for path in mounts.values():
            path.mkdir(parents=True, exist_ok=True)
        return {f"{inside}/": f"{here}/" for inside, here in mounts.items()}
