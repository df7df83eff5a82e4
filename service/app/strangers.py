"""Builds what a worker does about calls that are not authenticated: how many it bears, and where they are summed up."""

from collections.abc import Mapping
from typing import Final

from service.config import Settings
from service.db.opening import open_database
from service.decisions.unauthenticated import Unauthenticated
from service.ports import Clock
from service.rate import Rate
from service.reception.failures import Failure, Failures
from service.reception.summing import sum_failures

ROWS: Final = 1000
"""Rows a minute, of all workers (runtime.md, The record)."""


def build_failures(settings: Settings) -> Failures:
    """Counts them for one worker."""
    often = settings.limits.failed_authentications
    return Failures(Rate(often, often), ROWS // settings.workers)


async def sum_up(settings: Settings, failures: Failures, clock: Clock) -> None:
    """Has them written down, with the record but outside of its spool; never returns."""
    database = open_database(settings.log_database_url)
    sums = Unauthenticated(database)

    def write(counts: Mapping[Failure, int]) -> None:
        rows = {(failure.reason, failure.network): calls for failure, calls in counts.items()}
        sums.add(settings.replica_id, rows, clock())

    try:
        await sum_failures(failures, write)
    finally:
        database.close()
