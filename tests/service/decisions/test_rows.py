"""Beside a record stand the rows that find it: its missing inputs, and the values of the paths that were asked for."""

from dataclasses import replace

import pytest

from policy_lang.decision import MissingInput
from policy_lang.types import Json
from service.decisions.payload import stored
from service.decisions.rows import attribute_rows, decision_row, missing_rows
from service.identity import UNTOLD, Origin
from tests.service.decisions.records import sample


def test_a_missing_input_stands_once_whatever_the_causes() -> None:
    gaps = (MissingInput("context.mfa", "not_given"), MissingInput("context.mfa", "absent"))
    record = replace(sample(), missing=gaps)
    assert missing_rows(stored(record)) == [{"path": "context.mfa", "decision_id": record.id}]


@pytest.mark.parametrize(
    ("given", "texts"),
    [
        ("eu", ["eu"]),
        (3, ["3"]),
        (True, ["true"]),
        ({"type": "User", "id": "bob"}, ["User:bob"]),
        (["b", "a"], ["b", "a"]),
        (["a", "a"], ["a"]),
        ([{"type": "Team", "id": "x"}], ["Team:x"]),
        ({"gap": "absent"}, []),
        ({"gap": "not_given", "broken": True}, []),
        ({"city": "Paris"}, []),
        (None, []),
        ("x" * 300, ["x" * 256]),
        ("a\0b", ["a\N{REPLACEMENT CHARACTER}b"]),
    ],
    ids=str,
)
def test_a_value_is_found_by_its_text(given: Json, texts: list[str]) -> None:
    record = replace(sample(), inputs={"resource.x": given, "resource.y": "z"}, found_by=("resource.x",))
    expected = [{"path": "resource.x", "value": text, "decision_id": record.id} for text in texts]
    assert attribute_rows(stored(record)) == expected


def test_a_path_that_no_rule_read_has_no_row() -> None:
    assert attribute_rows(stored(replace(sample(), found_by=("resource.elsewhere",)))) == []


def test_what_a_record_does_not_tell_is_null_in_its_columns() -> None:
    row = decision_row(stored(replace(sample(), origin=Origin(), caller_evidence=UNTOLD, principal_evidence=UNTOLD)))
    names = ("trace_id", "peer", "caller_evidence", "caller_issuer", "caller_credential", "principal_evidence")
    assert [row[name] for name in names] == [None] * 6
