"""Ids that we make: UUIDs of version 7 (RFC 9562), whose order is the order of their making."""

import os
import time


def new() -> str:
    """A UUIDv7 in canonical text. Index pages fill one after the other, where random ids would touch them all."""
    random = int.from_bytes(os.urandom(10), "big")
    value = (
        (time.time_ns() // 1_000_000) << 80
        | 0x7 << 76
        | (random >> 68 & 0xFFF) << 64
        | 0b10 << 62
        | random & 0x3FFF_FFFF_FFFF_FFFF
    )
    text = f"{value:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
