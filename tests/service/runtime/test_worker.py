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
from service.runtime.messages import Candidate, GivenUp, Message, Vacant, read
from service.runtime.worker import Worker


class Told(Leash):
    """A leash whose supervisor has no policies yet, and takes no note of what it is told."""

    def listen(self, hear: Callable[[Message], None]) -> None:
        hear(Vacant())

    def report(self, message: Message) -> None:
        pass


class TryingOut(Leash):
    """A leash whose supervisor has a candidate that cannot be loaded."""

    def listen(self, hear: Callable[[Message], None]) -> None:
        hear(Vacant())
        hear(Candidate("d1", "", b"no image"))


def lacking_keys(folder: Path) -> Settings:
    """Settings with which a worker cannot begin."""
    issuer = IssuerSettings(
        issuer="https://id",
        audience=["a"],
        algorithms=["ES256"],
        jwks_file=folder / "keys.json",
        principal_type="User",
    )
    return Settings(data=folder, grpc="127.0.0.1:0", issuers=[issuer])


def test_what_a_worker_cannot_begin_with_is_told_as_it_is(tmp_path: Path) -> None:
    why = f"the JWKS file `{tmp_path / 'keys.json'}` cannot be read: no such file"
    with pytest.raises(ConfigError, match=why):
        asyncio.run(Worker(Told(lacking_keys(tmp_path), io.BytesIO(), 0)).run())


def test_a_candidate_that_cannot_be_loaded_is_given_up(tmp_path: Path) -> None:
    with (tmp_path / "told").open("w+b") as told:
        with pytest.raises(ConfigError):
            asyncio.run(Worker(TryingOut(lacking_keys(tmp_path), io.BytesIO(), told.fileno())).run())
        told.seek(0)
        first = read(told)
    assert isinstance(first, GivenUp)
    assert first.digest == "d1"
    assert "the policies `d1` cannot be loaded" in first.why
