"""The keys that endpoints' secrets are encrypted with: Fernet keys, of which the first encrypts and each decrypts."""

import base64
import os
import tempfile
from pathlib import Path

from hardware_orders.errors import WrongSettingError
from hardware_orders.settings import Settings

KEY_BYTES = 32


def new() -> str:
    """A new key."""
    return base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode()


def make(path: Path) -> None:
    """Make a file with a new key, readable by its owner alone, if there is none."""
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place: of two that start at once, both read the one that was first.
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(new().encode() + b"\n")
        os.link(aside, path)
    except FileExistsError:
        return
    finally:
        Path(aside).unlink()


def read(text: str | None, path: Path | None) -> list[bytes]:
    """The keys of a setting, commas or lines between them, or else of a file; none when neither is named.

    Raises WrongSettingError, which names no key, for what is none.
    """
    where = "HARDWARE_ORDERS_SECRET_KEYS"
    if text is None:
        if path is None:
            return []
        where = f"The file {path} (HARDWARE_ORDERS_SECRET_KEYS_FILE)"
        try:
            text = path.read_text("ascii")
        except (OSError, UnicodeDecodeError) as error:
            raise WrongSettingError(f"{where} cannot be read: {type(error).__name__}.") from None
    keys = [key.strip().encode() for key in text.replace(",", "\n").splitlines() if key.strip()]
    if not keys or not all(map(_is_key, keys)):
        raise WrongSettingError(
            f"{where} must hold keys of {KEY_BYTES} bytes in base64url, commas or lines between them; "
            f"`hardware-orders webhooks make-key` prints a new one."
        )
    return keys


def of(settings: Settings) -> list[bytes]:
    """The keys that these settings name; none where they name none. Raises WrongSettingError."""
    text = settings.secret_keys.get_secret_value() if settings.secret_keys else None
    return read(text, settings.secret_keys_path)


def _is_key(key: bytes) -> bool:
    try:
        return len(key) == 44 and len(base64.urlsafe_b64decode(key)) == KEY_BYTES  # noqa: PLR2004  # with its padding
    except ValueError:
        return False
