"""`magistrate log stats`: what was decided, in numbers."""

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final, Unpack

import click
import orjson

from policy_lang.diagnostics import PolicyError
from policy_lang.excerpt import visible
from policy_lang.notation import format_duration, format_timestamp
from policy_lang.types import Json
from service.cli.calling import Connection, asks_service, long_connection_options
from service.cli.log_filters import Wanted as Filter
from service.cli.log_filters import filter_options, read_filter
from service.cli.log_source import opened_source
from service.cli.recorded_database import former_policies
from service.cli.settings import settings_options
from service.config import Settings
from service.db.opening import open_database
from service.decisions.stats import BUCKET_LIMIT, TOP_LIMIT, ActiveRules, Counted, LogStats, Named, Wanted
from service.errors import ConfigError, FactsUnavailable
from service.policies.activations import Activations
from service.policies.folder import load_bundle

SECONDS: Final = 60.0
DAY_MS: Final = 86_400_000
BARS: Final = "▁▂▃▄▅▆▇█"
_FOLDER: Final = click.Path(path_type=Path, file_okay=False)


class _Given(Connection, Filter):
    """The options of the service and of the filter."""


@click.command("stats")
@filter_options
@click.option("--top", type=click.IntRange(1, TOP_LIMIT), default=10, show_default=True, help="Names of each list.")
@click.option(
    "--stretches",
    type=click.IntRange(1, BUCKET_LIMIT),
    default=60,
    show_default=True,
    help="Into how many the time is divided.",
)
@click.option("--policies", "folder", type=_FOLDER, help="The policies in force, for the rules that never fired.")
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@long_connection_options(SECONDS)
@settings_options("data", "database", "log_database", "policies_source")
def stats_command(
    settings: Settings, top: int, stretches: int, folder: Path | None, output: str, **given: Unpack[_Given]
) -> None:
    """Count decisions by rule, principal, code and action, and over time; of the last day, if --since is not given.

    A decision counts for each rule that determined it. Rules that never fired are those of the policies in force that
    determined nothing that was counted. Reads as `log query` does.

    Exit code: 0 done, 1 refused, 2 usage, 3 the log is not available.
    """
    now = time.time_ns() // 1_000_000
    until = now + 1 if given["until"] is None else given["until"]
    given["since"], given["until"] = until - DAY_MS if given["since"] is None else given["since"], until
    wanted = Wanted(read_filter(given), top, stretches)
    active = None if asks_service() else _active(settings, folder)
    with opened_source(settings, given) as log:
        stats = log.stats(wanted, active)
    if output == "json":
        click.echo(orjson.dumps(_fields(stats), option=orjson.OPT_INDENT_2).decode())
        return
    for line in _lines(stats, until):
        click.echo(line)


def _active(settings: Settings, folder: Path | None) -> ActiveRules | None:
    """The rules in force as far as the host can tell; a folder that the user named must be sound."""
    if folder is not None:
        return ActiveRules.of(load_bundle(folder))
    try:
        if settings.policies_source == "folder":
            return ActiveRules.of(load_bundle(settings.policies)) if settings.policies.is_dir() else None
        return _in_store(settings)
    except (ConfigError, PolicyError, FactsUnavailable):
        return None


def _in_store(settings: Settings) -> ActiveRules | None:
    database = open_database(settings.database_url)
    try:
        digest = Activations(database).standing().active
    finally:
        database.close()
    with former_policies(settings, ()) as find:
        bundle = find(digest)
    return None if bundle is None else ActiveRules.of(bundle)


def _lines(stats: LogStats, until: int) -> Iterator[str]:
    first = stats.stretches[0].start
    yield f"{format_timestamp(first)} to {format_timestamp(until)}: {_tally(stats.total)}"
    if stats.unenforced != Counted(0, 0):
        unenforced = f"of these not enforced, but answered allow (log-only): {_tally(stats.unenforced)}"
        yield click.style(unenforced, fg="yellow")
    yield from _over_time(stats)
    for title, named in _lists(stats).items():
        yield from ("", click.style(title, bold=True))
        yield from (_bar(each, named) for each in named)
    if stats.unfired is not None:
        yield ""
        yield click.style(f"rules that never fired (policies {stats.unfired.policy_digest[:12]})", bold=True)
        yield from (f"  {visible(rule)}" for rule in stats.unfired.rules)
        if not stats.unfired.rules:
            yield "  none"


def _over_time(stats: LogStats) -> Iterator[str]:
    """Two lines of bars, of one scale each, and what a bar stands for."""
    each = format_duration(stats.stretch_ms) if stats.stretch_ms else "all of it"
    for word, values in (
        ("allowed", [stretch.counted.allowed for stretch in stats.stretches]),
        ("denied", [stretch.counted.denied for stretch in stats.stretches]),
    ):
        yield f"  {word:8} {sparkline(values)}  at most {max(values):,} in {each}"


def sparkline(values: Sequence[int]) -> str:
    """A bar for each value; nothing is a blank, and the smallest bar is more than nothing."""
    most = max(values, default=0)
    return "".join(" " if not value else BARS[(value * len(BARS) - 1) // most] for value in values)


def _bar(each: Named, among: Sequence[Named]) -> str:
    width = max(len(visible(other.name)) for other in among)
    return f"  {visible(each.name):{width}}  {_tally(each.counted)}"


def _tally(counted: Counted) -> str:
    return f"{counted.allowed:>8,} allowed {counted.denied:>8,} denied"


def _lists(stats: LogStats) -> Mapping[str, tuple[Named, ...]]:
    return {
        "by rule": stats.by_rule, "by principal": stats.by_principal, "by code": stats.by_code,
        "by action": stats.by_action,
    }  # fmt: skip


def _fields(stats: LogStats) -> dict[str, Json]:
    unfired = stats.unfired
    return {
        "total": _counts(stats.total),
        "unenforced": _counts(stats.unenforced),
        **{
            title.replace(" ", "_"): [{"name": each.name, **_counts(each.counted)} for each in named]
            for title, named in _lists(stats).items()
        },
        "stretches": [{"start": format_timestamp(each.start), **_counts(each.counted)} for each in stats.stretches],
        "stretch_ms": stats.stretch_ms,
        "never_fired": None
        if unfired is None
        else {"policy_digest": unfired.policy_digest, "rules": list(unfired.rules)},
    }


def _counts(counted: Counted) -> dict[str, Json]:
    return {"allowed": counted.allowed, "denied": counted.denied}
