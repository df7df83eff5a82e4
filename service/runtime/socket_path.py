"""Keeps a Unix socket's path ours: refuses one that is taken, clears what was left behind, removes it at the end."""

import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Final

from service.doors.sockets import SCHEME
from service.errors import ConfigError
from service.runtime.locks import lock_file
from service.telemetry import get_log

LONGEST: Final = 99
"""Bytes of a path: Linux has room for 107, and a worker's own name for its socket has up to 8 more than ours."""
PROBE_SECONDS: Final = 1.0

_log = get_log("supervisor")


@dataclass(frozen=True, slots=True)
class SocketPath:
    """A Unix socket by its absolute path."""

    path: Path

    def __str__(self) -> str:
        return f"{SCHEME}{self.path}"


def parse_socket_path(text: str) -> SocketPath:
    """The socket that `unix:PATH` names; ConfigError if none can be there."""
    written = text.removeprefix(SCHEME)
    path = Path(written.removeprefix("//") if written.startswith("///") else written).absolute()
    if not written or written.endswith("/") or "\0" in written:
        raise ConfigError(f"`{text}` is no address\nhelp: write unix:PATH, such as unix:/run/magistrate/door.sock")
    length = len(bytes(path))
    if length > LONGEST:
        raise ConfigError(
            f"the path `{path}` has {length} bytes, a Unix socket's has {LONGEST} at most\nhelp: choose a shorter one"
        )
    return SocketPath(path)


@contextmanager
def hold_socket_path(wanted: SocketPath, setting: str) -> Iterator[SocketPath]:
    """Holds the path while the block runs, with nothing there at first; ConfigError if it is taken.

    The lock is a file beside it, which stays: of two services one would else clear away what the other has just made.
    """
    path = wanted.path
    help_ = f"choose another with --{setting.replace('_', '-')}"
    with lock_file(path.with_name(f"{path.name}.lock"), f"the socket `{path}`", help_):
        _clear(path, help_)
        try:
            yield wanted
        finally:
            path.unlink(missing_ok=True)


def _clear(path: Path, help_: str) -> None:
    """Removes what services that are gone have left; ConfigError if somebody is there."""
    if path.exists() or path.is_symlink():
        if not stat.S_ISSOCK(path.lstat().st_mode):
            raise ConfigError(f"`{path}` is there, and is no socket\nhelp: {help_}")
        if _is_answered(path):
            raise ConfigError(f"the socket `{path}` is in use by another process\nhelp: {help_}")
        path.unlink()
        _log.info("socket left behind was removed", path=str(path))
    for unplaced in path.parent.glob(f"{escape(path.name)}.[0-9]*"):
        with suppress(FileNotFoundError):
            if stat.S_ISSOCK(unplaced.lstat().st_mode):
                unplaced.unlink()


def _is_answered(path: Path) -> bool:
    """Whether anybody listens there: the file of a socket outlives who made it."""
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(PROBE_SECONDS)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            return False
        except OSError:  # of one who is there and does not take it, or lets nobody in
            return True
        return True
