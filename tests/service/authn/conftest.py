"""An identity provider over https, trusted by an authority made for the run."""

from collections.abc import Iterator

import pytest

from tests.identity_provider.authority import Authority, make_authority
from tests.identity_provider.provider import Provider, providing
from tests.service.authn.forge import EC_KEY, public_jwk


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Whom the tests' clients trust."""
    return make_authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def provider(authority: Authority) -> Iterator[Provider]:
    """A provider whose one key is EC_KEY, `k1`."""
    with providing(authority) as running:
        running.keys = [public_jwk(EC_KEY)]
        yield running
