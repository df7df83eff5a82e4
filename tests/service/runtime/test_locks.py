"""One service works in a data folder at a time; whoever comes second is told who is there."""

import os
from pathlib import Path

import pytest

from service.errors import ConfigError
from service.runtime.locks import lock_folder


def test_a_folder_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700


def test_a_locked_folder_names_its_holder(tmp_path: Path) -> None:
    with (
        lock_folder(tmp_path),
        pytest.raises(ConfigError, match=rf"`{tmp_path}` is in use by process {os.getpid()}"),
        lock_folder(tmp_path),
    ):
        pass


def test_a_lock_that_was_let_go_is_free(tmp_path: Path) -> None:
    with lock_folder(tmp_path):
        pass
    with lock_folder(tmp_path):
        pass


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be used: Not a directory"), lock_folder(tmp_path / "file" / "data"):
        pass
