"""Reads and makes files that only their owner may read."""

import os
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final

from service.errors import ConfigError
from service.whole_files import replacing, written_beside

SIZE_LIMIT: Final = 1 << 20
"""Bytes in a key file."""
_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO
_ROOT: Final = 0


def read_bytes(path: Path, what: str) -> bytes:
    """The bytes of a file that anyone may read; ConfigError, naming it as `what`, if it cannot be read."""
    return _read(path, what, is_private=False)


def read_private(path: Path, what: str) -> bytes:
    """The bytes of a file that its owner alone may read; ConfigError if others may touch it or it cannot be read.

    One of root's may be for a group to read: so an orchestrator hands secrets to a service that runs as somebody else.
    """
    return _read(path, what, is_private=True)


def _read(path: Path, what: str, *, is_private: bool) -> bytes:
    try:
        with open(path, "rb", opener=_open) as file:  # a Path's open takes no opener
            _check(os.fstat(file.fileno()), path, what, is_private=is_private)
            return file.read(SIZE_LIMIT)
    except OSError as error:
        raise ConfigError(f"{what} `{path}` cannot be read: {(error.strerror or 'unknown').lower()}") from error


def _open(path: str, flags: int) -> int:
    # Otherwise a named pipe would hold the start for ever.
    return os.open(path, flags | os.O_NONBLOCK)


def _check(status: os.stat_result, path: Path, what: str, *, is_private: bool) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ConfigError(f"{what} `{path}` is not a file")
    if status.st_size > SIZE_LIMIT:
        raise ConfigError(f"{what} `{path}` has {status.st_size} bytes, {SIZE_LIMIT} are allowed")
    if is_private and is_open_to_others(status.st_mode, status.st_uid, os.geteuid()):
        mode = stat.S_IMODE(status.st_mode)
        raise ConfigError(f"{what} `{path}` is open to others (mode {mode:04o})\nhelp: `chmod 600 {path}`")


def is_open_to_others(mode: int, owner: int, reader: int) -> bool:
    """Whether a file's mode lets anybody have a secret but its owner, and a reader that root lends it to."""
    is_lent = owner == _ROOT and reader != _ROOT
    return bool(mode & (_OTHERS & ~stat.S_IRGRP if is_lent else _OTHERS))


def create_private(path: Path, content: bytes) -> None:
    """Makes the file with mode 0600, whole or not at all; one that is there stays, also of several made at once."""
    with written_beside(path) as whole:
        with replacing(whole) as file:
            file.write(content)
        # A link, unlike a rename, never replaces what is there.
        with suppress(FileExistsError):
            os.link(whole, path)


def replace_private(path: Path, content: bytes) -> None:
    """Writes the file with mode 0600; readers see the old content or the new, never a part."""
    with replacing(path) as file:
        file.write(content)
