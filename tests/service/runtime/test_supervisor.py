"""What is told to a supervisor before it has workers ends nothing."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.config import Settings
from service.errors import ConfigError
from service.runtime.locks import lock_folder
from service.runtime.supervisor import supervise


@pytest.fixture
def reloads() -> Iterator[list[int]]:
    """The SIGHUPs that would have ended this process."""
    taken: list[int] = []
    before = signal.signal(signal.SIGHUP, lambda number, _: taken.append(number))
    yield taken
    signal.signal(signal.SIGHUP, before)


def test_a_start_that_is_told_to_reload_goes_on(tmp_path: Path, reloads: list[int]) -> None:
    settings = Settings.model_validate({"dev": True, "grpc": "127.0.0.1:0", "data": str(tmp_path)})
    with lock_folder(tmp_path), pytest.raises(ConfigError, match="is in use"):
        supervise(settings, lambda _: pytest.fail("it serves"))
    signal.raise_signal(signal.SIGHUP)
    assert reloads == []
