"""What is shown to a person steers no terminal, whoever wrote it."""

from datetime import UTC, datetime

import pytest

from magistrate_client.decision import Decision, Effect, Reason
from service.cli.answers import decision_lines
from service.cli.output import print_result, print_rows

STEERING = "a\x1b[2Jb"


def test_a_table_shows_lines_and_nothing_that_steers(capsys: pytest.CaptureFixture[str]) -> None:
    print_rows([{"title": f"{STEERING}\nc", "labels": [STEERING]}], "table")
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [["title", "labels"], ["a\ufffd[2Jb", '["a\\u001b[2Jb"]'], ["c"]]


def test_what_a_command_did_is_said_without_what_steers(capsys: pytest.CaptureFixture[str]) -> None:
    print_result(f"revoked token {STEERING}", {}, "table")
    assert capsys.readouterr().out == "revoked token a\ufffd[2Jb\n"


def test_a_reason_that_quotes_a_value_steers_nothing() -> None:
    reasons = (Reason("docs.r", "docs.policy:1", STEERING, ""),)
    decision = Decision(
        effect=Effect.DENY, code="DENIED", reasons=reasons, obligations=(), missing=(), hide=False, decision_id="",
        policy_digest="", revision="", decided_at=datetime.now(UTC), request_id="",
    )  # fmt: skip
    _, because = decision_lines(decision)
    assert because == "  because   docs.r: a\ufffd[2Jb (docs.policy:1)"
