"""In log-only mode AuthZEN's decision is true, and its context has the answer that enforcing would have given."""

from pathlib import Path

from service.doors.http.evaluation_codec import write_evaluation
from service.enforcement import LogOnly
from service.model import Answer
from tests.service.point import KeptRecords, asking, build_point


def test_the_context_says_what_enforcing_would_have_answered(tmp_path: Path) -> None:
    point = build_point(tmp_path, KeptRecords(), log_only=LogOnly(frozenset()))
    answers = point.check("pep", asking("refund", as_user="alice", context={"ip": "10.0.0.1", "mfa": False}))
    (answer,) = answers.items
    assert isinstance(answer, Answer)
    said = write_evaluation(answer, answers)

    assert said["decision"] is True
    context = said["context"]
    assert isinstance(context, dict)
    assert context["code"] == "ALLOWED"
    assert not context.keys() & {"obligations", "reason_user", "reason_admin"}
    assert context["log_only"] == {
        "decision": False,
        "code": "STEP_UP",
        "reason_admin": {"403": "shop.stepup (shop.policy:31)"},
        "obligations": [{"type": "step_up", "parameters": {"method": "totp"}}],
    }
