"""Values on their way out and back."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from magistrate.v1.types_pb2 import Value, ValueSet

import magistrate_client as mc
from magistrate_client.values import BadValue, read_value, write_value
from policy_lang.notation import parse_decimal, parse_duration, parse_timestamp

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
REFERENCES = st.builds(mc.EntityRef, TEXT, TEXT)
SETS = st.one_of(
    st.frozensets(st.booleans()), st.frozensets(st.integers(-9, 9)), st.frozensets(TEXT), st.frozensets(REFERENCES)
)
WHOLE = st.integers(-(2**53) + 1, 2**53 - 1)
ZONES = st.sampled_from([UTC, timezone(timedelta(hours=5, minutes=45)), timezone(-timedelta(seconds=1))])


def written(given_value: mc.Given) -> Value:
    """The value on the wire, and off it again."""
    value = Value()
    write_value(given_value, value)
    return Value.FromString(value.SerializeToString())


@given(st.one_of(st.booleans(), WHOLE, TEXT, REFERENCES, SETS))
def test_what_the_wire_tells_apart_comes_back_as_it_was(value: mc.Value) -> None:
    back = read_value(written(value))
    assert (type(back), back) == (type(value), value)


@given(st.dictionaries(TEXT, st.one_of(st.booleans(), WHOLE, TEXT, REFERENCES, SETS, st.just({"in": {"x": 1}}))))
def test_a_record_comes_back_as_it_was_without_what_is_not_set(record: dict[str, mc.Given]) -> None:
    assert read_value(written({"\0unset": None, **record})) == record


@given(st.lists(WHOLE, max_size=6))
def test_a_list_is_a_set_written_down(values: list[int]) -> None:
    assert read_value(written(list(values))) == frozenset(values)
    assert read_value(written(tuple(values))) == frozenset(values)


@given(st.datetimes(timezones=ZONES))
def test_a_datetime_is_the_moment_that_the_language_reads(moment: datetime) -> None:
    try:
        text = written(moment).string_value
    except BadValue:
        assert moment.year in (1, 9999)
        return
    assert parse_timestamp(text) == (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


@given(st.timedeltas(min_value=timedelta(0), max_value=timedelta(milliseconds=10**15)))
def test_a_timedelta_is_the_duration_that_the_language_reads(duration: timedelta) -> None:
    assert parse_duration(written(duration).string_value) == duration // timedelta(milliseconds=1)


@given(st.decimals(-900_719_925_474, 900_719_925_474, places=4))
def test_a_decimal_is_the_one_that_the_language_reads(number: Decimal) -> None:
    assert parse_decimal(written(number).string_value) == number * 10_000


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Decimal("12.50"), "12.5"),
        (Decimal("-0.0001"), "-0.0001"),
        (Decimal("1E+3"), "1000"),
        (Decimal("900719925474.0991"), "900719925474.0991"),
        (datetime(2026, 1, 5, 11, tzinfo=timezone(timedelta(hours=1))), "2026-01-05T10:00:00.000Z"),
        (timedelta(minutes=15), "15m"),
        (timedelta(hours=1, milliseconds=250), "1h250ms"),
        (timedelta(0), "0s"),
        (ip_address("10.1.2.3"), "10.1.2.3"),
        (ip_address("2001:db8::1"), "2001:db8::1"),
        (ip_network("10.0.0.0/8"), "10.0.0.0/8"),
        (ip_network("2001:db8::/32"), "2001:db8::/32"),
    ],
    ids=str,
)
def test_scalars_of_other_types_are_written_as_strings(value: mc.Given, text: str) -> None:
    assert written(value) == Value(string_value=text)


@pytest.mark.parametrize(
    "value",
    [
        datetime(2026, 1, 5),  # noqa: DTZ001
        datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        timedelta(seconds=-1),
        2**53,
        -(2**53),
        Decimal("0.00001"),
        Decimal("900719925474.0992"),
        Decimal("1E+1000"),
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1." + "0" * 60 + "1"),
    ],
    ids=str,
)
def test_what_the_language_has_no_value_for_is_refused(value: mc.Given) -> None:
    with pytest.raises(BadValue):
        written(value)


@pytest.mark.parametrize("value", [Value(), Value(set_value=ValueSet(values=[Value(int_value=1), Value()]))], ids=str)
def test_a_value_that_is_not_set_reads_as_none_and_breaks_its_set(value: Value) -> None:
    assert read_value(value) is None


def test_an_empty_set_is_a_set() -> None:
    assert written(set()).WhichOneof("kind") == "set_value"
    assert read_value(written(set())) == frozenset()


def test_a_reference_is_read_up_to_the_first_colon() -> None:
    assert mc.EntityRef.parse("Document:a:b") == mc.EntityRef("Document", "a:b")
    assert str(mc.EntityRef("Document", "a:b")) == "Document:a:b"
