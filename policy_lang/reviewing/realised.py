"""Makes rows of an imagined world, so that both bundles decide on it as they would in service."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from policy_lang.compiler import Compiled
from policy_lang.decision import Decision
from policy_lang.facts import Assignment, Link
from policy_lang.interpreter import Interpreter
from policy_lang.reviewing.domains import Domains
from policy_lang.reviewing.imagined import NOW, NOW_FIELD, Choice, Field, Held, Linked, Within, World, as_read
from policy_lang.reviewing.imagined_standing import reaches, way_up
from policy_lang.schema import Attribute, Schema
from policy_lang.source import SourceFile, Span
from policy_lang.suite import facts_of
from policy_lang.typed import EntityFixture, Program, TestCase
from policy_lang.values import Cell, Gap, Record, Ref

_NOWHERE: Final = Span(SourceFile("", ""), 0, 0)


class Differ(Exception):
    """The two evaluators of one bundle decide differently, which they must never do."""


@dataclass(frozen=True)
class Judge:
    """A bundle by both of its evaluators."""

    program: Program

    @cached_property
    def compiled(self) -> Compiled:
        """The fast one."""
        return Compiled(self.program)

    @cached_property
    def _interpreter(self) -> Interpreter:
        return Interpreter(self.program)

    def decide(self, world: World, domains: Domains) -> Decision:
        """What both evaluators say of a world."""
        facts = facts_of(case_of(world, domains, self.program.schema), world.action, self.compiled)
        decision = self.compiled.decide(facts)
        if decision != self._interpreter.decide(facts):
            raise Differ(f"the evaluators differ on {world}, please report it")
        return decision


def case_of(world: World, domains: Domains, schema: Schema) -> TestCase:
    """The world as a test gives it under a schema: what that does not declare is left out."""
    cells = cells_of(world, domains, schema)
    parents = _parents(world, schema)
    rows = {owner for owner in cells if owner is not None} | set(parents)
    rows |= {variable.low for variable in world.choices if isinstance(variable, Within)}
    stored = {ref for ref in rows if ref.type in schema.types and schema.types[ref.type].is_stored}

    def entity(ref: Ref) -> EntityFixture:
        return EntityFixture(ref, cells.get(ref, {}), tuple(parents.get(ref, ())))

    context = cells.get(None, {})
    now = context.get("now", NOW)
    return TestCase(
        name="",
        principal=entity(world.principal),
        resource=entity(world.resource),
        entities=tuple(entity(ref) for ref in sorted(stored - {world.principal, world.resource})),
        assignments=tuple(_assignments(world, schema)),
        links=tuple(_links(world, schema)),
        context=context,
        now=now if isinstance(now, int) else NOW,
        expectations=(),
        span=_NOWHERE,
    )


def cells_of(world: World, domains: Domains, schema: Schema) -> Mapping[Ref | None, dict[str, Cell]]:
    """The cells that are set, by entity, None for the context."""
    found: dict[Ref | None, dict[str, Cell]] = defaultdict(dict)
    for variable, choice in world.choices.items():
        if isinstance(variable, Field):
            declared = None if variable.owner is None else schema.types.get(variable.owner.type)
            attributes = {**schema.context, "now": NOW_FIELD} if declared is None else declared.attributes
            if declared is not None or variable.owner is None:
                _put(found[variable.owner], attributes, variable.name, (choice, domains.attribute(variable)))
    return found


def _put(
    cells: dict[str, Cell], attributes: Mapping[str, Attribute], way: str, chosen: tuple[Choice, Attribute]
) -> None:
    """Writes a choice into the cells, or into a record among them."""
    name, dot, rest = way.partition(".")
    if name not in attributes:
        return
    attribute, inside = attributes[name], attributes[name].inside
    if inside is None:
        cell = as_read(*chosen, attribute)
        if not isinstance(cell, Gap) or cell is not attribute.gap:
            cells[name] = cell
    elif dot or chosen[0] is True:
        there = cells.get(name)
        fields = dict(there.cells) if isinstance(there, Record) else inside.complete({})
        if dot:
            _put(fields, inside.attributes, rest, chosen)
        cells[name] = Record(fields)


def _parents(world: World, schema: Schema) -> Mapping[Ref, list[Ref]]:
    """The edges by which what is said to be above is above."""
    edges: dict[Ref, list[Ref]] = defaultdict(list)
    for variable, choice in world.choices.items():
        if isinstance(variable, Within) and choice is True:
            way = way_up(schema, variable.low.type, variable.high.type)
            below = variable.low
            for type_ in way[:-1]:
                edges[below].append(Ref(type_, f"{type_.lower()}-between"))
                below = edges[below][-1]
            if way:
                edges[below].append(variable.high)
    for low, type_ in _memberships(world, schema):
        edges[low].append(Ref(type_, f"{type_.lower()}-of-{low.id}"))
    return {low: list(dict.fromkeys(above)) for low, above in edges.items()}


def _memberships(world: World, schema: Schema) -> Iterable[tuple[Ref, str]]:
    """The groups that the principal must be in, because a relation leads to such alone."""
    for variable, choice in world.choices.items():
        if isinstance(variable, Linked) and choice is True:
            subject = _subject(world, schema, variable)
            if subject is not None and subject != world.principal:
                yield world.principal, subject.type


def _subject(world: World, schema: Schema, linked: Linked) -> Ref | None:
    """To whom a relation leads: the principal, or a group that it is in."""
    declared = schema.relations.get((linked.relation, linked.resource.type))
    if declared is None:
        return None
    if world.principal.type in declared.subjects:
        return world.principal
    groups = (type_ for type_ in declared.subjects if reaches(schema, world.principal.type, type_))
    return next((Ref(type_, f"{type_.lower()}-of-{world.principal.id}") for type_ in groups), None)


def _assignments(world: World, schema: Schema) -> Iterable[Assignment]:
    for variable, choice in world.choices.items():
        if isinstance(variable, Held) and choice is True and variable.role in schema.roles:
            yield Assignment(world.principal, variable.role, variable.place, None)


def _links(world: World, schema: Schema) -> Iterable[Link]:
    for variable, choice in world.choices.items():
        if isinstance(variable, Linked) and choice is True:
            subject = _subject(world, schema, variable)
            if subject is not None:
                yield Link(variable.resource, variable.relation, subject, None)
