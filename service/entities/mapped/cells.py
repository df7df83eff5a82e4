"""Turns the values of a column into cells of a declared type, exactly: what does not fit is BAD_VALUE, never a guess.

Law (language.md, Types and Exact SQL): a column that could not hold the type's values exactly, or whose values could
mean two things, is refused before anything is read of it.
"""

from collections.abc import Callable
from decimal import Decimal
from typing import Final

from policy_lang.forms import read_given, read_stored
from policy_lang.notation import INT_LIMIT, BadValue, parse_decimal
from policy_lang.types import (
    BoolType,
    DecimalType,
    DurationType,
    EnumType,
    IntType,
    IpType,
    NetworkType,
    RecordType,
    RefType,
    SetType,
    StringType,
    TimestampType,
    TimezoneType,
    Type,
)
from policy_lang.values import BAD_VALUE, Cell, Gap, Record, Ref
from service.db.mapped.columns import Column, Kind
from service.entities.mapped.documents import read_document
from service.entities.mapped.keys import KEY_KINDS, id_of
from service.entities.mapped.moments import UNITS, read_interval, read_local, read_moment
from service.entities.mapped.raw import Raw, Unreadable
from service.source_settings import ColumnSettings

ReadRaw = Callable[[Raw], Cell]
"""Reads what is in a column and is not NULL; never raises."""


class Misfit(Exception):
    """A column that values of the type cannot be read from; the message says what it lacks."""


def reader_of(type_: Type, column: Column, how: ColumnSettings) -> ReadRaw:
    """What reads values of the type from the column; Misfit where they cannot be read exactly."""
    read = _reader(type_, column, how)

    def guarded(raw: Raw) -> Cell:
        if isinstance(raw, Unreadable):
            return BAD_VALUE
        try:
            return read(raw)
        except BadValue:
            return BAD_VALUE

    return guarded


def moment_reader(column: Column, how: ColumnSettings) -> ReadRaw:
    """What reads times from the column."""
    return reader_of(TimestampType(), column, how)


def _reader(type_: Type, column: Column, how: ColumnSettings) -> ReadRaw:
    kind = column.kind
    match type_:
        case TimestampType():
            return _moments(column, how)
        case DurationType() if kind is Kind.INT:
            scale = UNITS[_unit(column, how)]
            return lambda raw: read_stored(type_, raw * scale if isinstance(raw, int) else None)
        case DurationType() if kind is Kind.INTERVAL:
            return lambda raw: read_stored(type_, read_interval(_text(raw)))
        case DecimalType() if kind in _NUMBERS:
            return _read_decimal
        case SetType() if kind is Kind.ARRAY and column.element is not None:
            return _elements(type_, column, column.element, how)
        case SetType() | RecordType() if kind is Kind.JSON or (column.is_embedded and kind in _EMBEDDED_TEXTS):
            return lambda raw: read_document(type_, raw, is_text=column.is_embedded)
        case RefType():
            return _references(type_, column)
        case BoolType() if kind is Kind.BOOL or (column.is_embedded and kind in _EMBEDDED_NUMBERS):
            return _read_embedded_bool if column.is_embedded else lambda raw: read_given(type_, _json(raw))
        case IntType() if kind is Kind.INT or (kind is Kind.DECIMAL and column.scale == 0) or kind is Kind.UNKNOWN:
            return lambda raw: read_given(type_, _json(raw))
        case _ if kind in _TEXTS.get(type(type_), ()):
            return lambda raw: read_given(type_, _text(raw))
        case _:
            raise Misfit(f"it is {column.kind.value} (`{column.shown}`), and no {_wanted(type_)}")


def _moments(column: Column, how: ColumnSettings) -> ReadRaw:
    type_ = TimestampType()
    zone = how.zone
    match column.kind:
        case Kind.INT:
            scale = UNITS[_unit(column, how)]
            return lambda raw: read_stored(type_, raw * scale if isinstance(raw, int) else None)
        case Kind.MOMENT:
            return lambda raw: read_moment(_text(raw))
        case Kind.LOCAL if zone is None:
            raise Misfit(f'its times have no zone (`{column.shown}`)\nhelp: say which they mean, such as zone = "UTC"')
        case Kind.LOCAL if zone is not None and not column.is_embedded:
            return lambda raw: read_local(_text(raw), zone)
        case Kind.LOCAL | Kind.TEXT | Kind.UNKNOWN if column.is_embedded or column.kind is Kind.TEXT:
            return lambda raw: read_moment(_text(raw), zone)
        case _:
            raise Misfit(f"it is {column.kind.value} (`{column.shown}`), and no {_wanted(type_)}")


