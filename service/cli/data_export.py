"""`magistrate data export`: through the service, or from the database itself."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Unpack

import click

from service.cli.calling import Connection, long_connection_options
from service.cli.data_here import STORE, bundle_in_force
from service.cli.data_report import writing_bar
from service.cli.data_transfer import LONGEST, exported_by_service, is_for_service
from service.cli.opened_facts import opened_facts
from service.cli.operator import record_acts, ship
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.db.engine import Database
from service.db.opening import open_database
from service.entities.exporter import Exporter
from service.entities.transfer_office import EVERYTHING
from service.errors import FactsUnavailable, why
from service.permits import Act, Action
from service.whole_files import replacing


@click.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False, allow_dash=True), required=False)
@long_connection_options(LONGEST)
@settings_options(*STORE)
def export(settings: Settings, file: Path | None, **connection: Unpack[Connection]) -> None:
    """Export every fact to FILE, or (`-` too) to standard output, as JSON lines that import back equal.

    With --server, --token or --token-file the service does it, else this command on the database itself.
    """
    left_out = 0

    def leave_out(what: str) -> None:
        nonlocal left_out
        left_out += 1
        click.echo(f"warning: left out {what}", err=True)

    if is_for_service():
        with _target(file) as target, writing_bar("bytes") as bar:
            left_out = exported_by_service(connection, target, bar)
    else:
        with _facts_there(settings) as database, _target(file) as target, writing_bar("facts") as bar:
            schema = bundle_in_force(settings, database).program.schema
            record_acts(settings, [Act(Action.ENTITY_READ, EVERYTHING, details={"read": "export"})])
            Exporter(database, schema).write(target, leave_out, bar)
        ship(settings)
    if left_out:
        sys.exit(FINDINGS)


@contextmanager
def _facts_there(settings: Settings) -> Iterator[Database]:
    """The facts for reading, which makes no database where there is none."""
    database = open_database(settings.database_url)
    if not database.exists():
        raise FactsUnavailable(f"there is no database {database.name}\nhelp: `magistrate data import` makes one")
    with opened_facts(settings) as opened:
        yield opened


@contextmanager
def _target(file: Path | None) -> Iterator[BinaryIO]:
    """Where to write: standard output, or a file for its owner alone that appears when it is whole."""
    if file in (None, Path("-")):
        yield sys.stdout.buffer
        return
    try:
        with replacing(file) as target:
            yield target
    except OSError as error:
        raise click.UsageError(f"`{file}` cannot be written: {why(error)}") from error
