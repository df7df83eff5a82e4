"""Turns stored JSON into cells by a schema's types: what does not fit is BAD_VALUE, undeclared keys are left."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from policy_lang.schema import Origin, Schema
from policy_lang.types import BadValue, Json, Type, read_stored
from policy_lang.values import BAD_VALUE, Cell, Gap, Ref


@dataclass(frozen=True, slots=True)
class _Reader:
    """What an entity type's cells are before a row is read, and which attributes the row may fill."""

    gaps: Mapping[str, Gap]
    stored: tuple[tuple[str, Type], ...]


class Decoder:
    """Reads rows by one schema."""

    __slots__ = ("_readers", "schema")

    def __init__(self, schema: Schema) -> None:
        self.schema = schema
        self._readers: Final = {
            entity.name: _Reader(
                gaps={attribute.name: attribute.gap for attribute in entity.attributes.values()},
                stored=tuple(
                    (attribute.name, attribute.type)
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
        for name, attribute_type in reader.stored:
            if found is None:
                cells[name] = BAD_VALUE
            elif (stored := found.get(name)) is not None:
                cells[name] = _cell(attribute_type, stored)
        return cells


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


def _cell(type_: Type, stored: Json) -> Cell:
    try:
        return read_stored(type_, stored)
    except BadValue:
        return BAD_VALUE
