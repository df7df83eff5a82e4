"""`magistrate policy diff`: what changes between two bundles: declarations, rules, and decisions."""

import sys
from pathlib import Path
from typing import Final

import click

from policy_lang.reviewing.changes import changes
from policy_lang.reviewing.replay import replay
from policy_lang.reviewing.witness import outcomes
from service.cli.policy_diff_report import Difference, diff_json, diff_lines
from service.cli.recorded_log import read_log
from service.cli.settings import FINDINGS, reported
from service.policies.folder import load_bundle

_FOLDER: Final = click.Path(path_type=Path, file_okay=False)


@click.command("diff")
@click.argument("old", type=_FOLDER)
@click.argument("new", type=_FOLDER)
@click.option(
    "--against-log",
    "log",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Decide recorded decisions again: what `log query --output jsonl` printed.",
)
@click.option(
    "--limit", type=click.IntRange(min=0), default=20_000, show_default=True,
    help="Steps of the search, for each kind of question; 0 searches nothing.",
)  # fmt: skip
@click.option("--exit-code", "is_exit_code", is_flag=True, help="End with 1 if something changes.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The form.")
def diff(old: Path, new: Path, log: Path | None, limit: int, is_exit_code: bool, output: str) -> None:
    """Show what changes from the policies in OLD to those in NEW, and which decisions.

    Declarations and rules are compared by what they say: layout, order, comments and tests do not count. For every
    kind of question whose rules differ, requests that are decided differently are searched, and shown as tests.
    """
    with reported():
        before, after = load_bundle(old), load_bundle(new)
        found = Difference(
            changes(before.program, after.program),
            tuple(outcomes(before.program, after.program, limit)) if limit else (),
            None if log is None else replay(read_log(log), before, after),
            after.program.schema,
        )
    click.echo(diff_json(found) if output == "json" else "\n".join(diff_lines(found)))
    sys.exit(FINDINGS if is_exit_code and found.is_any else 0)
