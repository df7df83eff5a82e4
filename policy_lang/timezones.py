"""Loads time zones from the tzdata package, and never from the system, so that equal versions give equal answers.

Law (language.md, Types): a time zone is a name in the pinned tzdata. Neither `TZPATH` nor `/usr/share/zoneinfo` counts.
"""

from datetime import tzinfo
from functools import cache
from importlib.metadata import version
from importlib.resources import files
from typing import Final
from zoneinfo import ZoneInfo

TZDATA: Final = version("tzdata")
"""The version of the time zones, which every decision is recorded with."""


@cache
def timezones() -> frozenset[str]:
    """The names of the time zones that there are."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="ascii").split())


@cache
def zone(name: str) -> tzinfo:
    """The time zone of a name that is one of `timezones`; ValueError for any other."""
    if name not in timezones():
        raise ValueError(f"`{name}` is no time zone")
    with files("tzdata").joinpath("zoneinfo", *name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, name)
