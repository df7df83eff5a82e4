"""What one source is read by: its settings, its tables as they are and the declarations of one bundle, put together.

Law: nothing is read by a plan with a fault. What the tables or the policies do not bear out is told at once, all of it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from policy_lang.schema import Schema
from service.db.engine import Database
from service.db.mapped.columns import MappedTable
from service.db.mapped.reflection import reflect, table_names
from service.entities.mapped.faults import Faults
from service.entities.mapped.tie_plan import TiePlan, plan_relation, plan_roles
from service.entities.mapped.type_plan import TypePlan, plan_type
from service.source_settings import SourceSettings


@dataclass(frozen=True, slots=True)
class Plan:
    """How everything that a source holds is read; `ties` are by the number of their branches."""

    types: Mapping[str, TypePlan]
    ties: tuple[TiePlan | None, ...]
    faults: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reflected:
    """A source's tables as they were when they were looked at; `known` names all that might be meant."""

    tables: Mapping[str, MappedTable | None]
    known: tuple[str, ...]

    @classmethod
    def of(cls, database: Database, settings: SourceSettings) -> "Reflected":
        """Looks at them now; FactsUnavailable if that cannot be."""
        return cls(reflect(database, set(_tables(settings))), tuple(table_names(database)))


def plan(name: str, settings: SourceSettings, *, reflected: Reflected, schema: Schema) -> Plan:
    """The plan of the source of that name, with everything that is wrong with it."""
    faults = Faults(name, reflected.tables, reflected.known)
    types = [
        plan_type(number, type_, how, schema=schema, faults=faults)
        for number, (type_, how) in enumerate(settings.types.items())
    ]
    ties = [plan_roles(number, how, schema, faults) for number, how in enumerate(settings.roles)]
    ties += [
        plan_relation(len(settings.roles) + at, at, how, schema, faults) for at, how in enumerate(settings.relations)
    ]
    return Plan({each.type: each for each in types if each is not None}, tuple(ties), tuple(faults.found))


def _tables(settings: SourceSettings) -> Iterable[str]:
    for type_ in settings.types.values():
        yield type_.table
        yield from (parent.table for parent in type_.parents if parent.table is not None)
    yield from (role.table for role in settings.roles)
    yield from (relation.table for relation in settings.relations)
