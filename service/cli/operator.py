"""Says who runs a command on the host, records what it does, and has that shipped."""

import os
import pwd
import time
from collections.abc import Sequence

import click

from policy_lang.values import Ref
from service.app.acting import record
from service.config import Settings
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.decisions.shipper import Shipper
from service.errors import FactsUnavailable, SchemaOutdated
from service.governance.records import BY_OPERATOR, act_record
from service.identity import OPERATOR
from service.model import Caller, Principal
from service.permits import Act


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
        Shipper(settings.spool_folder, database).ship()
    except (FactsUnavailable, SchemaOutdated) as error:
        click.echo(f"warning: the record stays in `{settings.spool_folder}` for now: {error}", err=True)
    finally:
        database.close()
