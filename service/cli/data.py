"""`magistrate data`: imports and exports facts on the database itself; all else goes through the service."""

import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import click
import orjson

from policy_lang.schema import Schema
from service.cli.data_report import import_form, import_said
from service.cli.facts import COMMANDS
from service.cli.output import Output, output_option, print_result
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.db.engine import Database
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.entities.exporter import Exporter
from service.entities.importer import Asked, Importer, Listener
from service.errors import FactsUnavailable, why
from service.policies.folder import load_bundle

_STORE = ("policies", "data", "database")


@click.group()
def command() -> None:
    """Write and read the facts that policies decide on.

    `import` and `export` work on the database itself, on the service's host: whoever holds it may. All others ask the
    service, which holds the caller to its roles and records what it does.
    """


@command.command("import")
@click.argument("file", type=click.File("rb"))
@click.option("--upsert", is_flag=True, help="Change what is there; else a line that says otherwise is at fault.")
@click.option("--dry-run", is_flag=True, help="Check everything, write nothing, and say what would change.")
@output_option
@settings_options(*_STORE)
def import_(settings: Settings, file: BinaryIO, upsert: bool, dry_run: bool, output: Output) -> None:
    """Import FILE (`-` for standard input) on the host: JSON lines, one fact each; all of them, or none.

    What is there already as the file says stays as it is, so the same file may be imported again.
    """
    asked = Asked(may_change=upsert, is_trial=dry_run)
    with _facts(settings) as (database, schema), _progress(file) as bar:
        done = Importer(database, schema).run(file, asked, Listener(read=bar))
    print_result(import_said(done, is_trial=dry_run), import_form(done, is_trial=dry_run), output)


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@settings_options(*_STORE)
def export(settings: Settings, file: Path | None) -> None:
    """Export every fact on the host to FILE, or to standard output, as JSON lines that import back equal."""
    left_out = 0

    def leave_out(what: str) -> None:
        nonlocal left_out
        left_out += 1
        click.echo(f"warning: left out {what}", err=True)

    with _facts_there(settings) as (database, schema), _target(file) as target:
        for form in Exporter(database, schema).lines(leave_out):
            target.write(orjson.dumps(form) + b"\n")
    if left_out:
        sys.exit(FINDINGS)


for _each in COMMANDS:
    command.add_command(_each)


@contextmanager
def _facts(settings: Settings) -> Iterator[tuple[Database, Schema]]:
    """The facts, with their tables, and the schema they are written by."""
    schema = load_bundle(settings.policies).program.schema
    database = open_database(settings.database_url)
    try:
        ensure_current(database, "facts")
        yield database, schema
    finally:
        database.close()


@contextmanager
def _facts_there(settings: Settings) -> Iterator[tuple[Database, Schema]]:
    """The same for reading, which makes no database where there is none."""
    database = open_database(settings.database_url)
    if not database.exists():
        raise FactsUnavailable(f"there is no database {database.name}\nhelp: `magistrate data import` makes one")
    with _facts(settings) as opened:
        yield opened


@contextmanager
def _progress(file: BinaryIO) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal, where there is one."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn, TransferSpeedColumn

    columns = TextColumn("reading"), BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeElapsedColumn()
    with Progress(*columns, console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("reading", total=_size_of(file))
        yield lambda read: bars.update(task, advance=read)


def _size_of(file: BinaryIO) -> int | None:
    """Bytes in the file; None where that is not known, as of a pipe."""
    if not file.seekable():
        return None
    size = file.seek(0, io.SEEK_END)
    file.seek(0)
    return size


@contextmanager
def _target(file: Path | None) -> Iterator[BinaryIO]:
    """Where to write: standard output, or a file for its owner alone that appears when it is whole."""
    if file is None:
        yield sys.stdout.buffer
        return
    try:
        with tempfile.NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.", delete=False) as part:
            try:
                yield cast(BinaryIO, part)
            except BaseException:
                Path(part.name).unlink()
                raise
        Path(part.name).replace(file)
    except OSError as error:
        raise click.UsageError(f"`{file}` cannot be written: {why(error)}") from error
