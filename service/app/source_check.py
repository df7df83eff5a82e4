"""Checks the mapped sources against the application's real tables and the policies that are to be decided by."""

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass

from policy_lang.schema import Schema
from service.config import Settings
from service.db.opening import open_source
from service.entities.elsewhere import Elsewhere
from service.entities.mapped.source import MappedSource
from service.errors import ConfigError, FactsUnavailable
from service.telemetry import get_log

_log = get_log("sources")


@dataclass(frozen=True, slots=True)
class SourceState:
    """How a source was found: what does not fit, or why nobody knows."""

    name: str
    database: str
    faults: tuple[str, ...] = ()
    unreachable: str = ""


def check_sources(settings: Settings, schema: Schema) -> list[SourceState]:
    """How each source does now; ConfigError where two hold the same, or a URL names no database."""
    Elsewhere(settings.sources)
    return [_check(settings, name, schema) for name in settings.sources]


def mapping_check(settings: Settings) -> Callable[[Schema], None]:
    """Refuses declarations that the sources do not fit by ConfigError; a source that does not answer is only told."""

    def check(schema: Schema) -> None:
        states = check_sources(settings, schema)
        for state in states:
            if state.unreachable:
                _log.warning("source not checked", source=state.name, why=state.unreachable)
        faults = [fault for state in states for fault in state.faults]
        if faults:
            raise ConfigError("\n".join(faults))

    return check


def _check(settings: Settings, name: str, schema: Schema) -> SourceState:
    how = settings.sources[name]
    database = open_source(how.database or settings.database_url, how.pool)
    with closing(MappedSource(name, how, database)) as source:
        try:
            return SourceState(name, database.name, source.plan(schema).faults)
        except FactsUnavailable as error:
            return SourceState(name, database.name, unreachable=str(error))
