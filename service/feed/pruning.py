"""Deletes change rows that every reader has long read; one that has not finds a gap, and keeps nothing."""

import threading
import time
from typing import Final

from service.db.engine import Database
from service.db.feed import prune
from service.errors import FactsUnavailable
from service.telemetry import get_log

KEPT_SECONDS: Final = 86_400
EVERY_SECONDS: Final = 600.0

_log = get_log("feed")


def prune_until(stop: threading.Event, database: Database, *, every: float = EVERY_SECONDS) -> None:
    """Prunes now and from time to time, until `stop` is set; where the database does not answer, the next time."""
    while True:
        try:
            with database.write() as connection:
                prune(connection, int((time.time() - KEPT_SECONDS) * 1000))
        except FactsUnavailable as error:
            _log.warning("old changes are not pruned", cause=str(error))
        if stop.wait(every):
            return
