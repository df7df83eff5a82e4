"""Reads the fixtures of a bundle by their names, for those who ask about them beside its tests."""

from collections.abc import Mapping

from policy_lang.checking.cells import CellReader
from policy_lang.checking.symbols import Faults, Symbols
from policy_lang.typed import EntityFixture


def fixtures_of(symbols: Symbols) -> Mapping[str, EntityFixture]:
    """Full name → the entity, of every fixture of a bundle without faults."""
    found: dict[str, EntityFixture] = {}
    for full, fixture in sorted(symbols.fixtures.items()):
        entity = CellReader(symbols, Faults(), fixture.module).entity(fixture.statement.entity)
        if entity is not None:
            found[full] = entity
    return found
