"""Ids and salts that we make, UUIDs of version 7 (RFC 9562), in the order of their making; and what a UUID is."""

import os
import re
import threading
import time

# RFC 9562 writes UUIDs in lower case. One spelling only, so that equal ids are equal texts in keys, logs and searches.
UUID_PATTERN = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_UUID = re.compile(UUID_PATTERN)
# One system call for a few hundred ids: each gives up the interpreter's lock, and gets it back after everybody else.
BLOCK_BYTES = 4096

_blocks = threading.local()


def _forget() -> None:
    _blocks.__dict__.clear()


os.register_at_fork(after_in_child=_forget)  # a child must not go on with its parent's randomness


def is_uuid(text: str) -> bool:
    """True for a UUID in canonical text: lower case with hyphens, the only spelling that is stored."""
    return _UUID.fullmatch(text) is not None


def random_bytes(count: int) -> bytes:
    """So many bytes of the system's randomness, fit for salts."""
    block: bytes = getattr(_blocks, "block", b"")
    if len(block) < count:
        block = os.urandom(BLOCK_BYTES)
    _blocks.block = block[count:]
    return block[:count]


def new() -> str:
    """A UUIDv7 in canonical text. Index pages fill one after the other, where random ids would touch them all."""
    random = int.from_bytes(random_bytes(10), "big")
    value = (
        (time.time_ns() // 1_000_000) << 80
        | 0x7 << 76
        | (random >> 68 & 0xFFF) << 64
        | 0b10 << 62
        | random & 0x3FFF_FFFF_FFFF_FFFF
    )
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
