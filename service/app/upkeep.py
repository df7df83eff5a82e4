"""Does what a database needs from time to time, whether or not it answers just then."""

import threading
import time
from collections.abc import Callable
from typing import Final

from service.errors import FactsUnavailable
from service.telemetry import get_log

EVERY_SECONDS: Final = 600.0

Upkeep = Callable[[int], object]
"""What is to be done, as of that time (milliseconds since 1970 UTC); FactsUnavailable where it cannot be now."""

_log = get_log("upkeep")


def keep_up(stop: threading.Event, name: str, upkeep: Upkeep, *, every: float = EVERY_SECONDS) -> None:
    """Does it now and from time to time, until `stop` is set; where the database does not answer, the next time."""
    while True:
        try:
            upkeep(time.time_ns() // 1_000_000)
        except FactsUnavailable as error:
            _log.warning("upkeep.put_off", work=name, cause=str(error))
        if stop.wait(every):
            return
