"""Generates schemas: the rich one with attributes retyped, added, left out, optional or not, given by the request.

References stay, so that every way to stand and every step has something to lead to.
"""

from collections.abc import Iterator
from dataclasses import replace
from random import Random
from typing import Final

from policy_lang.schema import Attribute, EntityType, Origin, Schema
from policy_lang.types import Field, RecordType, RefType, ScalarType, SetType, Type
from tests.laws.declarations import HOLDER, SCHEMA, TYPES, USER
from tests.laws.generated_values import VALUES

ADDED: Final = 3
"""Attributes that a type may get besides its own."""


def schema_of(random: Random) -> Schema:
    """A schema; every third is the rich one as it is declared."""
    if random.random() < 0.33:
        return SCHEMA
    types = {declared.name: _entity_type(random, declared) for declared in TYPES.values()}
    context = {name: field if name == "now" else _attribute(random, field) for name, field in SCHEMA.context.items()}
    return replace(SCHEMA, types=types, context=context)


def _entity_type(random: Random, declared: EntityType) -> EntityType:
    return replace(declared, attributes={each.name: each for each in _attributes(random, declared)})


def _attributes(random: Random, declared: EntityType) -> Iterator[Attribute]:
    for attribute in declared.attributes.values():
        if isinstance(attribute.type, RefType) or random.random() < 0.9:
            yield _attribute(random, _moved(random, attribute, declared))
    for at in range(random.randint(0, ADDED)):
        name, claim = f"{declared.name.lower()}_{at}", (f"c{at}",) if declared.rows is Origin.CLAIM else ()
        added = Attribute(name, _type(random), random.random() < 0.4, declared.rows, claim)
        yield _moved(random, added, declared)


def _moved(random: Random, attribute: Attribute, declared: EntityType) -> Attribute:
    """Perhaps the request's own: of documents alone, as no reference leads to one."""
    is_fixed = declared.name != "Document" or isinstance(attribute.type, RefType) or random.random() < 0.8
    return attribute if is_fixed else replace(attribute, origin=Origin.REQUEST)


def _attribute(random: Random, attribute: Attribute) -> Attribute:
    is_optional = attribute.is_optional is not (random.random() < 0.2)
    is_kept = isinstance(attribute.type, RefType) or random.random() < 0.7
    return replace(attribute, is_optional=is_optional, type=attribute.type if is_kept else _type(random))


def _type(random: Random, depth: int = 2) -> Type:
    draw = random.random()
    if depth and draw < 0.2:
        names = "abcd"[: random.randint(1, 4)]
        return RecordType(tuple(Field(name, _type(random, depth - 1), random.random() < 0.4) for name in names))
    scalars: tuple[ScalarType, ...] = (*VALUES, USER, HOLDER)
    scalar = random.choice(scalars)
    return SetType(scalar) if draw < 0.4 else scalar
