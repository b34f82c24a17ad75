"""CPU time of processes and of all that they started, from Linux's /proc (proc(5)); elsewhere there is none."""

import os
from collections import defaultdict
from collections.abc import Collection, Mapping
from pathlib import Path

PROC = Path("/proc")
# Where the fields of /proc/<pid>/stat lie behind the command's closing parenthesis.
PARENT, FIRST_TIME, LAST_TIME = 1, 11, 14  # the times: user, system, and both of the children that have ended


def of_trees(roots: Mapping[str, Collection[int]]) -> dict[str, float]:
    """CPU seconds so far by name: of these pids and all their descendants, the ended ones too."""
    if not (PROC / "self" / "stat").exists():
        return {}
    seconds: dict[int, float] = {}
    children: defaultdict[int, list[int]] = defaultdict(list)
    for pid, fields in _all_fields():
        children[int(fields[PARENT])].append(pid)
        ticks = sum(int(field) for field in fields[FIRST_TIME : LAST_TIME + 1])
        seconds[pid] = ticks / os.sysconf("SC_CLK_TCK")
    return {name: sum(_of_tree(pid, seconds, children) for pid in pids) for name, pids in roots.items()}


def _of_tree(pid: int, seconds: Mapping[int, float], children: Mapping[int, list[int]]) -> float:
    return seconds.get(pid, 0.0) + sum(_of_tree(child, seconds, children) for child in children.get(pid, ()))


def _all_fields() -> list[tuple[int, list[str]]]:
    found = []
    for folder in PROC.iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text()
            except OSError:
                continue  # it has just ended
            found.append((int(folder.name), stat.rpartition(")")[2].split()))
    return found


def children_by_word(parent: int, words: Collection[str]) -> dict[str, int]:
    """The pids of a process's children by the word of their command lines that is one of these."""
    named: dict[str, int] = {}
    for pid, fields in _all_fields():
        if int(fields[PARENT]) == parent:
            command = (PROC / str(pid) / "cmdline").read_text(errors="replace").split("\0")
            named |= {word: pid for word in words if any(Path(part).name.startswith(word) for part in command)}
    return named
