"""What ends a run of the benchmark."""


class BenchFailedError(Exception):
    """The benchmark cannot go on. The message is for the person who started it."""
