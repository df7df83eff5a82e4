"""`magistrate db`: migrates the databases and shows how their tables stand; backs them up."""

from collections.abc import Mapping
from typing import Final

import click

from service.cli.commands import Commands, Entry

COMMANDS: Final[Mapping[str, Entry]] = {
    "migrate": Entry("service.cli.db_tables:migrate_", "Bring the tables of the facts and of the log to this version."),
    "status": Entry("service.cli.db_tables:status_", "Show how the tables stand."),
    "grants": Entry(
        "service.cli.db_tables:grants", "Print the SQL that gives the roles of the log on PostgreSQL what they need."
    ),
    "backup": Entry("service.cli.db_backup:backup", "Copy the facts and the log into DIR, while the service runs."),
    "restore-done": Entry(
        "service.cli.db_backup:restore_done",
        "Begin a new epoch of revisions, after the facts were restored from a backup.",
    ),
}


@click.group(cls=Commands, entries=COMMANDS)
def command() -> None:
    """Migrate the databases, show their state, back them up."""
