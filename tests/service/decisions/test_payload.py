"""A record comes back from its bytes exactly as it was, and other bytes are no record."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_lang.types import Json
from service.decisions.payload import (
    FIELDS,
    VERSION,
    BadPayload,
    decode_batch,
    decode_record,
    encode_batch,
    encode_record,
)
from service.model import DecisionRecord
from tests.service.decisions.records import any_record, sample


@given(st.lists(any_record, max_size=4))
def test_a_batch_comes_back_as_it_was(records: list[DecisionRecord]) -> None:
    assert decode_batch(encode_batch(records)) == tuple(records)


@given(any_record)
def test_a_record_of_the_log_comes_back_as_it_was(record: DecisionRecord) -> None:
    assert decode_record(encode_record(record)) == record


@given(st.binary(max_size=200))
def test_random_bytes_are_no_batch(payload: bytes) -> None:
    with pytest.raises(BadPayload):
        decode_batch(b"x" + payload)


@given(st.integers(0, len(FIELDS) - 1), st.sampled_from([None, -1.5, {}, [1], "?", [["a"]]]))
def test_a_record_with_a_wrong_value_is_no_record_or_a_whole_one(place: int, wrong: Json) -> None:
    values = list(orjson.loads(encode_batch([sample()]))[0])
    values[place] = wrong
    try:
        decoded = decode_batch(orjson.dumps([values]))
    except BadPayload:
        return
    assert decode_batch(encode_batch(decoded)) == decoded


def test_a_record_of_another_format_is_not_guessed_at() -> None:
    body = orjson.loads(encode_record(sample()))
    body["v"] = VERSION + 1
    with pytest.raises(BadPayload, match="this version reads formats 1 to 2"):
        decode_record(orjson.dumps(body).decode())


def test_a_record_from_before_time_zones_were_recorded_reads_as_if_it_had_none() -> None:
    record = sample()
    body = orjson.loads(encode_record(record))
    body |= {"v": 1}
    del body["tzdata"]
    values = orjson.loads(encode_batch([record]))[0][:-1]
    values[0] = 1
    old = replace(record, tzdata="")
    assert decode_record(orjson.dumps(body).decode()) == old
    assert decode_batch(orjson.dumps([values])) == (old,)


def test_a_record_that_json_cannot_hold_is_a_value_error() -> None:
    record = sample()
    too_large = DecisionRecord(**{name: getattr(record, name) for name in record.__slots__} | {"time": 2**70})
    with pytest.raises(ValueError, match="no JSON form"):
        encode_batch([too_large])
