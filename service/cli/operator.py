"""Says who runs a command on the host, records what it does, and has that shipped."""

import os
import pwd
import time
from collections.abc import Sequence
from typing import Final

import click

from policy_lang.values import Ref
from service.app.acting import record
from service.config import Settings
from service.db.engine import Database
from service.db.log_partitions import Partitions
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.decisions.log import DecisionLog
from service.decisions.shipper import Shipper
from service.errors import FactsUnavailable, SchemaOutdated
from service.governance.records import BY_OPERATOR, act_record
from service.identity import OPERATOR
from service.model import Caller, Principal
from service.permits import Act

SHIPPED_SECONDS: Final = 2.0
"""How long a command waits for the service to ship what it may be shipping already."""
WHOLE_SECONDS: Final = 30.0
"""How long a command that needs all of the spool in the log takes turns with the service that ships it, too."""
_POLL_SECONDS: Final = 0.02


def operator() -> Caller:
    """Who runs this process, by the machine's own word and not by the environment's."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return Caller(Principal(Ref("operator", name), evidence=OPERATOR), "")


def record_acts(settings: Settings, acts: Sequence[Act]) -> None:
    """Records what whoever runs this process is about to do; AuditUnavailable where that cannot be, and it is not done.

    At what revision is not known before it is done.
    """
    now = time.time_ns() // 1_000_000
    record(settings, *(act_record(operator(), act, rules=BY_OPERATOR, now=now, revision="") for act in acts))


def ship(settings: Settings) -> None:
    """Moves the record into the log; where that does not answer, the service does it when it next can."""
    database = open_database(settings.log_database_url)
    try:
        ensure_current(database, "log")
        _ship(settings, database)
    except (FactsUnavailable, SchemaOutdated) as error:
        click.echo(f"warning: the record stays in `{settings.spool_folder}` for now: {error}", err=True)
    finally:
        database.close()


def ship_all(settings: Settings, database: Database) -> None:
    """Moves all that is in the spool by now into the log; FactsUnavailable where the log's database does not answer.

    Where the service ships the same at the same moment, either may leave the other what came last: so it is looked at.
    """
    log, give_up = DecisionLog(database), time.monotonic() + WHOLE_SECONDS
    mark = log.unshipped(settings.spool_folder)
    _ship(settings, database)
    while not log.is_shipped(mark):
        if time.monotonic() > give_up:
            click.echo(
                f"warning: not all in `{settings.spool_folder}` is in the log, the service's own says why", err=True
            )
            return
        time.sleep(_POLL_SECONDS)
        _ship(settings, database)


def _ship(settings: Settings, database: Database) -> None:
    log, folder = DecisionLog(database), settings.spool_folder
    mark = log.unshipped(folder)
    try:
        Shipper(folder, database, Partitions(settings.partitions.span_ms)).ship()
    except FactsUnavailable:
        # The service may be shipping the same, and one of two is refused; then it is there in a moment.
        give_up = time.monotonic() + SHIPPED_SECONDS
        while not log.is_shipped(mark):
            if time.monotonic() > give_up:
                raise
            time.sleep(_POLL_SECONDS)
