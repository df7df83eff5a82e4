"""Says who runs a command on the host, and has what was recorded of it shipped."""

import os
import pwd

import click

from policy_lang.values import Ref
from service.config import Settings
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.decisions.shipper import Shipper
from service.errors import FactsUnavailable, SchemaOutdated
from service.identity import OPERATOR
from service.model import Caller, Principal


def operator() -> Caller:
    """Who runs this process, by the machine's own word and not by the environment's."""
    try:
        name = pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        name = str(os.getuid())
    return Caller(Principal(Ref("operator", name), evidence=OPERATOR), "")


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
