"""`magistrate log show`: one decision in words, with the rules as they were when it was made."""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Unpack

import click
import orjson

from policy_lang.bundle import Bundle
from policy_lang.diagnostics import PolicyError
from policy_lang.editing.whole import statement_around
from policy_lang.excerpt import visible
from policy_lang.loading import load
from policy_lang.typed import Rule
from policy_lang.types import Json
from service.cli.calling import Connection, asks_service, long_connection_options
from service.cli.log_opening import wait_option
from service.cli.log_report import record_fields, record_lines
from service.cli.log_source import opened_source
from service.cli.recorded_database import former_policies
from service.cli.settings import FINDINGS, settings_options
from service.config import Settings
from service.errors import ConfigError
from service.model import DecisionRecord

SECONDS: Final = 30.0
_FOLDER: Final = click.Path(path_type=Path, file_okay=False)


@click.command("show")
@click.argument("id_", metavar="ID")
@click.option(
    "--policies",
    "folders",
    type=_FOLDER,
    multiple=True,
    help="Policies that may have decided it, where they are not in the service's store. Repeatable.",
)
@wait_option
@click.option("--output", type=click.Choice(["table", "json"]), default="table", show_default=True)
@long_connection_options(SECONDS)
@settings_options("data", "database", "log_database", "replica_id")
def show_command(
    settings: Settings, id_: str, folders: tuple[Path, ...], wait: bool, output: str, **connection: Unpack[Connection]
) -> None:
    """Say in words what decision ID was, and why, with the rules as they were then.

    The rules are those of the policies with the digest that the record says: from the store of the service, from its
    folder, or from --policies; where none of these has that digest, no other rules are shown for them. Reads as `log
    query` does.

    Exit code: 0 found, 1 not in the log, 2 usage, 3 the log is not available.
    """
    with opened_source(settings, connection, wait=wait) as log:
        record, texts = log.show(id_)
    if record is None:
        click.echo(f"error: there is no decision `{id_}` in the log", err=True)
        if not wait:
            click.echo("help: if it was just made, try --wait", err=True)
        sys.exit(FINDINGS)
    bundle = _of_texts(texts, record.policy_digest) or _at_hand(settings, folders, record.policy_digest)
    rules = {} if bundle is None else _rules(bundle, record)
    if output == "json":
        told = {id_: _rule_fields(rule) for id_, rule in rules.items()}
        click.echo(orjson.dumps({**record_fields(record), "rule_texts": told}).decode())
        return
    for line in record_lines(record, lambda rule: _rule_lines(rules[rule]) if rule in rules else ()):
        click.echo(line)
    if record.policy_digest and bundle is None and record.rules:
        click.echo("  note       the text of these policies is not at hand: give them with --policies DIR")


def _of_texts(texts: Mapping[str, str], digest: str) -> Bundle | None:
    try:
        bundle = load(texts) if texts else None
    except PolicyError:
        return None
    return bundle if bundle is not None and bundle.digest == digest else None


def _at_hand(settings: Settings, folders: tuple[Path, ...], digest: str) -> Bundle | None:
    """The policies of that digest: of the folders given, else on the host of its store or its folder."""
    if not digest:
        return None
    own = () if asks_service() or folders or not settings.policies.is_dir() else (settings.policies,)
    try:
        with former_policies(settings, (*folders, *own)) as find:
            return find(digest)
    except (ConfigError, PolicyError):
        if folders:
            raise
        return None  # the folder has changed since, to what may not even be loaded


def _rules(bundle: Bundle, record: DecisionRecord) -> dict[str, Rule]:
    """The rules that determined it, as they stand for any type."""
    every = {rule.id: rule for rules in bundle.program.rules.values() for rule in rules}
    return {id_: every[id_] for id_ in record.rules if id_ in every}


def _rule_lines(rule: Rule) -> Iterator[str]:
    yield visible(f"at {rule.span.location}")
    yield from (f"  {visible(line)}" for line in _text(rule).split("\n"))
    if _is_use(rule):
        yield "which is"
        yield from (f"  {clause.kind.value} {visible(clause.text)}" for clause in rule.clauses)


def _rule_fields(rule: Rule) -> dict[str, Json]:
    return {
        "location": rule.span.location,
        "text": _text(rule),
        "clauses": [f"{clause.kind.value} {clause.text}" for clause in rule.clauses],
    }


def _text(rule: Rule) -> str:
    return statement_around(rule.span).text


def _is_use(rule: Rule) -> bool:
    """Whether it is what a template comes to, whose clauses stand elsewhere."""
    return rule.span.text.removeprefix("shadow").lstrip().startswith("use")