def _unit(column: Column, how: ColumnSettings) -> str:
    if how.unit is None:
        raise Misfit(f'nothing says what its whole numbers (`{column.shown}`) count\nhelp: add unit, such as "ms"')
    return how.unit


def _references(type_: RefType, column: Column) -> ReadRaw:
    if column.kind not in KEY_KINDS:
        raise Misfit(f"it is {column.kind.value} (`{column.shown}`), and no id: text, a whole number or a UUID")
    if len(type_.targets) > 1:
        raise Misfit(f"its ids may be of {type_}\nhelp: say type, or type_column and types")
    (target,), kind = type_.targets, column.kind

    def read(raw: Raw) -> Cell:
        id_ = id_of(kind, raw)
        return BAD_VALUE if id_ is None else Ref(target, id_)

    return read


def _elements(type_: SetType, column: Column, element: Kind, how: ColumnSettings) -> ReadRaw:
    inside = Column(column.name, element, column.shown, is_nullable=False)
    read_element = reader_of(type_.element, inside, how)

    def read(raw: Raw) -> Cell:
        if not isinstance(raw, list):
            return BAD_VALUE
        cells = [BAD_VALUE if each is None else read_element(each) for each in raw]
        kept = frozenset(cell for cell in cells if not isinstance(cell, Gap | frozenset | Record))
        return kept if not any(isinstance(cell, Gap) for cell in cells) else BAD_VALUE

    return read


def _read_decimal(raw: Raw) -> Cell:
    """Ten-thousandths; finer values are refused, never rounded."""
    if isinstance(raw, float):
        # SQLite keeps decimals as binary fractions: up to 15 digits they come back as they went in.
        raw = Decimal(repr(raw))
        if len(raw.as_tuple().digits) > _FLOAT_DIGITS:
            raise BadValue("a fraction of more digits than are kept exactly")
    if isinstance(raw, str):
        return parse_decimal(raw)
    if isinstance(raw, bool) or not isinstance(raw, int | Decimal):
        raise BadValue("expected a decimal")
    number = Decimal(raw)
    if not number.is_finite() or number.adjusted() > _LARGEST_EXPONENT:
        raise BadValue("expected a decimal within limits")
    whole, part = divmod(_scaled(number, 4), 1)
    if part or abs(whole) > INT_LIMIT:
        raise BadValue("expected a decimal of at most 4 places")
    return int(whole)


def _scaled(number: Decimal, places: int) -> Decimal:
    sign, digits, exponent = number.as_tuple()
    return Decimal((sign, digits, int(exponent) + places))


def _read_embedded_bool(raw: Raw) -> Cell:
    """SQLite has no booleans: 0 and 1 stand for them, and nothing else does."""
    return bool(raw) if raw in (0, 1) and isinstance(raw, int) else BAD_VALUE


def _text(raw: Raw) -> str:
    if not isinstance(raw, str):
        raise BadValue("expected text")
    return raw


def _json(raw: Raw) -> bool | int:
    if not isinstance(raw, int):
        raise BadValue("expected a whole number")
    return raw


def _wanted(type_: Type) -> str:
    return f"column that `{type_}` is read from"


_FLOAT_DIGITS: Final = 15
_LARGEST_EXPONENT: Final = 20
_NUMBERS: Final = (Kind.DECIMAL, Kind.INT, Kind.TEXT, Kind.UNKNOWN)
_EMBEDDED_TEXTS: Final = (Kind.TEXT, Kind.UNKNOWN)
_EMBEDDED_NUMBERS: Final = (Kind.INT, Kind.UNKNOWN)
_TEXTS: Final[dict[type[Type], tuple[Kind, ...]]] = {
    StringType: (Kind.TEXT, Kind.UUID, Kind.ENUM, Kind.UNKNOWN),
    EnumType: (Kind.TEXT, Kind.ENUM, Kind.UNKNOWN),
    DurationType: (Kind.TEXT, Kind.UNKNOWN),
    TimezoneType: (Kind.TEXT, Kind.ENUM, Kind.UNKNOWN),
    IpType: (Kind.TEXT, Kind.INET, Kind.UNKNOWN),
    NetworkType: (Kind.TEXT, Kind.CIDR, Kind.UNKNOWN),
}
