"""The local signing key: an Ed25519 key in a file, for machines without an issuer. Never on by itself on servers."""

import json
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from hardware_orders.api.tokens import TrustedIssuer
from hardware_orders.errors import WrongSettingError

ALGORITHM = "Ed25519"  # RFC 9864
CURVE: Final = "Ed25519"
ISSUER = "hardware-orders-local"
AUDIENCE = "hardware-orders"


def load(path: Path) -> OKPKey:
    """The key in this file, which is made, readable by its owner alone, if it is missing. Raises WrongSettingError."""
    try:
        if not path.exists():
            _make(path)
        key = OKPKey.import_key(json.loads(path.read_text()))
    except (OSError, ValueError, TypeError, RecursionError, JoseError) as error:
        raise _unusable(path, str(error) or "it holds no key") from None
    if key.curve_name != CURVE or not key.is_private:
        raise _unusable(path, f"it holds no private {CURVE} key")
    return key


def _unusable(path: Path, reason: str) -> WrongSettingError:
    return WrongSettingError(
        f"The signing key {path} cannot be used: {reason}. Remove the file to have a new one made."
    )


def _make(path: Path) -> None:
    text = json.dumps(OKPKey.generate_key(CURVE).as_dict(private=True))
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and linked into place: of two processes that start at once, both read the one that was first.
    descriptor, aside = tempfile.mkstemp(dir=path.parent, prefix=path.name)  # for its owner's eyes only
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
        os.link(aside, path)
    except FileExistsError:
        return
    finally:
        Path(aside).unlink()


def trusted(key: OKPKey) -> TrustedIssuer:
    """The local key as an issuer whose tokens are taken. There is one key, so nobody names it."""

    async def the_key(_name: object) -> OKPKey:
        return key

    return TrustedIssuer(ISSUER, AUDIENCE, (ALGORITHM,), the_key)


def issue(key: OKPKey, *, sub: str, name: str, entities: Sequence[str], roles: Sequence[str], seconds: int) -> str:
    """A JWT for this user. `entities` are customer entity uids, or `*` alone for all; valid for `seconds`."""
    now = int(time.time())
    claims = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": sub,
        "name": name,
        "entity_id": list(entities),
        "roles": list(roles),
        "iat": now,
        "exp": now + seconds,
    }
    return jwt.encode({"alg": ALGORITHM, "typ": "at+jwt"}, claims, key, algorithms=[ALGORITHM])
