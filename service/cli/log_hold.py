"""`magistrate log hold`: keeps records from expiring and from being erased, until that is lifted."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TypedDict, Unpack

import click

from policy_lang.values import Ref
from service.app.acting import record
from service.cli.log_filters import read_ref, read_time
from service.cli.log_opening import ship_spool
from service.cli.operator import operator, ship
from service.cli.output import Output, output_option, print_result, print_rows
from service.cli.settings import settings_options
from service.config import Settings
from service.db.engine import Database
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.decisions.retention.holds import TURN, Hold, find, hold_fields, holds, lift, place
from service.decisions.retention.lost_holds import HOLD, LIFT
from service.governance.records import BY_OPERATOR
from service.model import DecisionRecord
from service.unasked import unasked_record

_name = click.argument("name")
_LOG = ("data", "log_database")
_RECORDED = (*_LOG, "replica_id")


class _Held(TypedDict):
    """The options that say what is held."""

    principal: Ref | None
    resource: Ref | None
    tenant: Ref | None
    since: int | None
    until: int | None


@click.group("hold")
def hold_command() -> None:
    """Keep records from expiring and from being erased.

    A hold has a name, such as that of a case. What it holds fits all that it says; what any hold holds stays.
    """


@hold_command.command("add")
@_name
@click.option("--reason", required=True, help="Why, for the record.")
@click.option("--principal", metavar="TYPE:ID", callback=read_ref, help="Who asks, is asked about, or is the resource.")
@click.option("--resource", metavar="TYPE:ID", callback=read_ref, help="What was asked about.")
@click.option("--tenant", metavar="TYPE:ID", callback=read_ref, help="Whose it is.")
@click.option("--since", metavar="TIME", callback=read_time, help="From then on: a time, or an age such as 90d.")
@click.option("--until", metavar="TIME", callback=read_time, help="Before then.")
@output_option
@settings_options(*_RECORDED)
def add(
    settings: Settings,
    name: str,
    reason: str,
    output: Output,
    **held: Unpack[_Held],
) -> None:
    """Hold the records that fit all that is given, those to come too.

    Exit code: 0 done, 1 refused, 2 usage, 3 the log is not available.
    """
    who = operator()
    now = time.time_ns() // 1_000_000
    hold = Hold(name, reason, str(who.principal.ref), now, **held)
    with _log(settings) as database, database.alone(TURN) as connection:
        place(connection, hold)
        record(settings, _act(HOLD, hold, now))
    ship(settings)
    print_result(f"held: {name}", hold_fields(hold), output)


@hold_command.command("lift")
@_name
@click.option("--reason", required=True, help="Why, for the record.")
@output_option
@settings_options(*_RECORDED)
def lift_(settings: Settings, name: str, reason: str, output: Output) -> None:
    """Let go of what the hold NAME holds.

    Exit code: 0 done, 1 there is none, 2 usage, 3 the log is not available.
    """
    with _log(settings) as database:
        with database.read() as connection:
            hold = find(connection, name)
        record(settings, _act(LIFT, replace(hold, reason=reason), time.time_ns() // 1_000_000))
        ship_spool(settings)  # before it goes: without a record of its lifting it would be a hold that is lost
        with database.alone(TURN) as connection:
            lift(connection, hold)
    print_result(f"lifted: {name}", hold_fields(hold), output)


@hold_command.command("list")
@output_option
@settings_options(*_LOG)
def list_(settings: Settings, output: Output) -> None:
    """List what is held, why, and by whom."""
    with _log(settings) as database, database.read() as connection:
        placed = holds(connection)
    print_rows([hold_fields(hold) for hold in placed], output)


@contextmanager
def _log(settings: Settings) -> Iterator[Database]:
    database = open_database(settings.retention_database_url)
    try:
        ensure_current(database, "log")
        yield database
    finally:
        database.close()


def _act(action: str, hold: Hold, now: int) -> DecisionRecord:
    """The record of a hold that is placed or lifted, by whoever runs this."""
    about = hold.principal or hold.resource or hold.tenant or Ref("hold", hold.name)
    act = unasked_record(operator(), action, about, time=now, rules=BY_OPERATOR, tenant=hold.tenant)
    return replace(act, inputs=hold_fields(hold))
