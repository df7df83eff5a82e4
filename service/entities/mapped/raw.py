"""Unpacks what a row's values were packed into (service.db.mapped.constructs.packed), losing nothing."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Final, final


@final
class Unreadable:
    """A value that is there and that nothing reads, such as bytes."""


Raw = None | bool | int | float | Decimal | str | list["Raw"] | dict[str, "Raw"] | Unreadable
"""A value as its column has it."""

UNREADABLE: Final = Unreadable()


def unpack(text: str, *, is_embedded: bool) -> list[Raw]:
    """The values of a row, in the order in which they were packed."""
    read = parse(text)
    if not isinstance(read, list):
        return []
    values = [value for chunk in read if isinstance(chunk, list) for value in chunk]
    return [_typed(value) for value in values] if is_embedded else values


def parse(text: str) -> Raw:
    """JSON with exact numbers; UNREADABLE where it is none, or goes too deep."""
    try:
        read: Raw = json.loads(text, parse_float=Decimal)
    except (ValueError, RecursionError):
        return UNREADABLE
    return read


def unpack_or(text: str, count: int, *, is_embedded: bool) -> Sequence[Raw]:
    """As `unpack`; where the row cannot be unpacked, so many values that nothing reads."""
    values = unpack(text, is_embedded=is_embedded)
    return values if len(values) == count else [UNREADABLE] * count


def _typed(value: Raw) -> Raw:
    """A value of SQLite, which comes with its type: a fraction as 17 digits, bytes as nothing."""
    if not isinstance(value, list) or len(value) != 2:
        return UNREADABLE
    kind, content = value
    if kind == "real" and isinstance(content, str):
        return float(content)
    return UNREADABLE if kind == "blob" else content
