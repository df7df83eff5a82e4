"""Reads the texts in which databases write times and intervals; a local time that may be two moments is none."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

from policy_lang.notation import BadValue, parse_timestamp
from policy_lang.timezones import zone as zone_of

UNITS: Final[Mapping[str, int]] = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000}
"""Milliseconds of each unit."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_LOCAL: Final = re.compile(r"(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?", re.ASCII)
_SHORT_OFFSET: Final = re.compile(r"[+-]\d\d$", re.ASCII)
_INTERVAL: Final = re.compile(
    r"P(?:(-?\d{1,9})D)?(?:T(?:(-?\d{1,9})H)?(?:(-?\d{1,9})M)?(?:(-?)(\d{1,12})(?:\.(\d{1,3})0*)?S)?)?", re.ASCII
)


def read_moment(text: str, zone: str | None = None) -> int:
    """Milliseconds since 1970 UTC of a time with an offset, or of a local time in the zone; BadValue for others."""
    if _LOCAL.fullmatch(text):
        if zone is None:
            raise BadValue("a time without a zone")
        return read_local(text, zone)
    whole = text.replace(" ", "T", 1)
    return parse_timestamp(whole + ":00" if _SHORT_OFFSET.search(whole) else whole)


def read_local(text: str, zone: str) -> int:
    """The same of a local time; BadValue where the zone's clock skipped it, or showed it twice."""
    found = _LOCAL.fullmatch(text)
    if not found:
        raise BadValue("expected a local time")
    date, clock, fraction = found.groups()
    try:
        local = datetime.fromisoformat(f"{date}T{clock}").replace(tzinfo=zone_of(zone))
        first, second = local.utcoffset(), local.replace(fold=1).utcoffset()
        if first is None or first != second:
            raise BadValue("a local time that is no moment, or two")
        whole = (local.astimezone(UTC) - _EPOCH) // timedelta(milliseconds=1)
    except (ValueError, OverflowError) as error:
        raise BadValue("expected a time that exists") from error
    return whole + int(((fraction or "") + "000")[:3])


def read_interval(text: str) -> int:
    """Milliseconds of an ISO 8601 interval; BadValue for months, whose length nobody knows, and for finer ones."""
    found = _INTERVAL.fullmatch(text)
    if not found:
        raise BadValue("an interval of months, or finer than milliseconds")
    days, hours, minutes, minus, seconds, fraction = found.groups()
    rest = int(seconds or 0) * 1000 + int(((fraction or "") + "000")[:3])
    return (
        int(days or 0) * UNITS["d"]
        + int(hours or 0) * UNITS["h"]
        + int(minutes or 0) * UNITS["m"]
        + (-rest if minus else rest)
    )
