"""`magistrate log expire`: takes out what the settings of retention keep no longer, or says what that would be."""

import threading
import time

import click

from policy_lang.notation import format_duration, format_timestamp
from policy_lang.types import Json
from service.app.retaining import build_expiry
from service.cli.operator import operator, ship
from service.cli.output import Output, output_option, print_result, print_rows
from service.cli.settings import settings_options
from service.config import Settings
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.decisions.retention.expiring import Expired, Foreseen


@click.command("expire")
@click.option("--dry-run", is_flag=True, help="Only say what would go, and what is held.")
@output_option
@settings_options("data", "log_database", "replica_id")
def expire_command(settings: Settings, dry_run: bool, output: Output) -> None:
    """Take out of the log what [retention] keeps no longer, as the running service does from time to time.

    What goes leaves its place in the chain and its hash, under a note that `checkpoint_key` signs, so `log verify` can
    tell it from what was removed. What is held stays. Without [retention] nothing goes.

    Exit code: 0 done, 2 usage, 3 the log is not available.
    """
    database = open_database(settings.retention_database_url)
    try:
        ensure_current(database, "log")
        expiry = build_expiry(settings, database, operator())
        if dry_run:
            foreseen = expiry.foresee(time.time_ns() // 1_000_000)
            print_rows([_row(each) for each in foreseen], output)
            return
        done = expiry.expire(threading.Event())
    finally:
        database.close()
    ship(settings)
    print_result(_said(done), {"records": done.records, "notes": done.notes, "unfit": done.unfit}, output)
    if not done.is_whole:
        click.echo("warning: another replica is at it, and goes on", err=True)


def _row(each: Foreseen) -> dict[str, Json]:
    return {
        "records": each.stretch.name,
        "kept": format_duration(each.stretch.kept),
        "made_before": format_timestamp(each.stretch.before),
        "expired": each.records,
        "held": each.held,
    }


def _said(done: Expired) -> str:
    said = f"{done.records} records expired, under {done.notes} notes"
    return (
        f"{said}; {done.unfit} are not as they were written, and stay: `magistrate log verify`" if done.unfit else said
    )
