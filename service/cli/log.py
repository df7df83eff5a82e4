"""`magistrate log`: finds what was decided, in the log's database."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final, TypedDict, Unpack
from uuid import UUID

import click

from policy_lang.decision import Effect
from policy_lang.forms import check_id
from policy_lang.notation import BadValue, format_timestamp, parse_duration, parse_timestamp
from policy_lang.values import Ref
from service.cli.log_replay import replay_command
from service.cli.log_report import print_table, record_lines, records_json, records_jsonl
from service.cli.log_verify import verify_command
from service.cli.output import Output, output_option, print_rows
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.db.engine import Database
from service.db.opening import open_database
from service.decisions.log import PAGE_LIMIT, DecisionLog
from service.decisions.log_filter import LogFilter
from service.decisions.unauthenticated import Unauthenticated
from service.errors import ConfigError, FactsUnavailable, why

WAIT_SECONDS: Final = 30.0
"""How long `--wait` waits for what is still in the spool."""
_POLL_SECONDS: Final = 0.05


class Wanted(TypedDict):
    """The options that say what to find."""

    since: int | None
    until: int | None
    principal: Ref | None
    caller: Ref | None
    action: str | None
    resource: Ref | None
    tenant: Ref | None
    effect: Effect | None
    code: str | None
    rule: str | None
    request_id: str | None
    policy_digest: str | None


def _read_ref(_: click.Context, __: click.Parameter, text: str | None) -> Ref | None:
    if text is None:
        return None
    type_, colon, id_ = text.partition(":")
    if not type_ or not colon:
        raise click.BadParameter(f"`{text}` is not of the form TYPE:ID")
    try:
        return Ref(type_, check_id(id_))
    except BadValue as error:
        raise click.BadParameter(f"`{text}`: {error}") from error


def _read_time(_: click.Context, __: click.Parameter, text: str | None) -> int | None:
    """A time, or how long ago it was."""
    if text is None:
        return None
    try:
        return parse_timestamp(text) if "-" in text else time.time_ns() // 1_000_000 - parse_duration(text)
    except BadValue as error:
        raise click.BadParameter(
            f"`{text}`: give a time such as 2026-01-05T10:00:00Z, or an age such as 15m"
        ) from error


def _read_id(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    try:
        return None if text is None else str(UUID(text))
    except ValueError as error:
        raise click.BadParameter(f"`{text}` is no decision id") from error


_FILTERS: Final = (
    click.option("--since", metavar="TIME", callback=_read_time, help="From then on: a time, or an age such as 15m."),
    click.option("--until", metavar="TIME", callback=_read_time, help="Before then."),
    click.option("--principal", metavar="TYPE:ID", callback=_read_ref, help="Whom the question was about."),
    click.option("--caller", metavar="TYPE:ID", callback=_read_ref, help="Who asked."),
    click.option("--action", help="What was to be done."),
    click.option("--resource", metavar="TYPE:ID", callback=_read_ref, help="On what."),
    click.option("--tenant", metavar="TYPE:ID", callback=_read_ref, help="Whose it is."),
    click.option("--effect", type=click.Choice(Effect, case_sensitive=False), help="What was decided."),
    click.option("--code", help="Its code, such as UNDETERMINED or a rule's own."),
    click.option("--rule", help="A rule that determined it, by its full id."),
    click.option("--request-id", help="The caller's own id of the request."),
    click.option("--policy-digest", help="The policies that it was decided by."),
)

_WAIT: Final = click.option("--wait", is_flag=True, help="Wait for what is recorded but not yet in the log.")


def _filter_options(function: Callable[..., None]) -> Callable[..., None]:
    for option in reversed(_FILTERS):
        function = option(function)
    return function


@click.group()
def command() -> None:
    """Find what was decided."""


command.add_command(verify_command)
command.add_command(replay_command)


@command.command("query")
@_filter_options
@click.option(
    "--limit", type=click.IntRange(1, PAGE_LIMIT), default=50, show_default=True, help="How many, the newest first."
)
@click.option("--after", metavar="ID", callback=_read_id, help="The page after the one that ended with this decision.")
@_WAIT
@click.option("--output", type=click.Choice(["table", "json", "jsonl"]), default="table", show_default=True)
@settings_options("data", "log_database", "replica_id")
def query_command(
    settings: Settings, limit: int, after: str | None, wait: bool, output: str, **wanted: Unpack[Wanted]
) -> None:
    """List decisions and refusals, the newest first.

    Exit code: 0 done, 2 usage, 3 the log is not available.
    """
    database = open_database(settings.log_database_url)
    try:
        page = _open_log(database, settings, wait=wait).query(LogFilter(**wanted), limit, after)
    finally:
        database.close()
    match output:
        case "json":
            click.echo(records_json(page.records))
        case "jsonl":
            click.echo(records_jsonl(page.records), nl=False)
        case _:
            print_table(page.records)
    if page.next_after is not None:
        click.echo(f"there are more: --after {page.next_after}", err=True)


@command.command("show")
@click.argument("id_", metavar="ID")
@_WAIT
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@settings_options("data", "log_database", "replica_id")
def show_command(settings: Settings, id_: str, wait: bool, output: str) -> None:
    """Say in words what decision ID was, and why.

    Exit code: 0 found, 1 not in the log, 2 usage, 3 the log is not available.
    """
    database = open_database(settings.log_database_url)
    try:
        record = _open_log(database, settings, wait=wait).show(id_)
    finally:
        database.close()
    if record is None:
        click.echo(f"error: there is no decision `{id_}` in the log", err=True)
        if not wait:
            click.echo("help: if it was just made, try --wait", err=True)
        sys.exit(FINDINGS)
    click.echo(records_jsonl([record]) if output == "json" else "\n".join(record_lines(record)), nl=output != "json")


@command.command("unauthenticated")
@click.option(
    "--since", metavar="TIME", callback=_read_time, default="1h", show_default=True, help="From then on, as of query."
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=100, show_default=True, help="How many rows.")
@output_option
@settings_options("data", "log_database")
def unauthenticated_command(settings: Settings, since: int, limit: int, output: Output) -> None:
    """Sum up the calls that were not authenticated: by the minute, why, and from which network."""
    database = open_database(settings.log_database_url)
    try:
        sums = Unauthenticated(database).since(since, limit)
    finally:
        database.close()
    print_rows([{**each._asdict(), "minute": format_timestamp(each.minute)} for each in sums], output)


def _open_log(database: Database, settings: Settings, *, wait: bool) -> DecisionLog:
    """The log, when all that was in the spool is in it, if that is waited for."""
    log = DecisionLog(database)
    if wait:
        _wait_for_spool(log, settings.spool_folder)
    return log


def _wait_for_spool(log: DecisionLog, folder: Path) -> None:
    try:
        mark = log.unshipped(folder)
    except OSError as error:
        raise ConfigError(f"cannot read the spool `{folder}`: {why(error)}") from error
    give_up = time.monotonic() + WAIT_SECONDS
    while not log.is_shipped(mark):
        if time.monotonic() > give_up:
            raise FactsUnavailable(
                f"after {WAIT_SECONDS:.0f} s there are records in the spool `{folder}` that are not in the log"
                "\nhelp: `magistrate serve` ships them; what it logs says why it does not"
            )
        time.sleep(_POLL_SECONDS)
