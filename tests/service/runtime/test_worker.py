"""A worker that cannot begin says why, so that its supervisor can tell the operator."""

import asyncio
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from service.config import Settings
from service.errors import ConfigError
from service.issuer_settings import IssuerSettings
from service.runtime.leash import Leash
from service.runtime.messages import Message, Vacant
from service.runtime.worker import Worker


class Told(Leash):
    """A leash whose supervisor has no policies yet, and takes no note of what it is told."""

    def listen(self, hear: Callable[[Message], None]) -> None:
        hear(Vacant())

    def report(self, message: Message) -> None:
        pass


def test_what_a_worker_cannot_begin_with_is_told_as_it_is(tmp_path: Path) -> None:
    keys = tmp_path / "keys.json"
    issuer = IssuerSettings(
        issuer="https://id", audience=["a"], algorithms=["ES256"], jwks_file=keys, principal_type="User"
    )
    settings = Settings(data=tmp_path, grpc="127.0.0.1:0", issuers=[issuer])

    with pytest.raises(ConfigError, match=f"the JWKS file `{keys}` cannot be read: no such file"):
        asyncio.run(Worker(Told(settings, io.BytesIO(), 0)).run())
