"""`magistrate log query`: lists what was decided."""

from typing import Unpack

import click

from service.cli.log_filters import Wanted, filter_options, read_filter, read_id
from service.cli.log_opening import opened_log, wait_option
from service.cli.log_report import print_table, records_json, records_jsonl
from service.cli.settings import settings_options
from service.config import Settings
from service.decisions.log import PAGE_LIMIT


@click.command("query")
@filter_options
@click.option(
    "--limit", type=click.IntRange(1, PAGE_LIMIT), default=50, show_default=True, help="How many, the newest first."
)
@click.option("--after", metavar="ID", callback=read_id, help="The page after the one that ended with this decision.")
@wait_option
@click.option("--output", type=click.Choice(["table", "json", "jsonl"]), default="table", show_default=True)
@settings_options("data", "log_database", "replica_id")
def query_command(
    settings: Settings, limit: int, after: str | None, wait: bool, output: str, **wanted: Unpack[Wanted]
) -> None:
    """List decisions and refusals, the newest first.

    Exit code: 0 done, 2 usage, 3 the log is not available.
    """
    with opened_log(settings, wait=wait) as log:
        page = log.query(read_filter(wanted), limit, after)
    match output:
        case "json":
            click.echo(records_json(page.records))
        case "jsonl":
            click.echo(records_jsonl(page.records), nl=False)
        case _:
            print_table(page.records)
    if page.next_after is not None:
        click.echo(f"there are more: --after {page.next_after}", err=True)
