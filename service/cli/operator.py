"""Records what an operator does on the host, who is asked for no permission, as nothing else is done unrecorded."""

import os
import pwd

import click

from policy_lang.values import Ref
from service.config import Settings
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.decisions.patient import Patient
from service.decisions.shipper import Shipper
from service.decisions.spool import Spool
from service.errors import FactsUnavailable, SchemaOutdated
from service.identity import OPERATOR
from service.model import Caller, DecisionRecord, Principal


def operator() -> Caller:
    """Who runs this process, by the machine's own word and not by the environment's."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return Caller(Principal(Ref("operator", name), evidence=OPERATOR), "")


def record(settings: Settings, act: DecisionRecord) -> None:
    """Records an act before it is committed: what cannot be recorded is not done."""
    spool = Spool(settings.spool_folder, settings.spool)
    try:
        Patient(spool).record([act])
    finally:
        spool.close()


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
