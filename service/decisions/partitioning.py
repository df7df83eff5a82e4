"""Makes the partitions of the log ahead of time, so that the shipper seldom has to."""

from service.db.engine import Database
from service.db.log_partitions import Partitions
from service.partition_settings import PartitionSettings


def make_partitions(database: Database, settings: PartitionSettings, now: int) -> int:
    """Makes those that are lacking from now on, and says how many; FactsUnavailable where the database is away."""
    partitions = Partitions(settings.span_ms)
    made = 0
    for place in range(settings.ahead + 1):
        # One transaction each: who writes the record waits for none of the others.
        with database.write() as connection:
            made += partitions.make(connection, now + place * settings.span_ms)
    return made
