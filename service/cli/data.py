"""`magistrate data`: writes and reads the facts that policies decide on, by the schema of the policies."""

import io
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import click
import orjson

from policy_lang.schema import Schema
from service.cli.attributes import given_ref, read_attributes, read_ref
from service.cli.output import Output, output_option, print_result, print_rows
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.db.engine import Database
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.entities.exporter import Exporter
from service.entities.forms import Form
from service.entities.importer import PASSES, Importer
from service.entities.writer import EntityWriter
from service.errors import FactsUnavailable
from service.policies.folder import load_bundle

_STORE = ("policies", "data", "database")
_until = click.option("--until", metavar="TIME", help="When it expires, such as 2027-01-01T00:00:00Z; else never.")


@click.group()
def command() -> None:
    """Write and read the facts that policies decide on."""


@command.command("import")
@click.argument("file", type=click.File("rb"))
@output_option
@settings_options(*_STORE)
def import_(settings: Settings, file: BinaryIO, output: Output) -> None:
    """Import FILE (`-` for standard input): JSON lines, one fact each; all of them, or none."""
    with _facts(settings) as (database, schema), _seekable(file) as lines, _progress(lines) as bar:
        done = Importer(database, schema).run(lines, bar)
    counts = {"entities": done.entities, "assignments": done.assignments, "relations": done.relations}
    said = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    print_result(f"imported {said}; revision {done.revision}", {**counts, "revision": done.revision}, output)


@command.command("export")
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), required=False)
@settings_options(*_STORE)
def export(settings: Settings, file: Path | None) -> None:
    """Export every fact to FILE, or to standard output, as JSON lines that import back equal."""
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


@command.command("get")
@click.argument("entity", metavar="TYPE:ID")
@output_option
@settings_options(*_STORE)
def get(settings: Settings, entity: str, output: Output) -> None:
    """Show an entity, the roles it holds or that are held at it, and its stored relations."""
    ref = read_ref(entity)
    with _facts_there(settings) as (database, schema):
        forms = Exporter(database, schema).about(ref, lambda what: click.echo(f"warning: left out {what}", err=True))
    print_rows(list(_flattened(forms)) if output == "table" else forms, output)


@command.command("put")
@click.argument("entity", metavar="TYPE:ID")
@click.option("--attr", multiple=True, metavar="NAME=VALUE", help="An attribute; NAME:=JSON for any form of value.")
@click.option("--parent", multiple=True, metavar="TYPE:ID", help="A parent.")
@output_option
@settings_options(*_STORE)
def put(settings: Settings, entity: str, attr: tuple[str, ...], parent: tuple[str, ...], output: Output) -> None:
    """Write an entity whole: attributes and parents that are not given are not set any more."""
    ref = read_ref(entity)
    with _facts(settings) as (database, schema):
        given = read_attributes(schema, ref.type, attr)
        revision = EntityWriter(database, schema).put(ref, given, [given_ref(each) for each in parent])
    _say(f"put {ref}", revision, output)


@command.command("delete")
@click.argument("entity", metavar="TYPE:ID")
@output_option
@settings_options(*_STORE)
def delete(settings: Settings, entity: str, output: Output) -> None:
    """Delete an entity, with its role assignments and stored relations."""
    ref = read_ref(entity)
    with _facts(settings) as (database, schema):
        revision = EntityWriter(database, schema).delete(ref)
    _say(f"deleted {ref}", revision, output)


@command.command("assign")
@click.argument("principal", metavar="TYPE:ID")
@click.argument("role")
@click.option("--at", "place", metavar="TYPE:ID", help="Where; a role without `on` is assigned globally.")
@_until
@output_option
@settings_options(*_STORE)
def assign(settings: Settings, principal: str, role: str, place: str | None, until: str | None, output: Output) -> None:
    """Assign ROLE to a principal, or to a team of principals."""
    with _facts(settings) as (database, schema):
        writer = EntityWriter(database, schema)
        revision = writer.assign(given_ref(principal), role, given_ref(place) if place else None, until)
    _say(f"assigned {role} to {principal}", revision, output)


@command.command("unassign")
@click.argument("principal", metavar="TYPE:ID")
@click.argument("role")
@click.option("--at", "place", metavar="TYPE:ID", help="Where it was assigned.")
@output_option
@settings_options(*_STORE)
def unassign(settings: Settings, principal: str, role: str, place: str | None, output: Output) -> None:
    """Take ROLE away."""
    with _facts(settings) as (database, schema):
        writer = EntityWriter(database, schema)
        revision = writer.unassign(given_ref(principal), role, given_ref(place) if place else None)
    _say(f"took {role} from {principal}", revision, output)


@command.command("relate")
@click.argument("resource", metavar="TYPE:ID")
@click.argument("relation")
@click.argument("principal", metavar="TYPE:ID")
@_until
@output_option
@settings_options(*_STORE)
def relate(settings: Settings, resource: str, relation: str, principal: str, until: str | None, output: Output) -> None:
    """Make a principal or team the RELATION of a resource."""
    with _facts(settings) as (database, schema):
        writer = EntityWriter(database, schema)
        revision = writer.relate(given_ref(resource), relation, given_ref(principal), until)
    _say(f"made {principal} {relation} of {resource}", revision, output)


@command.command("unrelate")
@click.argument("resource", metavar="TYPE:ID")
@click.argument("relation")
@click.argument("principal", metavar="TYPE:ID")
@output_option
@settings_options(*_STORE)
def unrelate(settings: Settings, resource: str, relation: str, principal: str, output: Output) -> None:
    """Undo `relate`."""
    with _facts(settings) as (database, schema):
        revision = EntityWriter(database, schema).unrelate(given_ref(resource), relation, given_ref(principal))
    _say(f"{principal} is no {relation} of {resource}", revision, output)


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


def _say(done: str, revision: str, output: Output) -> None:
    print_result(f"{done}; revision {revision}", {"revision": revision}, output)


def _flattened(forms: list[Form]) -> Iterator[Form]:
    for form in forms:
        kind, fields = str(form["kind"]), {name: value for name, value in form.items() if name != "kind"}
        attributes = fields.pop("attributes", None)
        fields |= attributes if isinstance(attributes, dict) else {}
        yield from ({"kind": kind, "field": name, "value": value} for name, value in fields.items())


@contextmanager
def _seekable(file: BinaryIO) -> Iterator[BinaryIO]:
    """The file itself, or a copy of it where it can be read only once: an import reads it several times."""
    if file.seekable():
        yield file
        return
    with tempfile.TemporaryFile() as copy:
        shutil.copyfileobj(file, copy)
        yield copy


@contextmanager
def _progress(file: BinaryIO) -> Iterator[Callable[[int], None]]:
    """A bar on the terminal, where there is one."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import Progress

    size = file.seek(0, io.SEEK_END)
    with Progress(console=Console(stderr=True), transient=True) as bars:
        task = bars.add_task("importing", total=PASSES * size)
        yield lambda read: bars.update(task, advance=read)


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
        raise click.UsageError(f"`{file}` cannot be written: {error.strerror}") from error
