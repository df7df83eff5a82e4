"""`magistrate log erase`: takes the records that name somebody out of the log, under a signed note."""

import time

import click

from policy_lang.types import Json
from policy_lang.values import Ref
from service.app.checkpointing import load_checkpoint_key
from service.app.retaining import witness_for
from service.cli.log_filters import read_ref
from service.cli.log_opening import ship_spool
from service.cli.operator import operator, ship
from service.cli.output import Output, output_option, print_result
from service.cli.settings import settings_options
from service.config import Settings
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.decisions.retention.erasing import Erased, Erasure
from service.decisions.retention.notes import NoteKind
from service.decisions.retention.removing import Warrant


@click.command("erase")
@click.option("--principal", metavar="TYPE:ID", required=True, callback=read_ref, help="Whose records.")
@click.option("--reason", required=True, help="Why, for the note and the record; name nobody here.")
@click.option("--mentioned", is_flag=True, help="Those too whose inputs or obligations mention it; reads every record.")
@click.option("--dry-run", is_flag=True, help="Only say how many.")
@output_option
@settings_options("data", "log_database", "replica_id")
def erase_command(
    settings: Settings, principal: Ref, reason: str, mentioned: bool, dry_run: bool, output: Output
) -> None:
    """Take the records out of the log in which a principal is asked about, asks, or is the resource.

    Of each its place in the chain and its hash are left, which tell nothing. A note that `checkpoint_key` signs says
    who had how many erased, when and why: not whose they were. Where one is held, none is erased. Records that are
    still in the spool of this replica are waited for; those that other replicas have not shipped are not found.

    Exit code: 0 done, 1 some are held, 2 usage, 3 the log is not available.
    """
    database = open_database(settings.retention_database_url)
    try:
        ensure_current(database, "log")
        ship_spool(settings)
        erasure = Erasure(database, principal, is_mentioned=mentioned)
        if dry_run:
            count = erasure.count()
            print_result(f"{count} records of {principal} would be erased", {"records": count}, output)
            return
        who, now = operator(), time.time_ns() // 1_000_000
        by = str(who.principal.ref)
        warrant = Warrant(NoteKind.ERASED, by, reason, now, load_checkpoint_key(settings))
        done = erasure.erase(warrant, witness_for(settings, who))
        is_settled = database.settle()
    finally:
        database.close()
    ship(settings)
    print_result(_said(done), _fields(done), output)
    if done.unfit:
        click.echo(f"warning: {done.unfit} are not as they were written, and stay: `magistrate log verify`", err=True)
    if not is_settled:
        click.echo(
            "warning: somebody reads the log, so its write-ahead log still holds them; try again later", err=True
        )


def _said(done: Erased) -> str:
    if not done.notes:
        return "no records erased"
    numbers = ", ".join(map(str, done.notes))
    return f"{done.records} records erased under note{'s' if len(done.notes) > 1 else ''} {numbers}"


def _fields(done: Erased) -> dict[str, Json]:
    return {"records": done.records, "notes": list(done.notes), "unfit": done.unfit}
