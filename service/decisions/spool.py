"""Keeps each batch of records in one inline write of one whole frame, before the answer.

Law: a record is kept when `record` returns and what it returned has come to pass, or AuditUnavailable was raised (with
`when_full` = `continue`: it was counted). What was written survives the death of any process; with `durability` =
`disk` what is kept is also on the disk, and survives a crash of the machine.
"""

import os
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

from service.config import SpoolSettings
from service.decisions.frames import HEADER, make_frame
from service.decisions.payload import encode_batch
from service.decisions.segments import Segment, create_segment, free_bytes, make_folder, spool_size
from service.decisions.syncing import GroupCommit, sync_folder
from service.errors import AuditUnavailable, ConfigError
from service.model import DecisionRecord, Keeping
from service.telemetry import get_log

_GRANTS: Final = 64
"""The folder is measured after each 64th of its limit, not for each record; so much may each writer be over."""
_GRANT_BYTES: Final = 4 << 20
"""And at the latest after so much."""
_SEGMENTS: Final = 8
"""A full spool has at least so many segments, so that shipping one makes room."""

_LOOK_SECONDS: Final = 0.25
"""A full folder is not measured for each record: that takes long where it has many segments, and callers wait."""

STALL_SECONDS: Final = 5.0
"""A sync that takes longer is a fault of the disk: callers wait for it in vain, and shall go elsewhere."""

_TRIAL: Final = make_frame(b"[" + b" " * 4096 + b"]")
"""A batch of no records, of the size of a usual one."""

_log = get_log("decisions")


class Spool:
    """Appends to a segment of its own in the folder, which the workers of a replica share. Any thread may use it."""

    def __init__(self, folder: Path, settings: SpoolSettings) -> None:
        """ConfigError if there can be no such folder. The first record opens the first segment."""
        self._folder = folder
        self._settings = settings
        self._segment_bytes = min(settings.segment_bytes, settings.max_bytes // _SEGMENTS)
        self._grant_bytes = min(settings.max_bytes // _GRANTS, _GRANT_BYTES)
        self._turn = threading.Lock()
        self._segment: Segment | None = None
        self._granted = 0
        self._full = ""
        self._look_at = 0.0
        self._is_failing = False
        self._unrecorded = 0
        try:
            make_folder(folder)
            if settings.durability == "disk":
                _sync_parents(folder)
        except OSError as error:
            raise ConfigError(f"cannot make the spool folder `{folder}`: {error.strerror}") from error
        self._commits = GroupCommit(folder, self._synced) if settings.durability == "disk" else None

    @property
    def unrecorded(self) -> int:
        """Records that were answered without being kept (`when_full` = `continue`)."""
        return self._unrecorded

    @property
    def is_failing(self) -> bool:
        """Whether the last record could not be kept, or waits for its sync too long."""
        if self._commits is not None and self._commits.seconds_under_way > STALL_SECONDS:
            return True
        return self._is_failing

    def record(self, records: Sequence[DecisionRecord]) -> Keeping | None:
        """Writes the records, all in one write; AuditUnavailable if that cannot be.

        What to wait for before they are answered or acted on, None where nothing is.
        """
        if not records:
            return None
        try:
            frame = make_frame(encode_batch(records))
        except ValueError as error:
            raise AuditUnavailable(f"a record cannot be written: {error}") from error
        with self._turn:
            try:
                return self._append(frame, len(records))
            except OSError as error:
                self._seal()
                why = self._fail(len(records), error)
                if why is not None:
                    raise AuditUnavailable(why) from error
                return None

    def tend(self) -> None:
        """Lets a segment go that is old, and finds out whether records can be kept. To be called again and again.

        A service that is not ready is not asked, so that no record would ever show that it may be ready again.
        """
        with self._turn:
            segment = self._segment
            if segment is not None and monotonic() - segment.since >= self._settings.segment_seconds:
                self._let_go()
            try:
                self._look_at = 0.0
                if self._is_failing:
                    self._append(_TRIAL, 0)
                elif self._granted == 0:
                    self._measure(len(_TRIAL))
            except OSError as error:
                self._seal()
                self._fail(0, error)

    def close(self) -> None:
        """Lets the segment go, so that it can be shipped to its end and deleted. No record may follow."""
        with self._turn:
            self._let_go()
        if self._commits is not None:
            self._commits.close()

    def _append(self, frame: bytes, records: int) -> Keeping | None:
        size = len(frame)
        if size > self._granted:
            self._measure(size)
        segment = self._segment
        if segment is None or segment.is_lost:
            self._let_go()
            segment = self._segment = create_segment(self._folder)
        written = os.write(segment.descriptor, frame)
        if written != size:
            raise OSError(f"only {written} of {size} bytes were written")
        self._granted -= size
        segment.position += size
        commits, keeping = self._commits, None
        if commits is not None:
            keeping = commits.want(segment, records)
        elif self._is_failing:
            self._recover()
        if segment.position >= self._segment_bytes:
            self._let_go()
        return keeping

    def _measure(self, size: int) -> None:
        if monotonic() < self._look_at:
            raise OSError(self._full)
        settings = self._settings
        room = settings.max_bytes - spool_size(self._folder)
        free = free_bytes(self._folder) - settings.min_free_bytes
        if room >= size and free >= size:
            self._granted = min(room, free, self._grant_bytes)
            return
        self._full = (
            f"the spool has reached its limit of {settings.max_bytes} bytes"
            if room < size
            else f"less than {settings.min_free_bytes} bytes are free on the disk of the spool"
        )
        self._look_at = monotonic() + _LOOK_SECONDS
        raise OSError(self._full)

    def _seal(self) -> None:
        """Ends the segment behind its last whole frame, where readers would stop anyway: it shall be shipped and go.

        A segment in use is never deleted, so it must not be what fills the spool.
        """
        segment = self._segment
        if segment is not None:
            with suppress(OSError):
                os.ftruncate(segment.descriptor, segment.position)
            self._let_go()

    def _let_go(self) -> None:
        segment, self._segment = self._segment, None
        if segment is None:
            return
        if segment.position == len(HEADER):  # nothing could be kept in it
            with suppress(OSError):
                segment.path.unlink()
        if self._commits is None:
            os.close(segment.descriptor)  # which frees the lock
        else:
            self._commits.retire(segment)

    def _synced(self, records: int, error: OSError | None) -> str | None:
        with self._turn:
            if error is not None:
                return self._fail(records, error)
            if self._is_failing:
                self._recover()
            return None

    def _fail(self, records: int, error: OSError) -> str | None:
        """Why these records may not be answered; None where they may, and are counted."""
        is_refusing = self._settings.when_full == "refuse"
        if not self._is_failing:
            self._is_failing = True
            with suppress(OSError):  # a command's own output may be on the same full disk
                _log.error("record.failed", folder=str(self._folder), error=str(error), refusing=is_refusing)
        if is_refusing:
            return f"the record cannot be kept: {error}"
        self._unrecorded += records
        return None

    def _recover(self) -> None:
        self._is_failing = False
        with suppress(OSError):
            _log.info("record.recovered", folder=str(self._folder), unrecorded=self._unrecorded)


def _sync_parents(folder: Path) -> None:
    """Brings the names of the folder, of the folder of all spools and of the data folder to the disk."""
    for each in folder.parents[:3]:
        with suppress(PermissionError):  # a folder that may not be read is not one that this user has just filled
            sync_folder(each)
