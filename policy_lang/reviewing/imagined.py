"""Facts that are imagined piece by piece: what was not chosen yet says so when it is read.

What is imagined is well-formed: rows are there, their required attributes are set. What the caller, the token or the
context should say may be left out.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final

from policy_lang.facts import Facts, Question
from policy_lang.forms import read_given, write_given
from policy_lang.notation import BadValue
from policy_lang.reviewing.weighing import Open
from policy_lang.schema import Attribute, Origin, Schema
from policy_lang.types import TimestampType
from policy_lang.values import BAD_VALUE, Cell, Record, Ref, Value

NOW: Final = 1_767_607_200_000
"""The time where no rule reads it: 2026-01-05T10:00:00Z, a Monday."""


@dataclass(frozen=True, slots=True)
class Field:
    """What an attribute of an entity is, or a field of the context (None); None where it is not set.

    The fields of a record are fields of their own, by their way, and the record is only there or not.
    """

    owner: Ref | None
    name: str


@dataclass(frozen=True, slots=True)
class Held:
    """Whether the principal has been given a role at a place, or globally (None)."""

    role: str
    place: Ref | None


@dataclass(frozen=True, slots=True)
class Linked:
    """Whether a stored relation ties the resource to the principal."""

    relation: str
    resource: Ref


@dataclass(frozen=True, slots=True)
class Within:
    """Whether an entity has another among its ancestors."""

    low: Ref
    high: Ref


NOW_FIELD: Final = Attribute("now", TimestampType())
"""`context.now`, which is always there."""

Variable = Field | Held | Linked | Within
Choice = Value | None
"""A value, whether something is so, or None: not set."""


class Undecided(Open):
    """Something is read that was not chosen yet."""

    def __init__(self, variable: Variable) -> None:
        super().__init__(variable)
        self.variable = variable


@dataclass(frozen=True, slots=True)
class World:
    """Who asks for what, and what is chosen so far; both bundles are asked about the same world."""

    principal: Ref
    action: str
    resource: Ref
    choices: dict[Variable, Choice]

    def value(self, variable: Variable) -> Choice:
        """What was chosen; Undecided where nothing was."""
        if variable not in self.choices:
            raise Undecided(variable)
        return self.choices[variable]

    def is_so(self, variable: Variable) -> bool:
        """Whether it was chosen that it is so."""
        return self.value(variable) is True

    def facts(self, schema: Schema, types_of: Callable[[Field], Attribute]) -> Facts:
        """The facts as a schema reads them; `types_of` is what the choices were made by."""
        principal, resource = schema.types[self.principal.type], schema.types[self.resource.type]
        read = _Reader(self, types_of)
        question = Question(
            principal=self.principal,
            action=self.action,
            resource=self.resource,
            now=NOW,
            principal_cells={},
            resource_cells={},
            resource_parents=(),
            context=_Cells(read, None, {**schema.context, "now": NOW_FIELD}, frozenset(Origin)),
        )
        return Facts(
            question,
            principal_cells=_Cells(read, self.principal, principal.attributes, frozenset(Origin)),
            resource_cells=_Cells(read, self.resource, resource.attributes, frozenset(Origin)),
            rows=_Rows(read, schema),
            parents={},
            ancestors=frozenset((self.principal,)),
            is_ancestry_known=True,
            assignments={},
            links={},
        )


def as_read(choice: Choice, chosen_by: Attribute, attribute: Attribute) -> Cell:
    """What a choice, made by one declaration of an attribute, reads under another of it."""
    if choice is None:
        return attribute.gap
    if chosen_by.type == attribute.type:
        return choice
    try:
        return read_given(attribute.type, write_given(chosen_by.type, choice))
    except (BadValue, TypeError):
        return BAD_VALUE


@dataclass(frozen=True, slots=True)
class _Reader:
    world: World
    types_of: Callable[[Field], Attribute]

    def cell(self, field: Field, attribute: Attribute) -> Cell:
        return as_read(self.world.value(field), self.types_of(field), attribute)


@dataclass(frozen=True, slots=True)
class _Cells(Mapping[str, Cell]):
    """The attributes of one entity, or the fields of a record of it; those of sources out of reach are gaps."""

    read: _Reader
    owner: Ref | None
    attributes: Mapping[str, Attribute]
    origins: frozenset[Origin]
    way: str = ""

    def __getitem__(self, name: str) -> Cell:
        attribute = self.attributes[name]
        if attribute.origin not in self.origins:
            return attribute.gap
        field = Field(self.owner, f"{self.way}{name}")
        if attribute.inside is None:
            return self.read.cell(field, attribute)
        if not is_always_set(attribute) and self.read.world.value(field) is None:
            return attribute.gap
        return Record(replace(self, attributes=attribute.inside.attributes, way=f"{field.name}."))

    def __iter__(self) -> Iterator[str]:
        return iter(self.attributes)

    def __len__(self) -> int:
        return len(self.attributes)


def is_always_set(attribute: Attribute) -> bool:
    """Whether well-formed data has it."""
    return attribute.origin is Origin.STORE and not attribute.is_optional


def declared_at(attributes: Mapping[str, Attribute], way: str) -> Attribute | None:
    """The declaration of an attribute, or of a record's field by its way."""
    name, dot, rest = way.partition(".")
    found = attributes.get(name)
    if found is None or not dot:
        return found
    return None if found.inside is None else declared_at(found.inside.attributes, rest)


class _Rows(Mapping[Ref, Mapping[str, Cell]]):
    """The rows of all entities that a reference may lead to."""

    def __init__(self, read: _Reader, schema: Schema) -> None:
        self._read = read
        self._schema = schema

    def __getitem__(self, ref: Ref) -> Mapping[str, Cell]:
        declared = self._schema.types.get(ref.type)
        if declared is None or not declared.is_stored:
            raise KeyError(ref)
        return _Cells(self._read, ref, declared.attributes, frozenset((Origin.STORE,)))

    def __iter__(self) -> Iterator[Ref]:
        return iter(())

    def __len__(self) -> int:
        return 0
