"""How JSON becomes a value of a type, and back.

There are two written forms: the *given* form that people and callers write (RFC 3339 times, `15m`, `"12.5"`,
`{"type", "id"}` or a bare id), and the *stored* form that is canonical (milliseconds, ten-thousandths, `Type:id`,
sorted sets): equal values, equal bytes.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, assert_never

from policy_lang.notation import (
    DECIMAL_ONE,
    DURATION_LIMIT,
    FIRST_TIME,
    INT_LIMIT,
    LAST_TIME,
    BadValue,
    check_decimal,
    format_decimal,
    format_duration,
    format_timestamp,
    parse_decimal,
    parse_duration,
    parse_timestamp,
)
from policy_lang.timezones import timezones
from policy_lang.types import (
    BoolType,
    DecimalType,
    DurationType,
    EnumType,
    IntType,
    IpType,
    Json,
    NetworkType,
    RecordType,
    RefType,
    SetType,
    StringType,
    TimestampType,
    TimezoneType,
    Type,
)
from policy_lang.values import BAD_VALUE, Cell, Gap, Ip, Network, Record, Ref, Scalar, Value

Read = Callable[[Type, Json], Value]
"""Reads one of the forms; BadValue says what was expected."""

STRING_LIMIT: Final = 4096
"""Code points in a string value."""
ID_LIMIT: Final = 256
"""Code points in an id."""
SET_LIMIT: Final = 1000
"""Elements in a set."""
ADDRESSES: Final = 4096
"""Texts of addresses that are remembered: parsing one is 4 µs."""


def read_given(type_: Type, given: Json) -> Value:
    """The value that the given form writes; BadValue says what was expected."""
    match type_:
        case SetType():
            return _read_set(type_, given, read_given)
        case RecordType():
            return _read_record(type_, given, read_given)
        case TimestampType():
            return parse_timestamp(_text(given, "an RFC 3339 time such as `2026-01-05T10:00:00Z`"))
        case DurationType():
            return parse_duration(_text(given, "a duration such as `15m`"))
        case DecimalType():
            return _read_given_decimal(given)
        case RefType():
            return _read_given_ref(type_, given)
        case _:
            return _read_plain(type_, given)


def read_stored(type_: Type, stored: Json) -> Value:
    """The value that the stored form holds; BadValue where it does not fit."""
    match type_:
        case SetType():
            return _read_set(type_, stored, read_stored)
        case RecordType():
            return _read_record(type_, stored, read_stored)
        case TimestampType():
            return _whole(stored, least=FIRST_TIME, most=LAST_TIME)
        case DurationType():
            return _whole(stored, least=-DURATION_LIMIT, most=DURATION_LIMIT)
        case DecimalType():
            return _whole(stored, least=-INT_LIMIT, most=INT_LIMIT)
        case RefType():
            kind, colon, id_ = _text(stored, "a stored reference").partition(":")
            if not colon or kind not in type_.targets:
                raise BadValue(f"expected a stored reference to {type_}")
            return Ref(kind, check_id(id_))
        case _:
            return _read_plain(type_, stored)


def read_cell(type_: Type, written: Json, read: Read) -> Cell:
    """As `read_given` or `read_stored`, of data that nothing held to its type: what does not fit is a bad value.

    In a record only the field is, and what is undeclared there is left out.
    """
    if isinstance(type_, RecordType) and isinstance(written, dict):
        cells: dict[str, Cell] = {}
        for field in type_.fields:
            found = written.get(field.name)
            cells[field.name] = field.gap if found is None else read_cell(field.type, found, read)
        return Record(cells)
    try:
        return read(type_, written)
    except BadValue:
        return BAD_VALUE


def write_given(type_: Type, value: Value) -> Json:
    """The given form of a value, as answers, exports and messages show it."""
    match type_, value:
        case SetType(), frozenset():
            return sorted((write_given(type_.element, item) for item in value), key=str)
        case RecordType(), Record():
            return _write_record(type_, value, write_given)
        case TimestampType(), int():
            return format_timestamp(value)
        case DurationType(), int():
            return format_duration(value)
        case DecimalType(), int():
            return format_decimal(value)
        case RefType(), Ref():
            return {"type": value.type, "id": value.id}
        case _, Ip() | Network():
            return str(value)
        case _, bool() | int() | str():
            return value
        case _:
            raise TypeError(f"{value!r} is no {type_}")


def write_stored(type_: Type, value: Value) -> Json:
    """The stored form of a value: canonical, so that equal values are equal bytes."""
    if isinstance(type_, RecordType) and isinstance(value, Record):
        return _write_record(type_, value, write_stored)
    if isinstance(type_, SetType) and isinstance(value, frozenset):
        return sorted((write_stored(type_.element, item) for item in value), key=str)
    match value:
        case Ref() | Ip() | Network():
            return str(value)
        case bool() | int() | str():
            return value
        case _:
            raise TypeError(f"{value!r} is no {type_}")


def check_id(id_: str) -> str:
    """The id itself; BadValue if it is empty, over-long, or has a control character or lone surrogate."""
    if not id_:
        raise BadValue("an id is not empty")
    if len(id_) > ID_LIMIT:
        raise BadValue(f"an id has at most {ID_LIMIT} characters (this one has {len(id_)})")
    if not id_.isprintable() or not _is_text(id_):
        raise BadValue("an id has no control characters")
    return id_


def _read_plain(type_: Type, written: Json) -> Scalar:
    match type_:
        case BoolType():
            if not isinstance(written, bool):
                raise BadValue("expected true or false")
            return written
        case IntType():
            return _whole(written, least=-INT_LIMIT, most=INT_LIMIT)
        case StringType():
            return _text(written, "a string")
        case EnumType():
            if written not in type_.members or not isinstance(written, str):
                raise BadValue(f"expected one of {', '.join(type_.members)}")
            return written
        case TimezoneType():
            if not isinstance(written, str) or written not in timezones():
                raise BadValue("expected the name of a time zone, such as `Europe/Paris`")
            return written
        case IpType():
            return _address(_text(written, "an ip address"))
        case NetworkType():
            return _network(_text(written, "a network"))
        case DecimalType() | TimestampType() | DurationType() | RefType() | SetType() | RecordType():
            raise TypeError(f"{type_} has forms of its own")
        case _:
            assert_never(type_)


@lru_cache(maxsize=ADDRESSES)
def _address(text: str) -> Ip:
    """Remembered, for callers come from the same addresses again and again; what is none is not."""
    try:
        return Ip.parse(text)
    except ValueError as error:
        raise BadValue("expected an ip address, such as `10.1.2.3` or `2001:db8::1`") from error


def _network(text: str) -> Network:
    try:
        return Network.parse(text)
    except ValueError as error:
        raise BadValue("expected a network without host bits, such as `10.0.0.0/8`") from error


def _whole(written: Json, *, least: int, most: int) -> int:
    if isinstance(written, bool) or not isinstance(written, int):
        raise BadValue("expected a whole number")
    if not least <= written <= most:
        raise BadValue(f"expected a whole number within {f'±{most}' if least == -most else f'{least}..{most}'}")
    return written


def _read_given_decimal(given: Json) -> int:
    if isinstance(given, str):
        return parse_decimal(given)
    if isinstance(given, bool) or not isinstance(given, int):
        raise BadValue('expected a decimal as a string, such as `"12.5"`, or a whole number')
    return check_decimal(given * DECIMAL_ONE)


def _text(written: Json, expected: str) -> str:
    if not isinstance(written, str):
        raise BadValue(f"expected {expected}")
    if len(written) > STRING_LIMIT:
        raise BadValue(f"a string has at most {STRING_LIMIT} characters (this one has {len(written)})")
    if not _is_text(written):
        raise BadValue("a string has no NUL and no lone surrogate")
    return written


def _is_text(text: str) -> bool:
    return "\0" not in text and (text.isascii() or not any("\ud800" <= char <= "\udfff" for char in text))


def _read_given_ref(type_: RefType, given: Json) -> Ref:
    if isinstance(given, str):
        if len(type_.targets) > 1:
            raise BadValue(f'expected {{"type": …, "id": …}}, as it may be {type_}')
        return Ref(type_.targets[0], check_id(given))
    if not isinstance(given, dict) or given.keys() != {"type", "id"}:
        raise BadValue(f'expected a reference to {type_}: its id, or {{"type": …, "id": …}}')
    kind, id_ = given["type"], given["id"]
    if not isinstance(kind, str) or kind not in type_.targets or not isinstance(id_, str):
        raise BadValue(f"expected a reference to {type_}")
    return Ref(kind, check_id(id_))


def _read_set(type_: SetType, written: Json, read: Read) -> Value:
    if not isinstance(written, list | tuple):
        raise BadValue(f"expected a list, for {type_}")
    if len(written) > SET_LIMIT:
        raise BadValue(f"a set has at most {SET_LIMIT} elements (this one has {len(written)})")
    values = (read(type_.element, item) for item in written)
    return frozenset(value for value in values if not isinstance(value, frozenset | Record))


def _read_record(type_: RecordType, written: Json, read: Read) -> Record:
    if not isinstance(written, dict):
        raise BadValue(f"expected an object, for {type_}")
    known = {field.name for field in type_.fields}
    for name in written:
        if name not in known:
            raise BadValue(f"no field `{name}` in {type_}")
    cells: dict[str, Cell] = {}
    for field in type_.fields:
        found = written.get(field.name)
        try:
            cells[field.name] = field.gap if found is None else read(field.type, found)
        except BadValue as error:
            raise BadValue(f"`{field.name}`: {error}") from error
    return Record(cells)


def _write_record(type_: RecordType, record: Record, write: Callable[[Type, Value], Json]) -> Json:
    """The fields that are set, sorted, so that equal records are equal bytes."""
    fields = sorted(type_.fields, key=lambda field: field.name)
    cells = ((field, record.cells[field.name]) for field in fields)
    return {field.name: write(field.type, cell) for field, cell in cells if not isinstance(cell, Gap)}
