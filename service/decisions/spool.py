"""Keeps each batch of records in one inline write of one whole frame, before the answer.

Law: a record is either whole in the spool when `record` returns, or AuditUnavailable was raised (with `when_full` =
`continue`: it was counted). What was written survives the death of any process; a crash of the machine may lose what
the kernel had not written.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from service.config import SpoolSettings
from service.decisions.frames import HEADER, make_frame
from service.decisions.payload import encode_batch
from service.decisions.segments import create_segment, make_folder, spool_size
from service.errors import AuditUnavailable, ConfigError
from service.model import DecisionRecord
from service.telemetry import get_log

_GRANTS: Final = 64
"""The folder is measured after each 64th of its limit, not for each record; so much may each writer be over."""
_SEGMENTS: Final = 8
"""A full spool has at least so many segments, so that shipping one makes room."""

_TRIAL: Final = make_frame(b"[" + b" " * 4096 + b"]")
"""A batch of no records, of the size of a usual one."""

_log = get_log("decisions")


class Spool:
    """Appends to a segment of its own in the folder, which the workers of a replica share. Used by one thread."""

    def __init__(self, folder: Path, settings: SpoolSettings) -> None:
        """ConfigError if there can be no such folder. The first record opens the first segment."""
        try:
            make_folder(folder)
        except OSError as error:
            raise ConfigError(f"cannot make the spool folder `{folder}`: {error.strerror}") from error
        self._folder = folder
        self._max_bytes = settings.max_bytes
        self._segment_bytes = min(settings.segment_bytes, settings.max_bytes // _SEGMENTS)
        self._is_refusing = settings.when_full == "refuse"
        self._path = folder
        self._descriptor: int | None = None
        self._position = 0
        self._granted = 0
        self._is_failing = False
        self._unrecorded = 0

    @property
    def unrecorded(self) -> int:
        """Records that were answered without being kept (`when_full` = `continue`)."""
        return self._unrecorded

    @property
    def is_failing(self) -> bool:
        """Whether the last record could not be kept."""
        return self._is_failing

    def record(self, records: Sequence[DecisionRecord]) -> None:
        """Returns when the records are kept, all in one write; AuditUnavailable if they are not."""
        if not records:
            return
        try:
            frame = make_frame(encode_batch(records))
        except ValueError as error:
            raise AuditUnavailable(f"a record cannot be written: {error}") from error
        try:
            self._append(frame)
        except OSError as error:
            self._fail(len(records), error)
        else:
            if self._is_failing:
                self._recover()

    def retry(self) -> None:
        """Tries whether records can be kept again, if the last one could not.

        A service that is not ready is not asked, so that no record would ever show that it may be ready again.
        """
        if self._is_failing:
            with suppress(OSError):
                self._append(_TRIAL)
                self._recover()

    def close(self) -> None:
        """Lets the segment go, so that it can be shipped to its end and deleted. A later record opens another."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is None:
            return
        if self._position == len(HEADER):  # nothing could be kept in it
            with suppress(OSError):
                self._path.unlink()
        os.close(descriptor)  # which frees the lock

    def _append(self, frame: bytes) -> None:
        size = len(frame)
        if size > self._granted:
            self._measure(size)
        descriptor = self._descriptor
        if descriptor is None:
            self._path, descriptor = create_segment(self._folder)
            self._descriptor = descriptor
            self._position = len(HEADER)
        try:
            written = os.write(descriptor, frame)
        except OSError:
            self.close()
            raise
        if written != size:
            self._cut(descriptor)
            raise OSError(f"only {written} of {size} bytes were written")
        self._granted -= size
        self._position += size
        if self._position >= self._segment_bytes:
            self.close()

    def _measure(self, size: int) -> None:
        room = self._max_bytes - spool_size(self._folder)
        if room < size:
            self.close()  # a segment in use is never deleted, so it must not be what fills the spool
            raise OSError(f"the spool has reached its limit of {self._max_bytes} bytes")
        self._granted = min(room, self._max_bytes // _GRANTS)

    def _cut(self, descriptor: int) -> None:
        """Seals the segment after its last whole frame. Readers would stop there anyway: this gives the room back."""
        with suppress(OSError):
            os.ftruncate(descriptor, self._position)
        self.close()

    def _fail(self, count: int, error: OSError) -> None:
        if not self._is_failing:
            self._is_failing = True
            with suppress(OSError):  # the service's log may be on the same full disk
                _log.error("record.failed", folder=str(self._folder), error=str(error), refusing=self._is_refusing)
        if self._is_refusing:
            raise AuditUnavailable(f"the record cannot be kept: {error}") from error
        self._unrecorded += count

    def _recover(self) -> None:
        self._is_failing = False
        with suppress(OSError):
            _log.info("record.recovered", folder=str(self._folder), unrecorded=self._unrecorded)
