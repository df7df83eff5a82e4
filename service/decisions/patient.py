"""Records for threads that may wait: each goes on when its records are kept."""

from collections.abc import Sequence

from service.model import DecisionRecord
from service.ports import Recorder


class Patient:
    """A recorder that waits until another has kept what it was given (`ports.PatientRecorder`)."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder

    def record(self, records: Sequence[DecisionRecord]) -> None:
        """Returns when the records are kept; AuditUnavailable if they are not."""
        keeping = self._recorder.record(records)
        if keeping is not None:
            keeping.wait()
