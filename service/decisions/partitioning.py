"""Makes the partitions of the log ahead of time, so that the shipper seldom has to."""

import threading
import time
from typing import Final

from service.db.engine import Database
from service.db.log_partitions import Partitions
from service.errors import FactsUnavailable
from service.partition_settings import PartitionSettings
from service.telemetry import get_log

EVERY_SECONDS: Final = 600.0

_log = get_log("decisions")


def make_partitions(database: Database, settings: PartitionSettings, now: int) -> int:
    """Makes those that are lacking from now on, and says how many; FactsUnavailable where the database is away."""
    partitions = Partitions(settings.span_ms)
    made = 0
    for place in range(settings.ahead + 1):
        # One transaction each: who writes the record waits for none of the others.
        with database.write() as connection:
            made += partitions.make(connection, now + place * settings.span_ms)
    return made


def make_partitions_until(
    stop: threading.Event, database: Database, settings: PartitionSettings, *, every: float = EVERY_SECONDS
) -> None:
    """Makes them now and from time to time, until `stop` is set; where the database does not answer, the next time."""
    if database.is_embedded:
        return
    while True:
        try:
            make_partitions(database, settings, time.time_ns() // 1_000_000)
        except FactsUnavailable as error:
            _log.warning("partitions.not_made", cause=str(error))
        if stop.wait(every):
            return
