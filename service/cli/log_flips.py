"""`magistrate log flips`: what candidate policies decided otherwise, counted by what was asked and by which rules."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final, Unpack

import click
import orjson

from policy_lang.excerpt import visible
from policy_lang.types import Json
from service.cli.calling import Connection, long_connection_options
from service.cli.log_filters import Wanted, filter_options, read_filter
from service.cli.log_opening import wait_option
from service.cli.log_source import LogSource, opened_source
from service.cli.settings import settings_options
from service.config import Settings
from service.decisions.log_filter import ANY_FLIP, LogFilter
from service.model import DecisionRecord

SECONDS: Final = 60.0
SAMPLES: Final = 3
"""Decisions of a group that are named."""
PAGE: Final = 1000
_MOST: Final = 1_000_000


class _Given(Connection, Wanted):
    """The options of the service and of the filter."""


@dataclass(frozen=True, slots=True)
class Group:
    """Flips that are alike: how, of what, by which rules of the candidate, or else of the policies in force."""

    digest: str
    direction: str
    action: str
    resource_type: str
    rules: tuple[str, ...]
    ids: list[str] = field(default_factory=list)
    """Every decision, the newest first."""


@click.command("flips")
@filter_options
@click.option(
    "--limit", type=click.IntRange(1, _MOST), default=100_000, show_default=True, help="How many, the newest first."
)
@wait_option
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@long_connection_options(SECONDS)
@settings_options("data", "log_database", "replica_id")
def flips_command(settings: Settings, limit: int, wait: bool, output: str, **given: Unpack[_Given]) -> None:
    """Summarise what candidate policies, tried out beside those in force, decided otherwise.

    Counts by direction, action, type and rules, with a few decisions of each, which `log show` tells whole. Reads as
    `log query` does.

    Exit code: 0 done, 1 refused, 2 usage, 3 the log is not available.
    """
    wanted = read_filter(given)
    if wanted.flip is None:
        wanted = replace(wanted, flip=ANY_FLIP)
    with opened_source(settings, given, wait=wait) as log:
        groups = grouped(_each(log, wanted, limit))
    if output == "json":
        click.echo(orjson.dumps([_fields(group) for group in groups], option=orjson.OPT_INDENT_2).decode())
        return
    for line in _lines(groups):
        click.echo(line)


def grouped(records: Iterable[DecisionRecord]) -> list[Group]:
    """The flips among the records, those first that are most frequent."""
    groups: dict[tuple[object, ...], Group] = {}
    for record in records:
        flip = record.flip
        if flip is None:
            continue
        rules = flip.rules or record.rules
        group = Group(flip.digest, flip.direction(record.effect), record.action, record.resource.type, rules)
        key = (group.digest, group.direction, group.action, group.resource_type, group.rules)
        groups.setdefault(key, group).ids.append(record.id)
    return sorted(groups.values(), key=lambda group: (-len(group.ids), group.digest, group.direction, group.rules))


def _each(log: LogSource, wanted: LogFilter, limit: int) -> Iterator[DecisionRecord]:
    after: str | None = None
    while limit > 0:
        found = log.query(wanted, min(PAGE, limit), after)
        yield from found.records
        limit -= len(found.records)
        after = found.next_after
        if after is None:
            return
    click.echo("note: there may be older ones than these; --limit takes more, --until others", err=True)


def _lines(groups: list[Group]) -> Iterator[str]:
    for digest in dict.fromkeys(group.digest for group in groups):
        own = [group for group in groups if group.digest == digest]
        yield click.style(f"{sum(len(group.ids) for group in own):,} decided otherwise by {digest[:12]}", bold=True)
        for group in own:
            rules = f" by {', '.join(group.rules)}" if group.rules else ""
            what = f"{group.direction.replace('_', ' ')}: {group.action} {group.resource_type}{rules}"
            yield visible(f"  {len(group.ids):>8,}  {what}")
            yield f"            such as {' '.join(group.ids[:SAMPLES])}"
    if not groups:
        yield "nothing was decided otherwise"


def _fields(group: Group) -> dict[str, Json]:
    return {
        "policy_digest": group.digest,
        "direction": group.direction,
        "action": group.action,
        "resource_type": group.resource_type,
        "rules": list(group.rules),
        "count": len(group.ids),
        "examples": list(group.ids[:SAMPLES]),
    }
