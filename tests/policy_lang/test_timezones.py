"""Law: time zones are those of the pinned tzdata, whatever the machine has."""

import tomllib
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from importlib.resources import files
from pathlib import Path

import pytest

from policy_lang.forms import read_given
from policy_lang.functions import FUNCTIONS
from policy_lang.notation import BadValue, parse_timestamp
from policy_lang.timezones import TZDATA, timezones, zone
from policy_lang.types import TimezoneType

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


@pytest.fixture
def misled(tmp_path: Path) -> Iterator[None]:
    """A machine whose own data takes Paris for Tokyo, and knows a place that no other does."""
    (tmp_path / "Europe").mkdir()
    tokyo = files("tzdata").joinpath("zoneinfo", "Asia", "Tokyo").read_bytes()
    for name in ("Paris", "Atlantis"):
        (tmp_path / "Europe" / name).write_bytes(tokyo)
    zoneinfo.reset_tzpath([str(tmp_path)])
    zone.cache_clear()
    zoneinfo.ZoneInfo.clear_cache()
    yield
    zoneinfo.reset_tzpath()
    zone.cache_clear()
    zoneinfo.ZoneInfo.clear_cache()


@pytest.mark.usefixtures("misled")
def test_the_data_of_the_machine_does_not_count() -> None:
    assert NOON.astimezone(zoneinfo.ZoneInfo("Europe/Paris")).hour == 21
    assert NOON.astimezone(zone("Europe/Paris")).hour == 13
    assert FUNCTIONS["hour"].call(parse_timestamp("2026-01-05T12:00:00Z"), "Europe/Paris") == 13
    with pytest.raises(BadValue):
        read_given(TimezoneType(), "Europe/Atlantis")


@pytest.mark.parametrize("name", ["", "Europe", "../zones", "/etc/localtime", "europe/paris", "Europe/Paris\0"])
def test_what_is_no_name_of_the_data_is_no_time_zone(name: str) -> None:
    with pytest.raises(ValueError, match="is no time zone"):
        zone(name)


def test_every_name_has_a_clock() -> None:
    assert all(abs(NOON.astimezone(zone(name)).utcoffset() or timedelta()) < timedelta(days=1) for name in timezones())
    assert len(timezones()) > 400


def test_the_version_is_pinned_exactly() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())["project"]
    assert f"tzdata=={TZDATA}" in project["dependencies"]
