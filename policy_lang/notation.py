"""Reads and writes the texts of times, durations and decimals, exactly: what is read back is what was written."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

INT_LIMIT: Final = 2**53 - 1
"""Ints, and the ten-thousandths of decimals, lie within ± this, at every entrance."""
DURATION_LIMIT: Final = 10**15
"""Milliseconds of a duration, at every entrance: more than lie between any two times."""
FIRST_TIME: Final = -62_135_596_800_000
"""0001-01-01T00:00:00Z."""
LAST_TIME: Final = 253_402_300_799_999
"""9999-12-31T23:59:59.999Z."""
DECIMAL_ONE: Final = 10_000
"""A decimal is kept as whole ten-thousandths; this many are 1."""


class BadValue(ValueError):
    """A written value that does not fit its type; the message says what was expected."""


def parse_timestamp(text: str) -> int:
    """Milliseconds since 1970 UTC; finer input is floored; the offset is required, years are 1–9999."""
    if not re.fullmatch(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", text, re.ASCII):
        raise BadValue("expected an RFC 3339 time with its offset, such as `2026-01-05T10:00:00Z`")
    seconds, dot, rest = text.partition(".")
    digits = re.match(r"\d*", rest)
    fraction = digits.group() if dot and digits else ""
    offset = rest[len(fraction) :] if dot else ""
    try:
        moment = datetime.fromisoformat((seconds + offset).upper().replace("Z", "+00:00"))
        whole = (moment.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise BadValue("expected a time that exists, in the years 1–9999") from error
    return whole + int((fraction + "000")[:3])


def format_timestamp(milliseconds: int) -> str:
    """RFC 3339 in UTC, with milliseconds only where there are any."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds" if milliseconds % 1000 else "seconds").replace("+00:00", "Z")


def parse_duration(text: str) -> int:
    """Milliseconds of a duration such as `15m`, `1h30m`, `250ms`; `1d` is 24 hours."""
    found = _DURATION.fullmatch(text)
    if not found or not text:
        raise BadValue("expected a duration such as `15m`, `1h30m` or `250ms`")
    whole = sum(int(digits) * size for digits, (_, size) in zip(found.groups(), _UNITS, strict=True) if digits)
    if whole > DURATION_LIMIT:
        raise BadValue(f"expected a duration of at most `{format_duration(DURATION_LIMIT)}`")
    return whole


def format_duration(milliseconds: int) -> str:
    """The shortest form that `parse_duration` reads back."""
    sign, rest, out = ("-" if milliseconds < 0 else ""), abs(milliseconds), ""
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        out += f"{count}{unit}" if count else ""
    return sign + (out or "0s")


def parse_decimal(text: str) -> int:
    """Ten-thousandths of a decimal such as `12.5`; more than four places are refused, never rounded."""
    found = _DECIMAL.fullmatch(text)
    if not found:
        raise BadValue("expected a decimal of at most 4 places, such as `12.5`")
    sign, whole, fraction = found.groups()
    scaled = int(whole) * DECIMAL_ONE + int(((fraction or "") + "0000")[:4])
    return check_decimal(-scaled if sign else scaled)


def check_decimal(scaled: int) -> int:
    """The ten-thousandths themselves; BadValue if they are too many."""
    if abs(scaled) > INT_LIMIT:
        raise BadValue(f"expected a decimal within ±{format_decimal(INT_LIMIT)}")
    return scaled


def format_decimal(scaled: int) -> str:
    """The shortest form that `parse_decimal` reads back, such as `12.5` or `-3`."""
    whole, fraction = divmod(abs(scaled), DECIMAL_ONE)
    places = f"{fraction:04}".rstrip("0")
    return ("-" if scaled < 0 else "") + str(whole) + (f".{places}" if places else "")


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_UNITS: Final = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))
_DURATION: Final = re.compile(r"(?:(\d{1,9})d)?(?:(\d{1,9})h)?(?:(\d{1,9})m)?(?:(\d{1,9})s)?(?:(\d{1,9})ms)?", re.ASCII)
_DECIMAL: Final = re.compile(r"(-)?([0-9]{1,16})(?:\.([0-9]{1,4}))?")
