"""Where a fault of one piece of work ends, so that it ends no other."""

from types import TracebackType
from typing import Final

from service.telemetry import get_log

FAULT: Final = "it is a fault of the service, whose log says more"
"""All that whoever waits for the work is told."""

_log = get_log("faults")


class Faults:
    """Keeps a fault of what is done within to itself: the service's log has it, as that event."""

    def __init__(self, event: str, *, but: tuple[type[Exception], ...] = (), **of: str) -> None:
        self._event = event
        self._but = but
        self._of = of

    def __enter__(self) -> None:
        """Begins the work."""

    def __exit__(
        self, kind: type[BaseException] | None, fault: BaseException | None, trace: TracebackType | None
    ) -> bool:
        """Goes on behind it; what ends the process is no fault, and of those errors others take care."""
        if not isinstance(fault, Exception) or isinstance(fault, self._but):
            return False
        _log.error(self._event, exc_info=fault, **self._of)
        return True
