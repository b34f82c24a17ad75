from collections.abc import Iterator

import pytest

from tests.api.issuer_sign_in import EC, OKP, RSA
from tests.api.jwks_server import JwksServer, jwks_server


@pytest.fixture
def server() -> Iterator[JwksServer]:
    """An issuer's keys, one of each kind, served over a real socket."""
    with jwks_server(RSA, EC, OKP) as found:
        yield found
