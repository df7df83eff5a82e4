"""Real syncs, held back for as long as a test wants to look, and a file on which they really fail."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

PATIENCE = 20.0


@dataclass
class Syncs:
    """Every sync of this process: what it was of, in the order in which they returned."""

    done: list[str] = field(default_factory=list)
    under_way: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    _may_pass: threading.Event = field(default_factory=threading.Event)

    def hold(self) -> None:
        """Lets none return from now on; `under_way` counts those that begin from now on."""
        self._may_pass.clear()
        while self.under_way.acquire(blocking=False):
            pass

    def release(self) -> None:
        """Lets all return."""
        self._may_pass.set()

    def watched(self, sync: Callable[[int], None]) -> Callable[[int], None]:
        """The sync, which waits before it is done and is noted afterwards."""

        def waiting(descriptor: int) -> None:
            name = Path(f"/proc/self/fd/{descriptor}").readlink().name
            self.under_way.release()
            assert self._may_pass.wait(PATIENCE)
            sync(descriptor)
            self.done.append(name)

        return waiting


@contextmanager
def watched_syncs() -> Iterator[Syncs]:
    """Watches the syncs of this process."""
    syncs = Syncs()
    syncs.release()
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(os, "fdatasync", syncs.watched(os.fdatasync))
        patched.setattr(os, "fsync", syncs.watched(os.fsync))
        try:
            yield syncs
        finally:
            syncs.release()


@contextmanager
def unsyncable(path: Path) -> Iterator[None]:
    """This process's descriptor of the file leads to where writes succeed and no sync does: a pipe."""
    reader, writer = os.pipe()
    (descriptor,) = descriptors_of(path)
    try:
        os.dup2(writer, descriptor, inheritable=False)
        yield
    finally:
        os.close(writer)
        os.close(reader)


def descriptors_of(path: Path) -> list[int]:
    """The descriptors of this process that are open on the file."""
    found = []
    for each in Path("/proc/self/fd").iterdir():
        if each.is_symlink() and str(each.readlink()) == str(path):
            found.append(int(each.name))
    return found
