"""What goes from the spool to the log as it stands is what reading it and writing it again would give."""

from dataclasses import replace
from typing import Final

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_lang.types import Json
from service.decisions.payload import (
    BadPayload,
    decode_batch,
    encode_batch,
    encode_record,
    encode_stored,
    stored,
    stored_batch,
    stored_record,
)
from service.decisions.stored import FIELDS, taken
from service.model import DecisionRecord
from tests.service.decisions.records import any_record, body_of_format, sample

USUAL: Final = replace(sample(), obligations=())
WRONG: Final[tuple[Json, ...]] = (
    None, True, 7, -1.5, "?", "deny", "0189" * 8, "01890A5D-AC96-774B-BCCE-B302099A8057", {}, {"a": 1}, [], [1], ["a"],
    ["a", "b"], ["a", 1], ["a", "b", "c"], ["token", "", ""], ["token", ""], [["a"]], [["a", "b"]], [["a", 1]],
    [["a", "hashed"]], [["a", []]], [["a", [["b", {}]]]], ["a", "deny", "b", []], ["a", "?", "b", []],
)  # fmt: skip
"""What a value may be instead of what it is, among them some that it may be as well."""


def values_of(record: DecisionRecord) -> list[Json]:
    """The values of a record in the spool."""
    (values,) = orjson.loads(encode_batch([record]))
    assert isinstance(values, list)
    return values


@given(st.lists(any_record, max_size=4))
def test_a_batch_is_stored_as_its_records_are(records: list[DecisionRecord]) -> None:
    found = stored_batch(encode_batch(records))
    assert found == tuple(map(stored, records))
    assert [encode_stored(each) for each in found] == [encode_record(record) for record in records]


def test_usual_records_are_taken_without_being_read() -> None:
    for record in (USUAL, replace(USUAL, tenant=None, principal_evidence=USUAL.caller_evidence)):
        assert taken(values_of(record)) == stored(record)


@pytest.mark.parametrize("wrong", WRONG, ids=str)
def test_with_a_wrong_value_it_is_what_reading_says(wrong: Json) -> None:
    for place in range(len(FIELDS)):
        values = values_of(USUAL)
        values[place] = wrong
        assert read_as_stored(orjson.dumps([values])) == read(orjson.dumps([values])), FIELDS[place]


def test_fewer_and_more_values_are_no_record() -> None:
    values = values_of(USUAL)
    for wrong in (values[:-1], [*values, "more"], []):
        assert read_as_stored(orjson.dumps([wrong])) is None


@pytest.mark.parametrize("format_", [1, 2, 3])
def test_a_record_of_an_older_format_is_stored_as_of_this_one(format_: int) -> None:
    body = body_of_format(format_, USUAL)
    values = list(orjson.loads(body).values())
    (record,) = decode_batch(orjson.dumps([values]))
    assert stored_batch(orjson.dumps([values])) == (stored(record),)
    assert stored_record(body) == stored(record)


def read_as_stored(payload: bytes) -> object:
    """What is stored of it; None where that is nothing."""
    try:
        return stored_batch(payload)
    except BadPayload:
        return None


def read(payload: bytes) -> object:
    """The same by reading and writing it."""
    try:
        return tuple(map(stored, decode_batch(payload)))
    except BadPayload:
        return None
