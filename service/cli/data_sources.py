"""`magistrate data check-sources`: whether the application's tables are as the configuration maps them."""

import sys

import click

from policy_lang.bundle import Bundle
from policy_lang.counts import counted
from service.app.source_check import SourceState, check_sources
from service.cli.data_here import bundle_in_force
from service.cli.opened_facts import opened_facts
from service.cli.output import Output, output_option, print_rows
from service.cli.settings import FINDINGS, UNAVAILABLE, settings_options
from service.config import Settings
from service.errors import ConfigError
from service.policies.folder import load_bundle


@click.command("check-sources")
@output_option
@settings_options("policies", "policies_source", "data", "database")
def command(settings: Settings, output: Output) -> None:
    """Check the mapped sources on the host: their tables, columns, keys and collations, against the policies.

    Nothing is served and nothing is written. `serve` checks the same when it starts.
    """
    if not settings.sources:
        raise ConfigError("no source is configured\nhelp: name a configuration file with `--config`")
    states = check_sources(settings, _bundle(settings).program.schema)
    for state in states:
        for fault in (*state.faults, *([state.unreachable] if state.unreachable else [])):
            click.echo(f"error: {fault}", err=True)
    print_rows(
        [
            {
                "source": state.name,
                "database": state.database.strip("`"),
                "holds": _holds(settings, state.name),
                "state": _state(state),
            }
            for state in states
        ],
        output,
    )
    if any(state.faults for state in states):
        sys.exit(FINDINGS)
    if any(state.unreachable for state in states):
        sys.exit(UNAVAILABLE)


def _bundle(settings: Settings) -> Bundle:
    """The policies by which the service decides; of the folder no database is opened for them."""
    if settings.policies_source != "store":
        return load_bundle(settings.policies)
    with opened_facts(settings) as database:
        return bundle_in_force(settings, database)


def _holds(settings: Settings, name: str) -> str:
    source = settings.sources[name]
    tables = {role.table for role in source.roles}
    parts = (
        counted(len(source.types), "type"),
        counted(len(tables), "table of roles", "tables of roles"),
        counted(len({relation.relation for relation in source.relations}), "relation"),
    )
    return ", ".join(part for part in parts if not part.startswith("0 "))


def _state(state: SourceState) -> str:
    if state.unreachable:
        return "does not answer"
    return counted(len(state.faults), "fault") if state.faults else "fits"
