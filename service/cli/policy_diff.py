"""`magistrate policy diff`: what changes between two bundles, declarations, rules, decisions; here or by a service."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Unpack

import click

from policy_lang.bundle import Bundle
from policy_lang.reviewing.difference import difference_of
from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.replay import replay
from service.cli.calling import Connection, asks_service, long_connection_options
from service.cli.log_opening import opened_log
from service.cli.log_replay import MOST
from service.cli.policy_diff_report import diff_json, diff_lines
from service.cli.policy_diff_service import difference_by_service
from service.cli.recorded_database import records_of
from service.cli.recorded_log import read_log
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.decisions.log_filter import LogFilter
from service.errors import ConfigError
from service.policies.folder import load_bundle

_DATABASE: Final = ""
"""Stands for the log's database, where no file is named."""
SECONDS: Final = 120.0
STEPS: Final = 20_000


def _read_log_name(_: click.Context, __: click.Parameter, name: str | None) -> str | None:
    if name and not Path(name).is_file():
        raise click.BadParameter(
            f"`{name}` is no file\nhelp: where it takes none, write it last", param_hint="--against-log"
        )
    return name


@click.command("diff")
@click.argument("old")
@click.argument("new")
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
    "--limit", type=click.IntRange(min=0), default=STEPS, show_default=True,
    help="Steps of the search, for each kind of question; 0 searches nothing.",
)  # fmt: skip
@click.option("--exit-code", "is_exit_code", is_flag=True, help="End with 1 if something changes.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="The form.")
@long_connection_options(SECONDS)
@settings_options("data", "log_database")
def diff(
    settings: Settings, old: str, new: str, log: str | None, *,
    records: int, limit: int, is_exit_code: bool, output: str, **connection: Unpack[Connection],
) -> None:  # fmt: skip
    """Show what changes from the policies in the folder OLD to those in NEW, and which decisions.

    Declarations and rules are compared by what they say: layout, order, comments and tests do not count. For every
    kind of question whose rules differ, requests that are decided differently are searched, and shown as tests.

    Where an option names the service, it compares; each of OLD and NEW is then a folder, the digest of pushed policies,
    or its beginning, or `active` for those in force.
    """
    if asks_service():
        if log is not None:
            raise click.UsageError(
                "--against-log is for two folders: `policy push --preview` asks the service's record"
            )
        found, replayed = difference_by_service(old, new, limit, connection), None
    else:
        before, after = _bundle(old), _bundle(new)
        with _recorded(settings, log, records) as recorded:
            found = difference_of(before.program, after.program, limit)
            replayed = None if recorded is None else replay(recorded, before, after)
    click.echo(diff_json(found, replayed) if output == "json" else "\n".join(diff_lines(found, replayed)))
    sys.exit(FINDINGS if is_exit_code and found.is_any else 0)


def _bundle(name: str) -> Bundle:
    """The policies of that folder; ConfigError says who knows others."""
    if not Path(name).is_dir():
        raise ConfigError(
            f"no policy folder at `{name}`"
            "\nhelp: what was pushed, and what is in force, the service compares: say with --server where it is"
        )
    return load_bundle(Path(name))


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
