"""Endpoints' secrets: how they are made, and how they lie in the database, encrypted."""

# ruff: noqa: PLC0415 - seven megabytes that a relay without endpoints need not hold
import base64
import os
from collections.abc import Sequence
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from hardware_orders.errors import WebhookRefusedError

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

# Standard Webhooks asks for 24 to 64.
SECRET_BYTES = 32
# Both sign for so long: a receiver is given its new secret within a working day.
OVERLAP = timedelta(days=1)


class UnreadableSecretError(Exception):
    """A secret was encrypted with a key that is not among ours."""


class Secrets:
    """Encrypts and decrypts with the operator's keys (`secret_keys.read`); without any it refuses to."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self._keys = keys

    @property
    def are_kept(self) -> bool:
        return bool(self._keys)

    def encrypted(self, secret: str) -> str:
        """Raises WebhookRefusedError without a key."""
        return self._fernet.encrypt(secret.encode()).decode()

    def decrypted(self, stored: str) -> str:
        """Raises UnreadableSecretError when none of the keys fits; WebhookRefusedError without a key."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.decrypt(stored).decode()
        except InvalidToken:
            raise UnreadableSecretError from None

    def encrypted_anew(self, stored: str) -> str:
        """The same secret, encrypted with the first key. Raises UnreadableSecretError."""
        from cryptography.fernet import InvalidToken

        try:
            return self._fernet.rotate(stored).decode()
        except InvalidToken:
            raise UnreadableSecretError from None

    @cached_property
    def _fernet(self) -> "MultiFernet":
        from cryptography.fernet import Fernet, MultiFernet

        if not self._keys:
            raise WebhookRefusedError(
                "Webhooks are off, because no key is set to encrypt their secrets with; the operator sets "
                "HARDWARE_ORDERS_SECRET_KEYS."
            )
        return MultiFernet([Fernet(key) for key in self._keys])


def new() -> str:
    """A new secret as receivers get it: `whsec_…`."""
    return "whsec_" + base64.b64encode(os.urandom(SECRET_BYTES)).decode()
