"""Brings what is written to the disk, in a thread of its own: what comes while one sync is under way shares the next.

Law: a record counts as on the disk when a sync has returned that began after its write, and after the folder had its
segment's name. A sync that failed is never tried again on the same descriptor: the kernel may have dropped what it
could not write, and would call the next one a success. So that segment is lost to its writer, from there on.
"""

import asyncio
import os
import threading
from collections.abc import Callable, Generator
from contextlib import suppress
from pathlib import Path
from time import monotonic

from service.decisions.segments import Segment
from service.errors import AuditUnavailable

Outcome = Callable[[int, OSError | None], str | None]
"""Told of so many records whether their sync failed; why they may not be answered, None where they may."""


class Group:
    """Records that come to the disk together (`model.Keeping`). All who await one are of one loop."""

    def __init__(self) -> None:
        self.segments: dict[Segment, None] = {}
        self.retired: list[Segment] = []
        self.records = 0
        self._lock = threading.Lock()
        self._settled = threading.Event()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[asyncio.Future[None]] = []
        self._acts: list[Callable[[], None]] = []
        self._why: str | None = None

    @property
    def has_work(self) -> bool:
        """Whether there is anything to sync or to close."""
        return bool(self.segments or self.retired)

    def __await__(self) -> Generator[object, None, None]:
        """Waits without holding up the loop; AuditUnavailable where the records may not be answered."""
        future: asyncio.Future[None] | None = None
        with self._lock:
            if not self._settled.is_set():
                self._loop = asyncio.get_running_loop()
                future = self._loop.create_future()  # for each its own: a cancelled wait must end no other
                self._waiting.append(future)
        if future is not None:
            yield from future
        self._judge()

    def wait(self) -> None:
        """The same, for a thread."""
        self._settled.wait()
        self._judge()

    def then(self, act: Callable[[], None]) -> None:
        """Does that once the records may be answered, before anyone who waits goes on; never, where they may not."""
        with self._lock:
            if not self._settled.is_set():
                self._acts.append(act)
                return
        if self._why is None:
            act()

    def settle(self, why: str | None) -> None:
        """Lets everyone go on who waits: with the answer, or with why there is none."""
        self._why = why
        with self._lock:
            for act in self._acts if why is None else ():
                act()
            self._settled.set()
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed: nobody waits there any more
                self._loop.call_soon_threadsafe(self._tell)

    def _tell(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)

    def _judge(self) -> None:
        if self._why is not None:
            raise AuditUnavailable(self._why)


class GroupCommit:
    """Syncs the segments of one folder. Its methods may be called by one thread at a time."""

    def __init__(self, folder: Path, outcome: Outcome) -> None:
        """`outcome` is called in the thread that syncs."""
        self._folder = folder
        self._outcome = outcome
        self._change = threading.Condition()
        self._group = Group()
        self._is_closing = False
        self._began: float | None = None
        self._thread = threading.Thread(target=self._run, name="spool-sync", daemon=True)
        self._thread.start()

    @property
    def seconds_under_way(self) -> float:
        """How long the present sync takes already, 0 between syncs."""
        began = self._began
        return 0.0 if began is None else monotonic() - began

    def want(self, segment: Segment, records: int) -> Group:
        """What to wait for, until these records, which are written to the segment, are on the disk."""
        with self._change:
            group = self._group
            group.segments[segment] = None
            group.records += records
            self._change.notify()
        return group

    def retire(self, segment: Segment) -> None:
        """Closes the segment's descriptor when everything is synced that was wanted of it."""
        with self._change:
            self._group.retired.append(segment)
            self._change.notify()

    def close(self) -> None:
        """Finishes what was wanted, and ends the thread."""
        with self._change:
            self._is_closing = True
            self._change.notify()
        self._thread.join()

    def _run(self) -> None:
        while (group := self._next()) is not None:
            self._began = monotonic()
            error = self._sync(group)
            self._began = None
            for segment in group.retired:
                with suppress(OSError):  # all that was wanted of it is synced, or its loss was told
                    os.close(segment.descriptor)  # which frees the lock
            group.settle(self._outcome(group.records, error) if group.segments else None)

    def _next(self) -> Group | None:
        with self._change:
            self._change.wait_for(lambda: self._group.has_work or self._is_closing)
            group, self._group = self._group, Group()
        return group if group.has_work else None

    def _sync(self, group: Group) -> OSError | None:
        """What failed, if something did."""
        failed: OSError | None = None
        for segment in group.segments:
            try:
                self._sync_segment(segment)
            except OSError as error:
                segment.is_lost = True
                failed = error
        return failed

    def _sync_segment(self, segment: Segment) -> None:
        if segment.is_lost:
            raise OSError("an earlier sync of the same segment failed")
        os.fdatasync(segment.descriptor)
        if not segment.is_named:
            sync_folder(self._folder)
            segment.is_named = True


def sync_folder(folder: Path) -> None:
    """Brings the folder's names to the disk; OSError where that fails."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
