"""The garbage collector, told what kind of process this is: one that loads much, then handles many short requests."""

import gc

# What a request makes is freed by its last reference; cycles are rare. At Python's own threshold of 700 objects the
# collector ran for every order and walked over hundreds of others' objects in flight.
THRESHOLDS = (50_000, 20, 100)


def freeze() -> None:
    """Called once everything is loaded: what is there stays, and no collection walks over it again.

    A child that is forked afterwards shares those pages, and the thresholds.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
