"""`magistrate data import`: through the service, or on the database itself."""

from functools import partial
from typing import BinaryIO, Unpack

import click

from policy_lang.types import Json
from service.cli.calling import Connection, long_connection_options
from service.cli.data_here import STORE, imported_here
from service.cli.data_report import import_form, import_said, reading_bar
from service.cli.data_transfer import LONGEST, imported_by_service, is_for_service
from service.cli.opened_facts import opened_facts
from service.cli.operator import record_acts, ship
from service.cli.output import Output, output_option, print_result
from service.cli.settings import settings_options
from service.config import Settings
from service.entities.imported import Asked
from service.entities.importer import Listener
from service.entities.transfer_office import EVERYTHING
from service.permits import Act, Action


@click.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--upsert", is_flag=True, help="Change what is there; else a line that says otherwise is at fault.")
@click.option("--dry-run", is_flag=True, help="Check everything, write nothing, and say what would change.")
@output_option
@long_connection_options(LONGEST)
@settings_options(*STORE)
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
