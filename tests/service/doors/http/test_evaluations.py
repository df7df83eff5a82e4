"""Many evaluations in one request: what stands once for all, what is wrong in its place, where the answers end."""

from typing import cast

import pytest

from policy_lang.types import Json
from service.doors.calls import HTTP
from service.doors.http.paths import EVALUATIONS
from service.metrics import STAGES
from service.samples import Samples
from service.stages import tell_stages
from tests.service.doors.counting import items_of
from tests.service.doors.http.serving import Door, Object, evaluation

SAID: Object = {"subject": {"type": "User", "id": "alice"}, "action": {"name": "read"}}
O1: Object = {"type": "Order", "id": "o1"}
THEIRS: Object = {"type": "Order", "id": "theirs"}


def items(*each: Json, **more: Json) -> Object:
    """A request of these evaluations, about what alice may read."""
    return {**SAID, **more, "evaluations": list(each)}


def asked(door: Door, message: Object, token: str = "pep") -> list[Object]:
    """The evaluations that it is answered with."""
    answer = door.post(message, EVALUATIONS, token=token)
    assert answer.status_code == 200, answer.text
    return cast(list[Object], answer.json()["evaluations"])


def decisions(answers: list[Object]) -> list[Json]:
    """Whether each is allowed."""
    return [each["decision"] for each in answers]


def error(answer: Object) -> Object:
    """What was wrong with an evaluation, which is denied for it."""
    context = answer["context"]
    assert answer["decision"] is False
    assert isinstance(context, dict)
    return cast(Object, context["error"])


def test_evaluations_are_answered_in_their_order_and_what_they_share_stands_once(door: Door) -> None:
    answer = door.post(items({"resource": O1}, {"resource": THEIRS}, {"resource": O1}), EVALUATIONS).json()

    assert answer.keys() == {"evaluations", "context"}
    assert decisions(answer["evaluations"]) == [True, False, True]
    assert answer["context"].keys() == {"policy_digest", "revision", "decided_at"}
    ids = [each["context"]["decision_id"] for each in answer["evaluations"]]
    assert [record.id for record in door.recorder.records] == ids


def test_each_evaluation_is_counted_by_its_status(door: Door) -> None:
    before = items_of(HTTP)

    asked(door, items({"resource": O1}, {"resource": THEIRS}, {"resource": {"id": "o1"}}))

    assert items_of(HTTP) - before == {(EVALUATIONS, "200"): 2, (EVALUATIONS, "400"): 1}


def test_a_part_of_an_evaluation_stands_in_place_of_the_whole_one_for_all(door: Door) -> None:
    own: Object = {"resource": O1, "subject": {"type": "User", "id": "bob"}, "action": {"name": "refund"}}

    said = asked(door, items({"resource": O1}, own, {"resource": {"id": "o1"}}, resource=THEIRS))

    assert decisions(said) == [True, False, False]
    assert error(said[2])["message"] == "resource.type: required"
    records = [(str(record.principal), record.action, record.resource.id) for record in door.recorder.records]
    assert records == [("User:alice", "read", "o1"), ("User:bob", "refund", "o1")]


def test_the_context_for_all_counts_where_an_evaluation_has_none(door: Door) -> None:
    refund: Object = {"resource": O1, "action": {"name": "refund"}}

    said = asked(door, items(refund, {**refund, "context": {"mfa": False}}, context={"mfa": True}))

    assert decisions(said) == [True, False]


def test_evaluations_may_say_all_themselves(door: Door) -> None:
    said = asked(door, {"evaluations": [evaluation(), evaluation("refund")]})

    assert decisions(said) == [True, False]


