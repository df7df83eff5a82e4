"""What a table of the application is, as far as reading it exactly goes: its columns, their kinds, what is unique."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sqlalchemy import CHAR, JSON, Boolean, DateTime, Float, Integer, Interval, Numeric, String, Uuid
from sqlalchemy import Enum as SqlEnum
from sqlalchemy.dialects import postgresql
from sqlalchemy.types import NullType, TypeEngine


class Kind(Enum):
    """What kind of values a column holds."""

    BOOL = "a boolean"
    INT = "a whole number"
    DECIMAL = "an exact decimal"
    FLOAT = "a binary fraction"
    TEXT = "text"
    CHAR = "text that is padded with blanks"
    CITEXT = "text that is equal whatever its case"
    ENUM = "an enumeration"
    UUID = "a UUID"
    MOMENT = "a time with its zone"
    LOCAL = "a time without a zone"
    INTERVAL = "an interval"
    INET = "an address"
    CIDR = "a network"
    JSON = "JSON"
    ARRAY = "an array"
    UNKNOWN = "whatever is in it"
    OTHER = "of no kind that is read"


@dataclass(frozen=True, slots=True)
class Column:
    """A column. `shown` is its type as the database writes it; `element` the kind of an array's elements.

    `is_exact` says that its texts are equal only if they are identical; `collation` is why not.
    """

    name: str
    kind: Kind
    shown: str
    is_nullable: bool
    element: Kind | None = None
    scale: int | None = None
    is_exact: bool = True
    collation: str = ""
    is_embedded: bool = False


@dataclass(frozen=True, slots=True)
class MappedTable:
    """A table or view. `unique` are the columns that no two rows share, each alone."""

    name: str
    columns: Mapping[str, Column]
    unique: frozenset[str]
    is_view: bool


def kind_of(type_: TypeEngine[object], *, is_embedded: bool) -> Kind:
    """The kind of a column of that type; SQLite says it by the declared type's affinity."""
    match type_:
        case postgresql.DOMAIN():
            return kind_of(type_.data_type, is_embedded=is_embedded)
        case postgresql.ARRAY():
            return Kind.ARRAY
        case postgresql.CITEXT():
            return Kind.CITEXT
        case postgresql.INET():
            return Kind.INET
        case postgresql.CIDR():
            return Kind.CIDR
        case postgresql.INTERVAL() | Interval():
            return Kind.INTERVAL
        case NullType():
            return Kind.UNKNOWN if is_embedded else Kind.OTHER
        case Uuid():
            return Kind.UUID
        case DateTime():
            return Kind.MOMENT if type_.timezone else Kind.LOCAL
        case CHAR() if not is_embedded:
            return Kind.CHAR
        case _:
            return next((kind for each, kind in _PLAIN if isinstance(type_, each)), Kind.OTHER)


_PLAIN: Final = (
    (Boolean, Kind.BOOL),
    (Integer, Kind.INT),
    (Float, Kind.FLOAT),
    (Numeric, Kind.DECIMAL),
    (JSON, Kind.JSON),
    (SqlEnum, Kind.ENUM),
    (String, Kind.TEXT),
)
"""In an order in which the narrower of two types comes first."""
