"""`magistrate log replay`: what recorded decisions come to by other policies."""

import sys
from pathlib import Path
from typing import Final, Unpack

import click
import orjson

from policy_lang.reviewing.redeciding import redecide
from service.cli.log_filters import Wanted, filter_options, read_filter
from service.cli.log_opening import opened_log, wait_option
from service.cli.recorded_database import former_policies, records_of
from service.cli.replay_report import replayed_json, replayed_lines
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.policies.folder import load_bundle

MOST: Final = 100_000
_FOLDER: Final = click.Path(path_type=Path, file_okay=False)


@click.command("replay")
@click.option("--policies", "folder", type=_FOLDER, required=True, help="The policies to decide by.")
@click.option(
    "--former", type=_FOLDER, multiple=True,
    help="Policies that records were made by, where they were not pushed to the service's store; may be repeated.",
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(min=1), default=MOST, show_default=True, help="How many records, the newest."
)
@filter_options
@wait_option
@click.option("--exit-code", "is_exit_code", is_flag=True, help="End with 1 if some record is decided differently.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The form.")
@settings_options("data", "database", "log_database", "replica_id")
def replay_command(
    settings: Settings, folder: Path, former: tuple[Path, ...], *,
    limit: int, wait: bool, is_exit_code: bool, output: str, **wanted: Unpack[Wanted],
) -> None:  # fmt: skip
    """Decide again what was decided, by other policies and by what the record kept of its inputs.

    Says which answers differ and by which rules, with examples. A record that does not keep all that these policies
    read is decided again only where that cannot matter, and else counted, with the reason.

    Exit code: 0 done, 1 the policies may not be used, 2 usage, 3 the log is not available.
    """
    by = load_bundle(folder)
    with opened_log(settings, wait=wait) as log, former_policies(settings, former) as find:
        replayed = redecide(records_of(log, read_filter(wanted), limit), by, find)
    report = orjson.dumps(replayed_json(replayed), option=orjson.OPT_INDENT_2).decode()
    click.echo(report if output == "json" else "\n".join(replayed_lines(replayed)))
    sys.exit(FINDINGS if is_exit_code and replayed.flipped else 0)