@pytest.mark.parametrize(
    ("wrong", "token", "status", "message"),
    [
        pytest.param({}, "pep", 400, "resource: required", id="lacking"),
        pytest.param([], "pep", 400, "expected an object", id="no object"),
        pytest.param({"resource": "o1"}, "pep", 400, "resource: expected an object", id="a part of a wrong type"),
        pytest.param(
            {"resource": {"type": "Order", "id": "o1", "properties": dict.fromkeys("abcde", 1)}}, "pep",
            400, "over the limit `attributes`: 5 given, 4 allowed", id="over a limit",
        ),
        pytest.param(
            {"resource": O1, "subject": {"type": "Agent", "id": "a7"}}, "pep",
            403, "the caller may not ask as a `Agent`", id="not to be asked",
        ),
    ],
)  # fmt: skip
def test_an_evaluation_that_is_wrong_is_denied_in_its_place_and_says_why(
    door: Door, wrong: Json, token: str, status: int, message: str
) -> None:
    said = asked(door, items({"resource": O1}, wrong, {"resource": O1}), token)

    assert decisions(said) == [True, False, True]
    assert (error(said[1])["status"], error(said[1])["message"]) == (status, message)


@pytest.mark.parametrize(
    ("semantic", "orders", "expected"),
    [
        pytest.param("execute_all", ["theirs", "o1", "theirs"], [False, True, False], id="all"),
        pytest.param("deny_on_first_deny", ["o1", "theirs", "o1"], [True, False], id="until a deny"),
        pytest.param("deny_on_first_deny", ["o1", "o1"], [True, True], id="no deny"),
        pytest.param("deny_on_first_deny", ["o1", "", "o1"], [True, False], id="an error is a deny"),
        pytest.param("permit_on_first_permit", ["theirs", "", "o1"], [False, False, True], id="until a permit"),
        pytest.param("permit_on_first_permit", ["o1", "theirs"], [True], id="a permit at once"),
        pytest.param("permit_on_first_permit", ["theirs", "theirs"], [False, False], id="no permit"),
    ],
)
def test_the_answers_end_where_the_semantic_says_and_nothing_behind_is_recorded(
    door: Door, semantic: str, orders: list[str], expected: list[bool]
) -> None:
    listed: list[Json] = [{"resource": {"type": "Order", "id": order}} for order in orders]

    said = asked(door, items(*listed, options={"evaluations_semantic": semantic}))

    assert decisions(said) == expected
    assert [record.resource.id for record in door.recorder.records] == [each for each in orders[: len(said)] if each]


@pytest.mark.parametrize(
    ("message", "said"),
    [
        pytest.param(items({}, options={"evaluations_semantic": "any"}), "options.evaluations_semantic: one of "
                     "execute_all, deny_on_first_deny, permit_on_first_permit", id="a semantic that is none"),
        pytest.param(items({}, options={"evaluations_semantic": 1}), "options.evaluations_semantic: one of "
                     "execute_all, deny_on_first_deny, permit_on_first_permit", id="a semantic of no text"),
        pytest.param(items({}, options=[]), "options: expected an object", id="options of a wrong type"),
        pytest.param({**SAID, "evaluations": {}}, "evaluations: expected an array", id="no array"),
        pytest.param(items({}, resource="o1"), "resource: expected an object", id="a part for all of a wrong type"),
        pytest.param(items({}, {}, {}, {}), "over the limit `batch_checks`: 4 given, 3 allowed", id="too many"),
        pytest.param({"evaluations": []}, "subject: required; action: required; resource: required", id="none"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_the_whole_is_status_400(door: Door, message: Object, said: str) -> None:
    answer = door.post(message, EVALUATIONS)

    assert (answer.status_code, answer.text) == (400, said)


@pytest.mark.parametrize("message", [evaluation(), evaluation(evaluations=[]), evaluation(evaluations=None)])
def test_without_evaluations_it_is_one(door: Door, message: Object) -> None:
    answer = door.post(message, EVALUATIONS).json()

    assert answer["decision"] is True
    assert answer["context"]["code"] == "ALLOWED"
    assert "evaluations" not in answer


def observed() -> dict[str, int]:
    """How often this process has been through each stage."""
    samples = Samples()
    tell_stages(samples)
    return {labels[0][1]: sum(durations.buckets) for (_, labels), durations in samples.histograms.items()}


def test_evaluations_go_through_each_stage_as_one_call(door: Door) -> None:
    before = observed()

    asked(door, items({"resource": O1}, {"resource": THEIRS}, {"resource": O1}))

    assert {stage: times - before[stage] for stage, times in observed().items()} == dict.fromkeys(STAGES, 1)
