"""`magistrate log show`: one decision in words."""

import sys

import click

from service.cli.log_opening import opened_log, wait_option
from service.cli.log_report import record_lines, records_jsonl
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings


@click.command("show")
@click.argument("id_", metavar="ID")
@wait_option
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@settings_options("data", "log_database", "replica_id")
def show_command(settings: Settings, id_: str, wait: bool, output: str) -> None:
    """Say in words what decision ID was, and why.

    Exit code: 0 found, 1 not in the log, 2 usage, 3 the log is not available.
    """
    with opened_log(settings, wait=wait) as log:
        record = log.show(id_)
    if record is None:
        click.echo(f"error: there is no decision `{id_}` in the log", err=True)
        if not wait:
            click.echo("help: if it was just made, try --wait", err=True)
        sys.exit(FINDINGS)
    click.echo(records_jsonl([record]) if output == "json" else "\n".join(record_lines(record)), nl=output != "json")
