"""The locks on the data folder and on sockets: one service has them at a time, and whatever ends it frees them."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.errors import ConfigError


@contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Holds the folder, which is made if need be; ConfigError if another process holds it or it cannot be written."""
    what = f"the data folder `{folder}`"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{what} cannot be used: {error.strerror}") from error
    with lock_file(folder / "lock", what, "stop that service, or give this one a folder of its own with --data"):
        yield


@contextmanager
def lock_file(file: Path, what: str, help_: str) -> Iterator[None]:
    """Holds the file, which is made if need be and stays; ConfigError, naming `what` it guards, if that cannot be."""
    try:
        descriptor = os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise ConfigError(f"{what} cannot be used: {error.strerror}") from error
    try:
        _take(descriptor, what, help_)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, what: str, help_: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(descriptor, 20, 0).decode("ascii", "replace").strip() or "unknown"
        raise ConfigError(f"{what} is in use by process {holder}\nhelp: {help_}") from error
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
