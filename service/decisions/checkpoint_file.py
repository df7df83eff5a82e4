"""Reads the file of checkpoints, and adds to it.

Law: a last line without its end was not written whole; it is no line, and the next one takes its place. Only who reads
takes it where nothing else is lacking: an auditor may have kept it so.
"""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import orjson

LINE_LIMIT: Final = 1 << 20
"""Bytes in one line: heads of some 7,000 chains."""


class AppendedFile:
    """A file of checkpoints, held by its lock."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        size = os.fstat(descriptor).st_size
        start = max(0, size - 2 * LINE_LIMIT)
        tail = os.pread(descriptor, size - start, start)
        self._end = start + tail.rfind(b"\n") + 1
        lines = tail.split(b"\n")[:-1]
        self.last = lines[-1].decode(errors="replace") if lines else None
        """The last whole line, None where there is none."""

    def append(self, lines: Sequence[str]) -> None:
        """Returns when the lines are on the disk; OSError if they are not."""
        if not lines:
            return
        if os.fstat(self._descriptor).st_size != self._end:
            os.ftruncate(self._descriptor, self._end)
        content = "".join(line + "\n" for line in lines).encode()
        if os.write(self._descriptor, content) != len(content):
            raise OSError("there is no room for a checkpoint in its file")
        os.fsync(self._descriptor)
        self._end += len(content)


@contextmanager
def appending(file: Path) -> Iterator[AppendedFile]:
    """Opens the file, which is made if it is not there; one at a time has it. OSError if that cannot be."""
    descriptor = os.open(file, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield AppendedFile(descriptor)
    finally:
        os.close(descriptor)


def lines_of(file: Path) -> Iterator[str]:
    """The whole lines that were there at the first, each without its end; OSError if the file cannot be read.

    One is in memory at a time. One that is too long for a checkpoint comes in pieces, of which none is one.
    """
    with file.open("rb") as content:
        left = os.fstat(content.fileno()).st_size
        while line := content.readline(min(LINE_LIMIT, left)):
            left -= len(line)
            if line.endswith(b"\n") or len(line) == LINE_LIMIT or _is_object(line):
                yield line.removesuffix(b"\n").decode(errors="replace")


def _is_object(line: bytes) -> bool:
    """Whether all of it was written: of an object no beginning is one."""
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False
