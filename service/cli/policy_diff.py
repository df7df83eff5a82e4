"""`magistrate policy diff`: what changes between two bundles: declarations, rules, and decisions."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import click

from policy_lang.reviewing.changes import changes
from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.replay import replay
from policy_lang.reviewing.witness import outcomes
from service.cli.log_opening import opened_log
from service.cli.log_replay import MOST
from service.cli.policy_diff_report import Difference, diff_json, diff_lines
from service.cli.recorded_database import records_of
from service.cli.recorded_log import read_log
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.decisions.log_filter import LogFilter
from service.policies.folder import load_bundle

_DATABASE: Final = ""
"""Stands for the log's database, where no file is named."""
_FOLDER: Final = click.Path(path_type=Path, file_okay=False)


def _read_log_name(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    if name and not Path(name).is_file():
        raise click.BadParameter(
            f"`{name}` is no file\nhelp: where it takes none, write it last", param_hint="--against-log"
        )
    return name


@click.command("diff")
@click.argument("old", type=_FOLDER)
@click.argument("new", type=_FOLDER)
@click.option(
    "--against-log",
    "log",
    is_flag=False,
    flag_value=_DATABASE,
    callback=_read_log_name,
    metavar="[FILE]",
    help="Decide recorded decisions again: those of the log's database, or what `log query --output jsonl` printed.",
)
@click.option(
    "--records", type=click.IntRange(min=1), default=MOST, show_default=True,
    help="How many of the database, the newest.",
)  # fmt: skip
@click.option(
    "--limit", type=click.IntRange(min=0), default=20_000, show_default=True,
    help="Steps of the search, for each kind of question; 0 searches nothing.",
)  # fmt: skip
@click.option("--exit-code", "is_exit_code", is_flag=True, help="End with 1 if something changes.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The form.")
@settings_options("data", "log_database")
def diff(
    settings: Settings, old: Path, new: Path, log: str | None, *,
    records: int, limit: int, is_exit_code: bool, output: str,
) -> None:  # fmt: skip
    """Show what changes from the policies in OLD to those in NEW, and which decisions.

    Declarations and rules are compared by what they say: layout, order, comments and tests do not count. For every
    kind of question whose rules differ, requests that are decided differently are searched, and shown as tests.
    """
    before, after = load_bundle(old), load_bundle(new)
    with _recorded(settings, log, records) as recorded:
        found = Difference(
            changes(before.program, after.program),
            tuple(outcomes(before.program, after.program, limit)) if limit else (),
            None if recorded is None else replay(recorded, before, after),
            after.program.schema,
        )
    click.echo(diff_json(found) if output == "json" else "\n".join(diff_lines(found)))
    sys.exit(FINDINGS if is_exit_code and found.is_any else 0)


@contextmanager
def _recorded(settings: Settings, log: str | None, most: int) -> Iterator[Iterator[Recorded | str] | None]:
    """What was recorded, where it is asked for."""
    if log is None:
        yield None
    elif log == _DATABASE:
        with opened_log(settings) as opened:
            yield records_of(opened, LogFilter(), most)
    else:
        yield read_log(Path(log))
