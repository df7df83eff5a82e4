"""`magistrate data`: imports and exports facts, through the service or on the database itself."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import BinaryIO, Unpack

import click

from policy_lang.types import Json
from service.cli.calling import Connection, long_connection_options
from service.cli.data_here import bundle_in_force, imported_here, opened_facts
from service.cli.data_report import import_form, import_said, reading_bar, writing_bar
from service.cli.data_sources import command as check_sources
from service.cli.data_transfer import exported_by_service, imported_by_service, is_for_service
from service.cli.facts import COMMANDS
from service.cli.operator import record_acts, ship
from service.cli.output import Output, output_option, print_result
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.db.engine import Database
from service.db.opening import open_database
from service.entities.exporter import Exporter
from service.entities.importer import Asked, Listener
from service.entities.transfer_office import EVERYTHING
from service.errors import FactsUnavailable, why
from service.permits import Act, Action
from service.whole_files import replacing

_STORE = ("policies", "policies_source", "data", "database", "log_database", "replica_id")
_LONGEST = 540.0
"""Seconds that an import or export may take over the service, unless the user says otherwise."""


@click.group()
def command() -> None:
    """Write and read the facts that policies decide on.

    Everything asks the service, which holds the caller to its roles and records what it does. `import` and `export`
    without a service or a token work on the database itself, on the service's host: whoever holds it may, and is
    recorded as `operator:<user>`.
    """


@command.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--upsert", is_flag=True, help="Change what is there; else a line that says otherwise is at fault.")
@click.option("--dry-run", is_flag=True, help="Check everything, write nothing, and say what would change.")
@output_option
@long_connection_options(_LONGEST)
@settings_options(*_STORE)
def import_(
    settings: Settings, file: BinaryIO, upsert: bool, dry_run: bool, output: Output, **connection: Unpack[Connection]
) -> None:
    """Import FILE (`-` for standard input): JSON lines, one fact each; all of them, or none.

    What is there already as the file says stays as it is, so the same file may be imported again. With --server,
    --token or --token-file the service does it, else this command on the database itself, held to the policies of the
    folder, or where the service's are pushed (`--policies-source store`) to those in force.
    """
    asked = Asked(may_change=upsert, is_trial=dry_run)
    details: dict[str, Json] = {"change": "import", "upsert": upsert, "dry_run": dry_run}
    acts = [Act(action, EVERYTHING, details=details) for action in (Action.ENTITY_WRITE, Action.ROLE_ASSIGN)]
    with reading_bar(file) as bar:
        if is_for_service():
            done = imported_by_service(connection, file, asked, bar)
        else:
            with opened_facts(settings) as database:
                listener = Listener(read=bar, writes=partial(record_acts, settings, acts))
                done = imported_here(settings, database, file, asked, listener)
            if not dry_run:
                ship(settings)
    print_result(import_said(done, is_trial=dry_run), import_form(done, is_trial=dry_run), output)


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@long_connection_options(_LONGEST)
@settings_options(*_STORE)
def export(settings: Settings, file: Path | None, **connection: Unpack[Connection]) -> None:
    """Export every fact to FILE, or to standard output, as JSON lines that import back equal.

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


for _each in (check_sources, *COMMANDS):
    command.add_command(_each)


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
    if file is None:
        yield sys.stdout.buffer
        return
    try:
        with replacing(file) as target:
            yield target
    except OSError as error:
        raise click.UsageError(f"`{file}` cannot be written: {why(error)}") from error
