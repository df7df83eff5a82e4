"""`magistrate admin grant`, `revoke` and `list`: who may do what to this service.

Every act is recorded as the operator's who ran the command.
"""

import time

import click

from policy_lang.facts import Assignment
from policy_lang.notation import BadValue, format_timestamp, parse_timestamp
from policy_lang.types import Json
from service.app.acting import record
from service.cli.opened_facts import opened_facts
from service.cli.operator import operator, ship
from service.cli.output import Output, output_option, print_result, print_rows
from service.cli.references import read_ref
from service.cli.settings import settings_options
from service.config import Settings
from service.governance.grants import Grants, give, take
from service.governance.records import BY_OPERATOR, act_record
from service.permits import PREFIX, Act, Action

_principal = click.argument("principal", metavar="PRINCIPAL")
_role = click.argument("role")
_tenant = click.option("--tenant", metavar="TYPE:ID", help="At that tenant alone; else everywhere.")
_STORE = ("data", "database")
_RECORDED = (*_STORE, "log_database", "replica_id")


@click.command("grant")
@_principal
@_role
@_tenant
@click.option("--until", metavar="TIME", help="When it expires, such as 2027-01-01T00:00:00Z; else never.")
@output_option
@settings_options(*_RECORDED)
def grant(settings: Settings, principal: str, role: str, tenant: str | None, until: str | None, output: Output) -> None:
    """Give PRINCIPAL a ROLE. Neither need be known to the service yet."""
    given = Assignment(read_ref(principal), role, read_ref(tenant) if tenant else None, _moment(until))
    with opened_facts(settings) as database, database.write() as connection:
        revision = give(connection, given)
        _record(settings, given, "grant", revision)
    ship(settings)
    print_result(f"granted {_said(given)} to {principal}; revision {revision}", {"revision": revision}, output)


@click.command("revoke")
@_principal
@_role
@_tenant
@output_option
@settings_options(*_RECORDED)
def revoke(settings: Settings, principal: str, role: str, tenant: str | None, output: Output) -> None:
    """Take a ROLE away from PRINCIPAL."""
    taken = Assignment(read_ref(principal), role, read_ref(tenant) if tenant else None, None)
    with opened_facts(settings) as database, database.write() as connection:
        revision = take(connection, taken)
        _record(settings, taken, "revoke", revision)
    ship(settings)
    print_result(f"revoked {_said(taken)} from {principal}; revision {revision}", {"revision": revision}, output)


@click.command("list")
@output_option
@settings_options(*_STORE)
def list_(settings: Settings, output: Output) -> None:
    """List who holds what, expired roles too."""
    with opened_facts(settings) as database:
        rows = [_row(held) for held in Grants(database).all()]
    print_rows(rows, output)


def _record(settings: Settings, assignment: Assignment, change: str, revision: str) -> None:
    details: dict[str, Json] = {
        "change": change,
        "tenant": str(assignment.place) if assignment.place else None,
        "until": None if assignment.expires_at is None else format_timestamp(assignment.expires_at),
    }
    act = Act(Action.ROLE_ASSIGN, assignment.subject, assignment.place, assignment.role, details)
    now = time.time_ns() // 1_000_000
    record(settings, act_record(operator(), act, rules=BY_OPERATOR, now=now, revision=revision))


def _moment(until: str | None) -> int | None:
    if until is None:
        return None
    try:
        return parse_timestamp(until)
    except BadValue as error:
        raise click.UsageError(f"--until: {error}") from error


def _said(assignment: Assignment) -> str:
    where = f" at {assignment.place}" if assignment.place else ""
    return f"{PREFIX}{assignment.role}{where}"


def _row(held: Assignment) -> dict[str, Json]:
    return {
        "principal": str(held.subject),
        "role": held.role,
        "tenant": str(held.place) if held.place else None,
        "until": None if held.expires_at is None else format_timestamp(held.expires_at),
    }
