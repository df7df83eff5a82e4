"""`magistrate db backup` and `restore-done`: copies both databases, checks copies, begins anew after a restore."""

import time
from contextlib import closing
from functools import partial
from pathlib import Path

import click
from sqlalchemy import select

from policy_lang.types import Json
from service.app.acting import record
from service.cli.operator import operator, ship, ship_all
from service.cli.output import Output, output_option, print_rows
from service.cli.settings import settings_options
from service.config import Settings
from service.db.backup.making import Source, make
from service.db.backup.manifest import Manifest
from service.db.backup.verifying import verify
from service.db.facts_tables import revision
from service.db.feed import begin_epoch
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.governance.records import backup_record, restore_record


@click.command("backup")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path, file_okay=False))
@click.option("--verify", "is_check", is_flag=True, help="Check the backup that is in DIR instead.")
@output_option
@settings_options("data", "database", "log_database", "replica_id")
def backup(settings: Settings, folder: Path, is_check: bool, output: Output) -> None:
    """Copy the facts and the log into DIR, which is absent or empty, while the service runs.

    SQLite is copied by its own backup, PostgreSQL by `pg_dump`. Every copy is read back. --verify reads one back again,
    wherever it lies by now: exit code 1 where it is not what was backed up. Who makes a backup, and where, is recorded.
    """
    print_rows(_rows(verify(folder) if is_check else _made(settings, folder)), output)


@click.command("restore-done")
@output_option
@settings_options("data", "database", "log_database", "replica_id")
def restore_done(settings: Settings, output: Output) -> None:
    """Begin a new epoch of revisions, after the facts were restored from a backup.

    Revisions from before are unknown from then on, and no worker keeps facts from before in memory. The record says who
    did it.
    """
    with closing(open_database(settings.database_url)) as database:
        ensure_current(database, "facts")
        with database.write() as connection:
            epoch, number = connection.execute(select(revision.c.epoch, revision.c.n)).one()
            begun = begin_epoch(connection)
            now = time.time_ns() // 1_000_000
            record(settings, restore_record(operator(), f"{epoch}.{number}", begun, now=now))
        ship(settings)
        print_rows([{"database": database.name.strip("`"), "revision": begun}], output)


def _made(settings: Settings, folder: Path) -> Manifest:
    facts, log = settings.database_url, settings.log_database_url
    record(settings, backup_record(operator(), str(folder.absolute()), now=time.time_ns() // 1_000_000))
    with closing(open_database(facts)) as facts_database, closing(open_database(log)) as log_database:
        return make(
            folder,
            Source("facts", facts_database, facts),
            Source("log", log_database, log),
            ship=partial(ship_all, settings, log_database),
            made_by=str(operator().principal.ref),
        )


def _rows(made: Manifest) -> list[dict[str, Json]]:
    return [
        {
            "kind": part.kind,
            "file": part.file,
            "rows": sum(part.rows.values()),
            "bytes": part.size,
            "version": part.version,
            "revision": part.revision,
            "sha256": part.sha256,
        }
        for part in made.parts
    ]
