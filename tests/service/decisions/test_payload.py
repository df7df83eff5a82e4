"""A record comes back from its bytes exactly as it was, and other bytes are no record."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_lang.types import Json
from service.decisions.payload import (
    BadPayload,
    decode_batch,
    decode_record,
    encode_batch,
    encode_record,
)
from service.decisions.stored import FIELDS, VERSION
from service.identity import UNTOLD, Evidence, EvidenceKind, Origin
from service.model import DecisionRecord
from tests.service.decisions.records import any_record, body_of_format, sample


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
    with pytest.raises(BadPayload, match="this version reads formats 1 to 4"):
        decode_record(orjson.dumps(body).decode())


@pytest.mark.parametrize(("format_", "tzdata"), [(1, ""), (2, "2026.6")], ids=["format 1", "format 2"])
def test_a_record_of_an_older_format_reads_as_far_as_it_goes(format_: int, tzdata: str) -> None:
    record = sample()
    body = body_of_format(format_, record)
    old = replace(
        record,
        tzdata=tzdata,
        origin=Origin("", ""),
        caller_evidence=UNTOLD,
        principal_evidence=UNTOLD,
        masked=(),
        found_by=(),
    )
    assert decode_record(body) == old
    assert decode_batch(orjson.dumps([list(orjson.loads(body).values())])) == (old,)


def test_a_record_of_format_3_was_enforced() -> None:
    record = sample()
    assert decode_record(body_of_format(3, replace(record, enforced=False))) == record


def test_evidence_that_the_principal_shares_with_the_caller_is_kept_once() -> None:
    token = Evidence(EvidenceKind.TOKEN, "https://idp.example", "t-7")
    record = replace(sample(), caller_evidence=token, principal_evidence=token)
    assert orjson.loads(encode_record(record))["principal_evidence"] is None
    assert decode_record(encode_record(record)).principal_evidence == token


def test_a_record_that_json_cannot_hold_is_a_value_error() -> None:
    too_large = replace(sample(), time=2**70)
    with pytest.raises(ValueError, match="no JSON form"):
        encode_batch([too_large])
