"""`magistrate db migrate`, `status` and `grants`: the tables of the databases, and who may use them."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import click

from policy_lang.types import Json
from service.cli.output import Output, output_option, print_rows
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.db.engine import Database
from service.db.log_grants import log_grants
from service.db.migration import SchemaStatus, State, migrate, status
from service.db.opening import open_database
from service.db.versions import Kind

_KINDS: Final[tuple[Kind, ...]] = ("facts", "log")


@click.command("migrate")
@output_option
@settings_options("data", "database", "log_database")
def migrate_(settings: Settings, output: Output) -> None:
    """Bring the tables of the facts and of the log to this version."""
    rows = []
    for kind in _KINDS:
        with _opened(settings, kind) as database:
            before = migrate(database, kind)
            rows.append(_row(database, status(database, kind)) | {"before": before.found})
    print_rows(rows, output)


@click.command("status")
@output_option
@settings_options("data", "database", "log_database")
def status_(settings: Settings, output: Output) -> None:
    """Show how the tables stand. Exit code 1 where some are not of this version."""
    rows = []
    is_current = True
    for kind in _KINDS:
        with _opened(settings, kind) as database:
            found = status(database, kind)
            is_current &= found.state is State.CURRENT
            rows.append(_row(database, found))
    print_rows(rows, output)
    if not is_current:
        sys.exit(FINDINGS)


@click.command()
def grants() -> None:
    """Print the SQL that gives the roles of the log on PostgreSQL what they need, and no more.

    The owner of the tables runs it after every `magistrate db migrate`: magistrate db grants | psql URL
    """
    click.echo(log_grants(), nl=False)


@contextmanager
def _opened(settings: Settings, kind: Kind) -> Iterator[Database]:
    database = open_database(settings.database_url if kind == "facts" else settings.log_database_url)
    try:
        yield database
    finally:
        database.close()


def _row(database: Database, found: SchemaStatus) -> dict[str, Json]:
    return {
        "kind": found.kind,
        "database": database.name.strip("`"),
        "state": found.state.value,
        "version": found.found,
        "known": found.known,
    }
