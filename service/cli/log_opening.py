"""Opens the log for a command, when all that was in the spool is in it if that is waited for."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import click

from service.config import Settings
from service.db.opening import open_database
from service.decisions.log import DecisionLog
from service.errors import ConfigError, FactsUnavailable, why
from service.pool_settings import PoolSettings

WAIT_SECONDS: Final = 30.0
"""How long `--wait` waits for what is still in the spool."""
STATEMENT_MS: Final = 60_000
"""How long one statement on PostgreSQL may take: as long as over the service."""
_POLL_SECONDS: Final = 0.05

wait_option: Final = click.option("--wait", is_flag=True, help="Wait for what is recorded but not yet in the log.")


@contextmanager
def opened_log(settings: Settings, *, wait: bool = False) -> Iterator[DecisionLog]:
    """The log; FactsUnavailable where what is waited for does not come."""
    database = open_database(settings.log_database_url, PoolSettings(statement_ms=STATEMENT_MS))
    try:
        log = DecisionLog(database, scan_limit=settings.log_reading.scan_records)
        if wait:
            _wait_for_spool(log, settings.spool_folder)
        yield log
    finally:
        database.close()


def ship_spool(settings: Settings) -> None:
    """Has all in the log that is in the spool now; FactsUnavailable where that does not come to be."""
    from service.db.log_partitions import Partitions
    from service.decisions.shipper import Shipper

    database = open_database(settings.log_database_url)
    try:
        with suppress(FactsUnavailable):  # the service may ship the same, and one of two is refused
            Shipper(settings.spool_folder, database, Partitions(settings.partitions.span_ms)).ship()
        _wait_for_spool(DecisionLog(database), settings.spool_folder)
    finally:
        database.close()


def _wait_for_spool(log: DecisionLog, folder: Path) -> None:
    try:
        mark = log.unshipped(folder)
    except OSError as error:
        raise ConfigError(f"cannot read the spool `{folder}`: {why(error)}") from error
    give_up = time.monotonic() + WAIT_SECONDS
    while not log.is_shipped(mark):
        if time.monotonic() > give_up:
            raise FactsUnavailable(
                f"after {WAIT_SECONDS:.0f} s there are records in the spool `{folder}` that are not in the log"
                "\nhelp: `magistrate serve` ships them; what it logs says why it does not"
            )
        time.sleep(_POLL_SECONDS)
