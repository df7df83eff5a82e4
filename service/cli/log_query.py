"""`magistrate log query` and `magistrate log tail`: what was decided, and what is being decided."""

import sys
from typing import Final, Unpack

import click

from service.cli.calling import Connection, long_connection_options
from service.cli.log_filters import Wanted, filter_options, read_filter
from service.cli.log_lines import Form, print_coming, print_records
from service.cli.log_opening import wait_option
from service.cli.log_source import Found, LogSource, opened_source
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.decisions.log import PAGE_LIMIT
from service.decisions.log_filter import LogFilter
from service.decisions.tailing import LAST_LIMIT
from service.errors import ScanLimitReached

SECONDS: Final = 60.0
_AS_THEY_COME: Final = ["table", "jsonl", "csv"]


class _Given(Connection, Wanted):
    """The options of the service and of the filter."""


@click.command("query")
@filter_options
@click.option(
    "--limit", type=click.IntRange(1, PAGE_LIMIT), default=50, show_default=True, help="How many, the newest first."
)
@click.option("--after", metavar="ID", help="The page after one: what that one named.")
@click.option("--follow", is_flag=True, help="The oldest first, and then what comes, as `log tail`.")
@wait_option
@click.option("--output", type=click.Choice([*_AS_THEY_COME, "json"]), default="table", show_default=True)
@long_connection_options(SECONDS)
@settings_options("data", "log_database", "replica_id")
def query_command(
    settings: Settings, limit: int, after: str | None, follow: bool, wait: bool, output: Form, **given: Unpack[_Given]
) -> None:
    """List decisions and refusals, the newest first.

    Reads the log's database, on the host. With --server or a token it asks the service, for holders of `log.read`; who
    holds it at a tenant gives --tenant.

    Exit code: 0 done, 1 refused, or nothing found within a limit, 2 usage, 3 the log is not available.
    """
    wanted = read_filter(given)
    if follow and (after is not None or output == "json"):
        raise click.UsageError("--follow goes with neither --after nor --output json")
    with opened_source(settings, given, wait=wait) as log:
        if follow:
            print_coming(log.tail(wanted, min(limit, LAST_LIMIT)), output)
            return
        found = _found(log, wanted, limit, after)
    print_records(found.records, output)
    if found.limit is not None:
        click.echo(found.limit, err=True)
    if found.next_after is not None:
        click.echo(f"there are more: --after {found.next_after}", err=True)


@click.command("tail")
@filter_options
@click.option(
    "--last", type=click.IntRange(0, LAST_LIMIT), default=10, show_default=True, help="How many to begin with."
)
@click.option("--output", type=click.Choice(_AS_THEY_COME), default="table", show_default=True)
@long_connection_options(SECONDS)
@settings_options("data", "log_database")
def tail_command(settings: Settings, last: int, output: Form, **given: Unpack[_Given]) -> None:
    """Show the last decisions and refusals, and then each as it comes, until interrupted.

    Each is told once, in the order in which the log got them. Reads as `log query` does; where the service is away for
    a time, it goes on where it was.
    """
    with opened_source(settings, given) as log:
        print_coming(log.tail(read_filter(given), last), output)


def _found(log: LogSource, wanted: LogFilter, limit: int, after: str | None) -> Found:
    try:
        return log.query(wanted, limit, after)
    except ScanLimitReached as error:
        click.echo(f"error: {error}\nhelp: go on behind these with --after {error.go_on}", err=True)
        sys.exit(FINDINGS)
