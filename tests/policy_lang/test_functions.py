"""The closed table of functions gives what the law says, and a gap where there is no answer."""

import pytest

from policy_lang.functions import FUNCTIONS
from policy_lang.notation import parse_timestamp
from policy_lang.values import BAD_VALUE, Ip


@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("starts_with", ("region", "re"), True),
        ("ends_with", ("region", "on"), True),
        ("contains", ("region", "x"), False),
        ("lower", ("ÀBC-z",), "Àbc-z"),
        ("size", ("é🦉",), 2),
        ("size", (frozenset({1, 2, 3}),), 3),
        ("is_private", (Ip.parse("172.31.255.255"),), True),
        ("is_private", (Ip.parse("172.32.0.0"),), False),
        ("is_private", (Ip.parse("fdff::1"),), True),
        ("is_private", (Ip.parse("fe00::1"),), False),
        ("is_private", (Ip.parse("::ffff:10.1.2.3"),), True),
        ("is_loopback", (Ip.parse("127.9.9.9"),), True),
        ("is_loopback", (Ip.parse("::1"),), True),
        ("is_loopback", (Ip.parse("::2"),), False),
    ],
)
def test_a_function_gives_its_value(name: str, arguments: tuple[object, ...], expected: object) -> None:
    assert FUNCTIONS[name].call(*arguments) == expected


@pytest.mark.parametrize(
    ("time", "zone", "hour", "weekday", "time_of_day"),
    [
        ("2026-01-05T23:30:15.250Z", "UTC", 23, 1, 84_615_250),
        ("2026-01-05T23:30:00Z", "Europe/Paris", 0, 2, 1_800_000),
        ("2026-07-05T12:00:00Z", "America/New_York", 8, 7, 28_800_000),
        ("2026-01-05T12:00:00Z", "Asia/Kolkata", 17, 1, 63_000_000),
        ("0001-01-01T00:00:00Z", "UTC", 0, 1, 0),
        ("9999-12-31T23:59:59.999Z", "UTC", 23, 5, 86_399_999),
    ],
)
def test_the_clock_is_the_local_one(time: str, zone: str, hour: int, weekday: int, time_of_day: int) -> None:
    now = parse_timestamp(time)
    assert FUNCTIONS["hour"].call(now, zone) == hour
    assert FUNCTIONS["weekday"].call(now, zone) == weekday
    assert FUNCTIONS["time_of_day"].call(now, zone) == time_of_day


@pytest.mark.parametrize("name", ["hour", "weekday", "time_of_day"])
@pytest.mark.parametrize(
    ("milliseconds", "zone"),
    [
        (parse_timestamp("9999-12-31T23:59:59Z"), "Asia/Tokyo"),
        (parse_timestamp("0001-01-01T00:00:00Z"), "America/New_York"),
        (2**62, "UTC"),
        (-(2**62), "UTC"),
    ],
)
def test_out_of_the_years_there_is_no_time(name: str, milliseconds: int, zone: str) -> None:
    assert FUNCTIONS[name].call(milliseconds, zone) is BAD_VALUE


def test_signatures_are_told_as_authors_write_them() -> None:
    assert FUNCTIONS["hour"].signature == "hour(timestamp, timezone)"
    assert FUNCTIONS["size"].signature == "size(set or string)"
