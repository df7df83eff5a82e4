"""A trace id is recorded where `traceparent` is valid by W3C Trace Context, and never guessed."""

import pytest

from service.reception.tracing import trace_id_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = f"00-{TRACE}-00f067aa0ba902b7-01"

VALID = {
    "version 00": PARENT,
    "not sampled": f"00-{TRACE}-00f067aa0ba902b7-00",
    "a later version": f"01-{TRACE}-00f067aa0ba902b7-01",
    "a later version that says more": f"cc-{TRACE}-00f067aa0ba902b7-01-what-ever",
}
INVALID: dict[str, list[str | bytes]] = {
    "none": [],
    "two": [PARENT, PARENT],
    "bytes": [PARENT.encode()],
    "empty": [""],
    "upper case": [PARENT.upper()],
    "no trace": [f"00-{'0' * 32}-00f067aa0ba902b7-01"],
    "no parent": [f"00-{TRACE}-{'0' * 16}-01"],
    "version ff": [f"ff-{TRACE}-00f067aa0ba902b7-01"],
    "version 00 that says more": [f"{PARENT}-more"],
    "a later version without a dash": [f"01-{TRACE}-00f067aa0ba902b7-01more"],
    "too short": [PARENT[:-1]],
    "a line break behind it": [f"{PARENT}\n"],
    "digits of another script": [f"00-{TRACE[:-1]}\N{ARABIC-INDIC DIGIT SIX}-00f067aa0ba902b7-01"],
}


@pytest.mark.parametrize("value", VALID.values(), ids=VALID)
def test_a_valid_header_names_its_trace(value: str) -> None:
    assert trace_id_of([value]) == TRACE


@pytest.mark.parametrize("values", INVALID.values(), ids=INVALID)
def test_any_other_names_none(values: list[str | bytes]) -> None:
    assert trace_id_of(values) == ""
