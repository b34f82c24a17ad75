"""Structured logs: one line an occurrence, a snake_case key and fields, never bodies, headers or secrets."""

import logging
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Any

import orjson

from hardware_orders import instants
from hardware_orders.left_out import left_out

# It would print tracebacks in colour, which nothing here asks for, and weighs 3 MB in every process.
with left_out("rich"):
    import structlog

# What one write to a pipe keeps together, beside other processes' lines (POSIX: PIPE_BUF is at least 512, Linux' 4,096).
TOGETHER_MOST_CHARACTERS = 4_096

_render: Callable[[dict[str, Any]], str] | None = None
_writing = threading.Lock()


def configure(log_format: str, process: str, *, log_orders: bool = False) -> None:
    """Send every log line of this process, the libraries' too, to standard error as JSON or as readable text.

    `log_orders` is whether `order_steps` writes anything.
    """
    global _render  # noqa: PLW0603  # as structlog itself, which is configured once a process
    _render = line_writer(log_format, process) if log_orders else None
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer()
        if log_format == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                renderer,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.INFO)
    # The edge logs what it refuses; a second line for every request would be the largest cost of the log.
    for noisy in ("uvicorn.access", "httpx2", "celery.worker.strategy", "celery.app.trace"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def order_steps(event: str, steps: Iterable[dict[str, Any]]) -> None:
    """A line for each order that came so far, with its `order_id`. All of a transaction's are written together.

    A logger's own way costs ten times as much for each line, which a thousand orders a second would feel.
    """
    if _render is None:
        return
    said = {"event": event, "level": "info", "timestamp": instants.text(datetime.now(UTC))}
    text = ""
    for step in steps:
        line = _render({**step, **said}) + "\n"
        if len(text) + len(line) > TOGETHER_MOST_CHARACTERS:
            _write(text)
            text = ""
        text += line
    _write(text)


def line_writer(log_format: str, process: str) -> Callable[[dict[str, Any]], str]:
    """Makes a line of the fields of a step."""
    return partial(_rendered, log_format, process)


def _rendered(log_format: str, process: str, fields: dict[str, Any]) -> str:
    if log_format == "json":
        return orjson.dumps({**fields, "process": process}).decode()
    shown = " ".join(f"{name}={value}" for name, value in fields.items() if name not in ("event", "level", "timestamp"))
    return f"{fields['timestamp']} [info     ] {fields['event']:<30} {shown} process={process}"


def _write(text: str) -> None:
    # Whoever reads the log may be gone: that must stop no order, and there is nobody to be told.
    with _writing, suppress(OSError, ValueError):
        sys.stderr.write(text)
        sys.stderr.flush()
