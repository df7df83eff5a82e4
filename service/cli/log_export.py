"""`magistrate log export`: writes records to JSON lines with a signed manifest, to verify without the database."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import click

from policy_lang.types import Json
from policy_lang.values import Ref
from service.app.acting import record
from service.app.checkpointing import load_checkpoint_key
from service.cli.log_filters import Wanted, filter_options, read_filter
from service.cli.log_opening import ship_spool
from service.cli.operator import operator, ship
from service.cli.output import Output, output_option, print_result
from service.cli.settings import settings_options
from service.config import Settings
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.decisions.exporting.manifest import Manifest
from service.decisions.exporting.writing import Order, export_log
from service.decisions.log_filter import LogFilter, check_filter, filter_fields
from service.governance.records import BY_OPERATOR
from service.model import Caller, DecisionRecord
from service.permits import PREFIX
from service.unasked import unasked_record


@click.command("export")
@filter_options
@click.option(
    "--to", "path", required=True, metavar="PATH", type=click.Path(path_type=Path),
    help="A folder, or a file whose name ends in .jsonl; neither there yet.",
)  # fmt: skip
@click.option("--wait", is_flag=True, help="Have all in it that is in the spool now.")
@output_option
@settings_options("data", "log_database", "replica_id")
def export_command(settings: Settings, path: Path, wait: bool, output: Output, **options: Unpack[Wanted]) -> None:
    """Write the record, or what of it fits the filters, as JSON lines with a manifest that `checkpoint_key` signs.

    `magistrate log verify --export PATH --public-key FILE` verifies it anywhere, without the database. With filters,
    the hashes of the records between are in it too, as far as they are needed to prove that those that are there
    belong to the record; that no other record fits is not proven. The export itself is recorded.

    Exit code: 0 done, 2 usage, 3 the log is not available.
    """
    wanted = check_filter(read_filter(options))
    who, now = operator(), time.time_ns() // 1_000_000
    order = Order(wanted, str(who.principal.ref), now, load_checkpoint_key(settings))
    database = open_database(settings.log_database_url)
    try:
        ensure_current(database, "log")
        if wait:
            ship_spool(settings)
        record(settings, _act(who, wanted, now))
        made = export_log(database, order, path)
    finally:
        database.close()
    ship(settings)
    print_result(_said(made, path), _fields(made), output)
    if made.key is None:
        click.echo("warning: without `checkpoint_key` the manifest is not signed", err=True)


def _act(who: Caller, wanted: LogFilter, now: int) -> DecisionRecord:
    """The record of an export: what was asked for, and by whom."""
    act = unasked_record(who, f"{PREFIX}log.export", Ref("log", "decisions"), time=now, rules=BY_OPERATOR)
    return replace(act, inputs=filter_fields(wanted))


def _said(made: Manifest, path: Path) -> str:
    contents = made.contents
    chains = sum(bool(chain.records) for chain in made.chains)
    return f"exported {contents.records} records of {chains} chains to `{path}`, SHA-256 {contents.sha256}"


def _fields(made: Manifest) -> dict[str, Json]:
    contents = made.contents
    return {
        "records": contents.records,
        "lines": contents.lines,
        "bytes": contents.bytes,
        "sha256": contents.sha256,
        "key": made.key,
    }
