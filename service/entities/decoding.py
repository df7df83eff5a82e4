"""Turns stored JSON into cells by a schema's types: what does not fit is BAD_VALUE, undeclared keys are left.

The types' own reader is the law; the readers here take the forms that it would take as they are, which most are, and
leave it every other: a row costs a third.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from policy_lang.forms import ID_LIMIT, SET_LIMIT, STRING_LIMIT, read_stored
from policy_lang.notation import INT_LIMIT, BadValue
from policy_lang.schema import Origin, Schema
from policy_lang.types import (
    BoolType,
    DecimalType,
    EnumType,
    IntType,
    Json,
    RecordType,
    RefType,
    SetType,
    StringType,
    Type,
)
from policy_lang.values import BAD_VALUE, Cell, Gap, Record, Ref

ReadCell = Callable[[Json], Cell]


@dataclass(frozen=True, slots=True)
class _Reader:
    """What an entity type's cells are before a row is read, and which attributes the row may fill."""

    gaps: Mapping[str, Gap]
    stored: tuple[tuple[str, ReadCell], ...]


class Decoder:
    """Reads rows by one schema."""

    __slots__ = ("_readers", "schema")

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._readers: Final = {
            entity.name: _Reader(
                gaps={attribute.name: attribute.gap for attribute in entity.attributes.values()},
                stored=tuple(
                    (attribute.name, reader_of(attribute.type))
                    for attribute in entity.attributes.values()
                    if attribute.origin is Origin.STORE
                ),
            )
            for entity in schema.types.values()
            if entity.is_stored
        }

    def knows(self, type_: str) -> bool:
        """Whether the schema has rows of that type."""
        return type_ in self._readers

    def cells(self, type_: str, document: str) -> dict[str, Cell]:
        """A cell for every declared attribute of a row of that type."""
        reader = self._readers[type_]
        cells: dict[str, Cell] = dict(reader.gaps)
        found = load_document(document)
        for name, read in reader.stored:
            if found is None:
                cells[name] = BAD_VALUE
            elif (stored := found.get(name)) is not None:
                cells[name] = read(stored)
        return cells


def reader_of(type_: Type) -> ReadCell:
    """What reads the stored form of that type: `read_stored`, with BAD_VALUE for what does not fit."""

    def by_law(stored: Json) -> Cell:
        try:
            return read_stored(type_, stored)
        except BadValue:
            return BAD_VALUE

    match type_:
        case BoolType():
            return lambda stored: stored if stored is True or stored is False else BAD_VALUE
        case IntType() | DecimalType():
            return lambda stored: (
                stored if type(stored) is int and -INT_LIMIT <= stored <= INT_LIMIT else by_law(stored)
            )
        case StringType():
            return lambda stored: stored if isinstance(stored, str) and _is_plain(stored) else by_law(stored)
        case EnumType(members):
            known = frozenset(members)
            return lambda stored: stored if isinstance(stored, str) and stored in known else BAD_VALUE
        case RefType(targets):
            return _reader_of_refs({f"{target}:": target for target in targets}, by_law)
        case RecordType(fields):
            return _reader_of_records({field.name: (field.gap, reader_of(field.type)) for field in fields})
        case SetType(element):
            return _reader_of_sets(reader_of(element))
        case _:
            return by_law


def _reader_of_refs(prefixes: Mapping[str, str], by_law: ReadCell) -> ReadCell:
    def read(stored: Json) -> Cell:
        if isinstance(stored, str):
            at = stored.find(":") + 1
            target, id_ = prefixes.get(stored[:at]), stored[at:]
            if target is not None and id_ and len(id_) <= ID_LIMIT and id_.isascii() and id_.isprintable():
                return Ref(target, id_)
        return by_law(stored)

    return read


def _reader_of_records(fields: Mapping[str, tuple[Gap, ReadCell]]) -> ReadCell:
    def read(stored: Json) -> Cell:
        if not isinstance(stored, dict):
            return BAD_VALUE
        found = ((name, stored.get(name), gap, read_field) for name, (gap, read_field) in fields.items())
        return Record({name: gap if value is None else read_field(value) for name, value, gap, read_field in found})

    return read


def _reader_of_sets(read_element: ReadCell) -> ReadCell:
    def read(stored: Json) -> Cell:
        if not isinstance(stored, list) or len(stored) > SET_LIMIT:
            return BAD_VALUE
        cells = [read_element(element) for element in stored]
        elements = frozenset(cell for cell in cells if not isinstance(cell, Gap | frozenset | Record))
        return elements if all(not isinstance(cell, Gap) for cell in cells) else BAD_VALUE

    return read


def read_refs(document: str | None) -> tuple[Ref, ...]:
    """The references of a JSON list of `Type:id`, sorted; none for NULL."""
    if document is None or document == "[]":
        return ()
    texts: list[str] = orjson.loads(document)
    return tuple(sorted(Ref(*text.split(":", 1)) for text in texts))


def load_document(document: str) -> dict[str, Json] | None:
    """The attributes, or None where what is stored is no object: then no attribute can be read."""
    try:
        found: Json = orjson.loads(document)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


def _is_plain(text: str) -> bool:
    return text.isascii() and "\0" not in text and len(text) <= STRING_LIMIT
