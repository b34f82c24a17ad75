"""The published schemas of events, and what a change may not do to them.

    python -m tests.api.published_schemas

writes them anew from the code: after a change that only adds, or in a major version.
"""

import json
from pathlib import Path
from typing import Any

from hardware_orders.api.document import event_files, schemas

FOLDER = Path(__file__).parents[2] / "docs" / "schemas" / "events"
COMMAND = "python -m tests.api.published_schemas"
Files = dict[str, dict[str, Any]]


def made() -> Files:
    return event_files.files(schemas.schemas())


def published() -> Files:
    return {path.name: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def faults(old: Files, new: Files) -> list[str]:
    """What a consumer of the old schemas would stumble over in events of the new ones."""
    found = [f"{name} is gone" for name in sorted(old.keys() - new.keys())]
    for name in sorted(old.keys() & new.keys()):
        found += _Comparison(old, new).of(old[name], new[name], name, (name, name))
    return found


class _Comparison:
    def __init__(self, old: Files, new: Files) -> None:
        self._files = (old, new)
        self._seen: set[tuple[str, str]] = set()

    def of(self, old: Any, new: Any, where: str, bases: tuple[str, str]) -> list[str]:
        (old, old_base, old_ref), (new, new_base, new_ref) = (
            self._followed(side, schema, base)
            for side, (schema, base) in enumerate(zip((old, new), bases, strict=True))
        )
        if old_ref and new_ref:
            if (old_ref, new_ref) in self._seen:
                return []
            self._seen.add((old_ref, new_ref))
        bases = (old_base, new_base)
        found = [f"{where}: {fault}" for fault in _of_keywords(old, new)]
        for kind in ("properties", "$defs"):
            for name in sorted(old.get(kind, {}).keys() & new.get(kind, {}).keys()):
                found += self.of(old[kind][name], new[kind][name], f"{where}/{name}", bases)
        if "items" in old and "items" in new:
            found += self.of(old["items"], new["items"], f"{where}/*", bases)
        for kind in ("allOf", "anyOf"):
            for number, (was, becomes) in enumerate(zip(old.get(kind, []), new.get(kind, []), strict=False)):
                found += self.of(was, becomes, f"{where} ({kind} {number})", bases)
        return found

    def _followed(self, side: int, schema: Any, base: str) -> tuple[Any, str, str | None]:
        if "$ref" not in schema:
            return schema, base, None
        file, _, pointer = schema["$ref"].partition("#/")
        base = file or base
        found: Any = self._files[side][base]
        for step in pointer.split("/"):
            found = found[step]
        return found, base, f"{base}#/{pointer}"


def _of_keywords(old: Any, new: Any) -> list[str]:
    found = [f"{name} is gone" for name in sorted(old.get("properties", {}).keys() - new.get("properties", {}).keys())]
    found += [
        f"{keyword} has changed" for keyword in ("type", "const", "format", "pattern") if _differ(old, new, keyword)
    ]
    found += [f"{value} is no value any more" for value in old.get("enum", []) if value not in new.get("enum", [])]
    if "enum" in new and "enum" not in old:
        found.append("only some values are left")
    found += [f"{name} may be absent" for name in sorted({*old.get("required", ())} - {*new.get("required", ())})]
    found += [f"{name} is now required" for name in sorted({*new.get("required", ())} - {*old.get("required", ())})]
    found += [
        f"{kind} has other parts" for kind in ("allOf", "anyOf") if len(old.get(kind, [])) > len(new.get(kind, []))
    ]
    return found


def _differ(old: Any, new: Any, keyword: str) -> bool:
    return bool(old.get(keyword) != new.get(keyword))


def write() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    files = made()
    for path in FOLDER.glob("*.json"):
        if path.name not in files:
            path.unlink()
    for name, schema in files.items():
        (FOLDER / name).write_text(json.dumps(schema, indent=1, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    write()
