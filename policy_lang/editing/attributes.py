"""Finds the declared attribute behind a symbol, through the records that it may lie in."""

from collections.abc import Mapping

from policy_lang.editing.names import Kind, Symbol, symbol
from policy_lang.schema import NOW, Attribute, Schema


def find_attribute(meant: Symbol, schema: Schema) -> Attribute | None:
    """The attribute, context field or field of a record; None where it is not declared."""
    if meant.kind is Kind.FIELD:
        attributes, way = given_attributes(schema), meant.way
    else:
        attributes, way = attributes_of(meant.way[0], schema), meant.way[1:]
    found = None
    for name in way:
        found = attributes.get(name)
        if found is None:
            return None
        attributes = {} if found.inside is None else found.inside.attributes
    return found


def attributes_of(type_: str, schema: Schema) -> Mapping[str, Attribute]:
    """The attributes of a type; none of one that is not declared."""
    declared = schema.types.get(type_)
    return {} if declared is None else declared.attributes


def given_attributes(schema: Schema) -> Mapping[str, Attribute]:
    """The fields of the context, and the time."""
    return {**schema.context, NOW.name: NOW}


def inner(holder: Symbol, name: str) -> Symbol:
    """The symbol of a record's field."""
    return symbol(holder.kind, *holder.way, name)
