"""Deletes keys and sessions that have long ended, from time to time."""

import threading
import time
from typing import Final

from service.authn.api_keys.store import ApiKeyStore
from service.authn.sessions.store import SessionStore
from service.db.engine import Database
from service.errors import FactsUnavailable
from service.telemetry import get_log

EVERY_SECONDS: Final = 600.0

_log = get_log("authn")


def prune_credentials_until(stop: threading.Event, database: Database, *, every: float = EVERY_SECONDS) -> None:
    """Prunes now and from time to time, until `stop` is set; where the database does not answer, the next time."""
    stores = (ApiKeyStore(database), SessionStore(database))
    while True:
        now = time.time_ns() // 1_000_000
        try:
            for store in stores:
                store.prune(now)
        except FactsUnavailable as error:
            _log.warning("ended credentials are not pruned", cause=str(error))
        if stop.wait(every):
            return
