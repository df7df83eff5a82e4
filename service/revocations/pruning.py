"""Deletes revocations of what has long ended, from time to time."""

import threading
import time
from typing import Final

from service.db.engine import Database
from service.errors import FactsUnavailable
from service.revocations.store import RevocationStore
from service.telemetry import get_log

EVERY_SECONDS: Final = 600.0

_log = get_log("revocations")


def prune_revocations_until(stop: threading.Event, database: Database, *, every: float = EVERY_SECONDS) -> None:
    """Prunes now and from time to time, until `stop` is set; where the database does not answer, the next time."""
    store = RevocationStore(database)
    while True:
        try:
            store.prune(time.time_ns() // 1_000_000)
        except FactsUnavailable as error:
            _log.warning("old revocations are not pruned", cause=str(error))
        if stop.wait(every):
            return
