"""In log-only mode AuthZEN's decision is true, and its context has the answer that enforcing would have given."""

from pathlib import Path

import pytest

from policy_lang.types import Json
from service.doors.http.evaluation_codec import write_evaluation
from service.doors.http.paths import EVALUATIONS
from service.enforcement import LogOnly
from service.model import Answer
from service.policies.folder import activate
from tests.service.doors.http.serving import Door, Object
from tests.service.point import POLICY, KeptRecords, OnePolicy, asking, build_point


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


@pytest.mark.parametrize(
    ("semantic", "answered"),
    [
        pytest.param("deny_on_first_deny", ["theirs", "o1"], id="until a deny"),
        pytest.param("permit_on_first_permit", ["theirs"], id="until a permit"),
    ],
)
def test_evaluations_end_by_what_they_are_answered(tmp_path: Path, semantic: str, answered: list[str]) -> None:
    recorder = KeptRecords()
    point = build_point(tmp_path, recorder, log_only=LogOnly(frozenset()))
    listed: list[Json] = [{"resource": {"type": "Order", "id": order}} for order in ("theirs", "o1")]
    message: Object = {
        "subject": {"type": "User", "id": "alice"},
        "action": {"name": "read"},
        "evaluations": listed,
        "options": {"evaluations_semantic": semantic},
    }
    with Door(point, recorder, OnePolicy(activate({"shop.policy": POLICY}))).opened() as door:
        said = door.post(message, EVALUATIONS).json()["evaluations"]

    assert [each["decision"] for each in said] == [True] * len(answered)
    assert [record.resource.id for record in recorder.records] == answered
    assert not recorder.records[0].enforced
