"""Tells the service's log of calls that fail, at most so many in a time: strangers can fail as often as they like.

What is left out is counted, and the next line says how much it was.
"""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from service.buckets import Bucket
from service.rate import Rate

if TYPE_CHECKING:
    from structlog.typing import FilteringBoundLogger

LINES: Final = Rate(per_minute=600, burst=100)
"""Lines of one worker."""
TEXT_LENGTH: Final = 2000
"""Characters of what a line says of each thing; a cause may quote what the caller sent."""


class FailureLog:
    """The lines of one worker."""

    def __init__(
        self, log: "FilteringBoundLogger", rate: Rate = LINES, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._clock = clock
        self._bucket = Bucket(rate, clock())
        self._left_out = 0

    def tell(self, **event: str) -> None:
        """Writes the line, or counts it as left out; what is empty is not in it, nor the end of a long text."""
        if not self._bucket.take(1, self._clock()):
            self._left_out += 1
            return
        left_out, self._left_out = self._left_out, 0
        said = {name: value[:TEXT_LENGTH] for name, value in event.items() if value}
        self._log.info("call failed", **said, **({"left_out": left_out} if left_out else {}))
