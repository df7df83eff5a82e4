"""Questions of one call share what they have in common, and nothing else."""

from collections.abc import Mapping, Sequence

import pytest

from policy_lang.types import Json
from policy_lang.values import BAD_VALUE, Ip, Ref
from service.errors import InvalidRequest
from service.model import CheckRequest, GivenEntity, Principal
from service.policies.folder import activate
from service.questions import HELPED, Kinds, Questions, question_of
from tests.service.point import NOW, POLICY

SCHEMA = activate({"shop.policy": POLICY}).bundle.program.schema
ALICE = Principal(Ref("User", "alice"))
AGENT = Principal(Ref("Agent", "a7"), {"org": {"id": "t1"}, "level": "high"})

MIXED: Sequence[tuple[Principal, str, Mapping[str, Json], Mapping[str, Json]]] = (
    (ALICE, "read", {"ip": "10.1.2.3"}, {}),
    (ALICE, "read", {"ip": "10.1.2.3"}, {"note": "please"}),
    (AGENT, "read", {"ip": "10.1.2.3"}, {}),
    (ALICE, "refund", {}, {}),
    (ALICE, "refund", {"ip": "10.1.2.3", "mfa": True}, {}),
    (ALICE, "refund", {"ip": "10.1.2.3", "mfa": False}, {}),
    (AGENT, "audit", {"ip": "192.0.2.1"}, {}),
)


def _request(action: str, context: Mapping[str, Json], attributes: Mapping[str, Json]) -> CheckRequest:
    return CheckRequest("q", action, GivenEntity(Ref("Order", "o1"), attributes), context)


def test_questions_of_one_call_are_what_each_is_alone() -> None:
    questions = Questions(Kinds(SCHEMA), NOW)

    made = [questions.of(_request(action, context, given), who) for who, action, context, given in MIXED]

    assert made == [
        question_of(_request(action, context, given), principal=who, schema=SCHEMA, now=NOW)
        for who, action, context, given in MIXED
    ]
    assert [each.context["ip"] for each in made[:2]] == [Ip.parse("10.1.2.3")] * 2
    assert made[2].principal_cells == {"tenant": Ref("Tenant", "t1"), "level": BAD_VALUE}


@pytest.mark.parametrize("value", [1, "true"])
def test_a_value_is_held_to_its_type_also_behind_one_that_equals_it(value: Json) -> None:
    questions = Questions(Kinds(SCHEMA), NOW)
    questions.of(_request("read", {"ip": "10.1.2.3", "mfa": True}, {}), ALICE)

    with pytest.raises(InvalidRequest, match="expected true or false"):
        questions.of(_request("read", {"ip": "10.1.2.3", "mfa": value}, {}), ALICE)


def test_a_context_that_was_refused_is_refused_again() -> None:
    questions = Questions(Kinds(SCHEMA), NOW)

    for _ in range(2):
        with pytest.raises(InvalidRequest, match="undeclared context field"):
            questions.of(_request("read", {"ipp": "10.1.2.3"}, {}), ALICE)


def test_the_first_unknown_names_of_a_call_are_compared_with_known_ones() -> None:
    questions = Questions(Kinds(SCHEMA), NOW)
    helped = list[bool]()

    for _ in range(HELPED + 1):
        with pytest.raises(InvalidRequest) as refused:
            questions.of(_request("read", {"ipp": "10.1.2.3"}, {}), ALICE)
        helped.append("did you mean `ip`?" in str(refused.value))

    assert helped == [True] * HELPED + [False]
