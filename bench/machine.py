"""The machine that the numbers are from, in one line: without it they mean nothing."""

import os
import platform
from pathlib import Path


def describe(*, postgres: str, redis: str) -> str:
    """Processor, memory, load, and the versions of what decides the rates."""
    cores = os.cpu_count() or 1
    parts = [
        f"{cores} x {_processor()}",
        f"{_memory_gib():.0f} GiB",
        f"{platform.system()} {platform.release()}",
        f"Python {platform.python_version()}",
        f"PostgreSQL {postgres}" if postgres else "",
        f"Redis {redis}" if redis else "",
        f"load before the run {os.getloadavg()[0]:.1f}",
    ]
    return ", ".join(filter(None, parts))


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
