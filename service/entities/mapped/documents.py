"""Reads sets and records from JSON columns, whose numbers may be decimals and whose references are bare ids."""

from decimal import Decimal

from policy_lang.forms import read_cell, read_given
from policy_lang.types import DecimalType, Json, RecordType, RefType, SetType, Type
from policy_lang.values import Cell
from service.entities.mapped.raw import Raw, parse


def read_document(type_: SetType | RecordType, raw: Raw, *, is_text: bool) -> Cell:
    """The set or record; `is_text` where the column holds JSON as text."""
    document = parse(raw) if is_text and isinstance(raw, str) else raw
    return read_cell(type_, _given(type_, document), read_given)


def _given(type_: Type, raw: Raw) -> Json:
    """The given form of what JSON has; what has none becomes something that the type does not read."""
    match type_, raw:
        case SetType(), list():
            return [_given(type_.element, each) for each in raw]
        case RecordType(), dict():
            known = {field.name: field.type for field in type_.fields}
            return {name: _given(known[name], value) for name, value in raw.items() if name in known}
        case SetType() | RecordType(), _:
            return False
        case DecimalType(), Decimal() if -20 < raw.adjusted() < 20:
            return format(raw, "f")
        case RefType(), int() if not isinstance(raw, bool) and len(type_.targets) == 1:
            return str(raw)
        case RefType(), dict():
            return {name: value if isinstance(value, str) else [] for name, value in raw.items()}
        case _, None | bool() | int() | str():
            return raw
        case _:
            return []
