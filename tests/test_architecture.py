"""The rules of the house that no tool knows. What imports what is said in pyproject.toml, for import-linter."""

import ast
import re
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "hardware_orders"
ORDER = PACKAGE / "orders" / "decide.py"
STORE = PACKAGE / "orders" / "store.py"
DATABASE = PACKAGE / "database.py"
NUMBERING = PACKAGE / "delivery" / "numbering.py"
RETENTION = PACKAGE / "delivery" / "retention.py"
KEYS = PACKAGE / "intake" / "idempotency.py"

# A reader keeps a file of this length in mind, and sees a function of this length at once.
FILE_LINES = 400
FUNCTION_LINES = 60
POSITIONAL_PARAMETERS = 6
BUCKETS = {"common", "helper", "helpers", "manager", "managers", "misc", "util", "utils"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def python(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


SOURCE = python("src", "workers")
ALL = python("src", "workers", "bench", "tests")


@cache
def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


def functions(path: Path) -> Iterator[Function]:
    return (node for node in ast.walk(parsed(path)) if isinstance(node, Function))


def comments(path: Path) -> Iterator[tuple[int, str]]:
    with path.open("rb") as file:
        for token in tokenize.tokenize(file.readline):
            if token.type == tokenize.COMMENT:
                yield token.start[0], token.string


def where(path: Path, line: int) -> str:
    return f"{path.relative_to(ROOT)}:{line}"


def calls(tree: ast.AST, *methods: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods:
            yield node


def refuse(faults: list[str], rule: str) -> None:
    if faults:
        pytest.fail("\n".join([rule, *faults]), pytrace=False)


def assigned_statuses(node: ast.AST, function: str = "the module") -> Iterator[tuple[int, str]]:
    """(line, innermost function) of every `f(status=…)` and `x.status = …`."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call):
            yield from ((child.lineno, function) for keyword in child.keywords if keyword.arg == "status")
        if isinstance(child, ast.Attribute) and child.attr == "status" and isinstance(child.ctx, ast.Store):
            yield child.lineno, function
        yield from assigned_statuses(child, child.name if isinstance(child, Function) else function)


def test_only_the_deciding_function_assigns_a_status() -> None:
    # `order_of` makes an order of a row: it says what is, and decides nothing.
    allowed = {(ORDER, "receive"), (ORDER, "_move"), (STORE, "order_of")}
    found = [(path, line, function) for path in SOURCE for line, function in assigned_statuses(parsed(path))]
    faults = [f"{where(path, line)} in {function}" for path, line, function in found if (path, function) not in allowed]
    refuse(faults, "A status is assigned only by `_move` and `receive` of orders/decide.py; call `decide` instead:")
    assert {(path, function) for path, _, function in found} == allowed


def test_only_the_database_begins_and_commits() -> None:
    found = [
        (path, call.lineno)
        for path in SOURCE
        for call in calls(parsed(path), "begin", "begin_nested", "commit", "rollback")
    ]
    faults = [where(path, line) for path, line in found if path != DATABASE]
    refuse(faults, "Only database.py begins and commits; use `Database.write`:")
    assert found


def test_a_caller_goes_to_the_database_by_its_own_way() -> None:
    folders = python("src/hardware_orders/api", "src/hardware_orders/dashboard")
    paths = [*folders, PACKAGE / "orders" / "change.py", PACKAGE / "orders" / "acts.py"]
    # What is read of the database's health, and of the system as a whole, is nobody's order.
    faults = [
        where(path, call.lineno)
        for path in paths
        for call in calls(parsed(path), "read", "write")
        if ast.unparse(call.func).split(".")[-2] == "database" and path.name not in ("health.py", "live.py")
    ]
    refuse(faults, "What a caller asks for is read by `read_for` and changed by `write_for` (docs/adr/0012):")
    assert {path.name for path in paths if any(calls(parsed(path), "read_for", "write_for"))} >= {"change.py"}


def locks(path: Path) -> Iterator[int]:
    yield from (call.lineno for call in calls(parsed(path), "with_for_update"))
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and re.search(r"\bFOR UPDATE\b", node.value):
            yield node.lineno


def test_orders_are_locked_at_one_place_and_counter_and_keys_at_others() -> None:
    found = [(path, line) for path in SOURCE for line in locks(path)]
    faults = [where(path, line) for path, line in found if path not in (STORE, NUMBERING, RETENTION, KEYS)]
    refuse(faults, "Orders are locked by `store.lock` alone, always in the order of their ids:")
    assert {path for path, _ in found} == {STORE, NUMBERING, RETENTION, KEYS}


def test_intake_takes_only_the_thread_pool_from_the_web_framework() -> None:
    faults = [
        where(path, node.lineno)
        for path in sorted((PACKAGE / "intake").rglob("*.py"))
        for node in ast.walk(parsed(path))
        if (isinstance(node, ast.ImportFrom) and re.match(r"starlette\b(?!\.concurrency$)", node.module or ""))
        or (isinstance(node, ast.Import) and any(alias.name.startswith("starlette") for alias in node.names))
    ]
    refuse(faults, "Intake knows nothing of HTTP; of Starlette it uses `starlette.concurrency` only:")


def test_files_and_functions_are_short() -> None:
    lengths = {path: len(path.read_text().splitlines()) for path in ALL}
    faults = [f"{path.relative_to(ROOT)}: {lines} lines" for path, lines in lengths.items() if lines > FILE_LINES]
    # A migration is one list of steps, which splitting would only hide.
    for path in (path for path in ALL if "versions" not in path.parts):
        for function in functions(path):
            lines = (function.end_lineno or function.lineno) - function.lineno + 1
            if lines > FUNCTION_LINES:
                faults.append(f"{where(path, function.lineno)} {function.name}: {lines} lines")
    refuse(
        faults, f"A file has at most {FILE_LINES} lines and a function {FUNCTION_LINES}; split by what each part does:"
    )


def test_long_parameter_lists_are_keyword_only() -> None:
    faults = []
    for path in ALL:
        for function in functions(path):
            positional = [argument.arg for argument in function.args.posonlyargs + function.args.args]
            count = len([name for name in positional if name not in ("self", "cls")])
            if count > POSITIONAL_PARAMETERS:
                faults.append(f"{where(path, function.lineno)} {function.name}: {count}")
    refuse(faults, f"At most {POSITIONAL_PARAMETERS} parameters are positional; put a `*` before the others:")


def test_no_module_is_a_bucket() -> None:
    faults = [
        str(path.relative_to(ROOT))
        for path in ALL
        if not BUCKETS.isdisjoint([*path.relative_to(ROOT).parts[:-1], *path.stem.split("_")])
    ]
    refuse(faults, "A module is named for what it does; these names take in everything:")


def names_its_code(comment: str) -> bool:
    if re.search(r"\bnoqa\b", comment) and not re.search(r"noqa: [A-Z]+[0-9]+", comment):
        return False
    return not re.search(r"type: ignore(?!\[[a-z-]+)", comment)


def has_nothing_left_to_do(comment: str) -> bool:
    return not re.search(r"\b(TO[D]O|FIX[M]E|XX[X])\b", comment)


@pytest.mark.parametrize(
    ("holds", "rule"),
    [
        (names_its_code, "What is switched off is named, `# noqa: CODE` or `# type: ignore[code]`:"),
        (has_nothing_left_to_do, "What is left to do is done, or said in an issue:"),
    ],
)
def test_comments(holds: Callable[[str], bool], rule: str) -> None:
    refuse(
        [f"{where(path, line)} {comment}" for path in ALL for line, comment in comments(path) if not holds(comment)],
        rule,
    )


def test_every_decision_that_is_cited_is_written() -> None:
    written = {path.name[:4] for path in (ROOT / "docs" / "adr").glob("[0-9]*.md")}
    faults = [
        f"{path.relative_to(ROOT)}: docs/adr/{number}"
        for path in ALL
        for number in re.findall(r"docs/adr/(\d{4})", path.read_text())
        if number not in written
    ]
    refuse(faults, "These decisions are cited but not in docs/adr/:")
    assert written
