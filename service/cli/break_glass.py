"""`magistrate admin break-glass`: gives and ends roles in an emergency, on the host, where nobody has to be asked."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Connection

from policy_lang.diagnostics import PolicyError
from policy_lang.facts import Assignment
from policy_lang.notation import BadValue, format_timestamp, parse_duration
from policy_lang.schema import Schema
from policy_lang.types import Json
from policy_lang.values import Ref
from service.app.acting import record
from service.app.life import wall_clock
from service.cli.opened_facts import opened_facts
from service.cli.operator import operator, ship
from service.cli.output import Output, output_option, print_result, print_rows
from service.cli.references import read_ref
from service.cli.settings import settings_options
from service.config import Settings
from service.db.engine import Database
from service.db.feed import assignment_change
from service.db.turns import take_turn
from service.entities.admission import Admission
from service.entities.break_glass import (
    EmergencyGrant,
    check_emergency,
    emergencies,
    end_emergency,
    find_active,
    give_in_emergency,
)
from service.entities.breaking_glass import acts_of, admitted, refuse_dangling, tell, tenants_of
from service.entities.elsewhere import Elsewhere
from service.entities.stakes import Stakes
from service.errors import BundleRefused, ConfigError, NoPolicies, PoliciesBroken
from service.governance.records import BY_OPERATOR, act_record
from service.policies.folder import load_bundle
from service.policies.in_force import StoredInForce

_STORE = ("data", "database")
_RECORDED = (*_STORE, "log_database", "replica_id", "policies", "policies_source")


@click.command("break-glass")
@click.argument("principal", metavar="PRINCIPAL")
@click.argument("role")
@click.option("--at", "place", metavar="TYPE:ID", help="Where the role is held; without it, everywhere.")
@click.option("--for", "length", metavar="TIME", required=True, help="How long, such as 1h: at most what is set.")
@click.option("--reason", required=True, help="Why, in 10 to 500 characters: it is recorded and said aloud.")
@output_option
@settings_options(*_RECORDED)
def give(
    settings: Settings, principal: str, role: str, place: str | None, length: str, reason: str, output: Output
) -> None:
    """Give PRINCIPAL a ROLE of the policies in an emergency: for a while, with a reason, under an alarm.

    What is allowed by it alone is marked in the record. Denies still win. ROLE is its full name, such as docs.editor.
    """
    now = wall_clock()
    wanted = Assignment(read_ref(principal), role, read_ref(place) if place else None, now + _milliseconds(length))
    check_emergency(wanted, reason, now=now, longest_seconds=settings.break_glass.longest_seconds)
    with opened_facts(settings) as database:
        schema = _schema(settings, database)
        given = wanted if schema is None else admitted(schema, wanted)
        grant = EmergencyGrant.of(given, reason, by=operator().principal.ref, now=now)
        with _turn(database, grant) as connection:
            if schema is not None:
                refuse_dangling(Stakes(connection, schema), Admission(schema, Elsewhere(settings.sources)), grant)
            give_in_emergency(connection, grant)
            revision = _told(settings, connection, schema, grant=grant, change="give")
    ship(settings)
    until = format_timestamp(grant.expires_at)
    said = f"{principal} holds {role} until {until}: emergency grant {grant.id}; revision {revision}"
    print_result(said, {"id": grant.id, "until": until, "revision": revision}, output)


@click.command("end-break-glass")
@click.argument("id_", metavar="ID")
@output_option
@settings_options(*_RECORDED)
def end(settings: Settings, id_: str, output: Output) -> None:
    """End the emergency grant ID before its time."""
    now = wall_clock()
    with opened_facts(settings) as database:
        schema = _schema(settings, database)
        with database.read() as connection:
            grant = find_active(connection, id_, now)
        with _turn(database, grant) as connection:
            find_active(connection, id_, now)  # nobody has ended it meanwhile
            end_emergency(connection, id_, by=operator().principal.ref, now=now)
            revision = _told(settings, connection, schema, grant=grant, change="end")
    ship(settings)
    print_result(f"ended {id_}, {grant.subject}'s {grant.role}; revision {revision}", {"revision": revision}, output)


@click.command("list-break-glass")
@click.option("--active", is_flag=True, help="Only those that are in force.")
@output_option
@settings_options(*_STORE)
def list_(settings: Settings, *, active: bool, output: Output) -> None:
    """List emergency grants, the newest first, those of the last thirty days that have ended too."""
    with opened_facts(settings) as database, database.read() as connection:
        print_rows([_row(grant) for grant in emergencies(connection, wall_clock(), only_active=active).found], output)


@contextmanager
def _turn(database: Database, grant: EmergencyGrant) -> Iterator[Connection]:
    with database.write() as connection:
        take_turn(database, connection, [assignment_change(grant.subject)])
        yield connection


def _schema(settings: Settings, database: Database) -> Schema | None:
    """The declarations of the policies in force; what cannot be read must not hold up an emergency."""
    try:
        is_stored = settings.policies_source == "store"
        bundle = StoredInForce(database).current() if is_stored else load_bundle(settings.policies)
        return bundle.program.schema
    except (BundleRefused, ConfigError, NoPolicies, PoliciesBroken, PolicyError) as error:
        click.echo(f"warning: the policies are not asked whose this is, and whether they have it: {error}", err=True)
        return None


def _told(
    settings: Settings, connection: Connection, schema: Schema | None, *, grant: EmergencyGrant, change: str
) -> str:
    """Records what is done, and gives its revision."""
    tenants: set[Ref | None] = {None} if schema is None else tenants_of(Stakes(connection, schema), grant)
    revision, by, now = tell(connection, grant, tenants), operator(), wall_clock()
    acts = acts_of(grant, tenants, change)
    record(settings, *(act_record(by, act, rules=BY_OPERATOR, now=now, revision=revision) for act in acts))
    return revision


def _milliseconds(length: str) -> int:
    try:
        return parse_duration(length)
    except BadValue as error:
        raise click.UsageError(f"--for: {error}") from error


def _row(grant: EmergencyGrant) -> dict[str, Json]:
    return {
        "id": grant.id,
        "principal": str(grant.subject),
        "role": grant.role,
        "at": None if grant.place is None else str(grant.place),
        "until": format_timestamp(grant.expires_at),
        "ended": None if grant.ended_at is None else format_timestamp(grant.ended_at),
        "given_by": grant.given_by,
        "reason": grant.reason,
    }
