"""The folder that keeps a system's data: made for its owner only, and held by one `up` at a time."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from hardware_orders.errors import WrongSettingError


@contextlib.contextmanager
def held(data_dir: Path) -> Iterator[Path]:
    """Make the folder if it is missing and hold its lock; gives its absolute path.

    The lock is the kernel's, so it ends with the process however that ends, and the file may stay.
    Raises WrongSettingError if another process holds it, or the folder cannot be used for data.
    """
    folder = data_dir.absolute()
    if "?" in str(folder):  # the database's URL would end there, and its file lie elsewhere
        raise WrongSettingError(f"HARDWARE_ORDERS_DATA_DIR must not contain a question mark: {folder}.")
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = (folder / "lock").open("a+")
    except OSError as error:
        raise WrongSettingError(
            f"The data folder {folder} cannot be used ({error.strerror}); set HARDWARE_ORDERS_DATA_DIR to another."
        ) from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise WrongSettingError(
                f"The data folder {folder} is in use by another `hardware-orders up` (pid {lock.read().strip()}); "
                f"stop that one, or set HARDWARE_ORDERS_DATA_DIR to another folder."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield folder
