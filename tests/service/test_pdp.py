"""The decision point: who may ask what for whom, what is recorded, and what an answer shows."""

from dataclasses import replace
from pathlib import Path

import pytest

from policy_lang.decision import Decision, Effect, MissingInput
from policy_lang.timezones import TZDATA
from policy_lang.types import Json
from policy_lang.values import Ref
from service.errors import AuditUnavailable, InvalidRequest, PermissionDenied, Unauthenticated
from service.identity import ASSERTED, Evidence, EvidenceKind
from service.model import Answer, Answers, CheckRequest, GivenEntity, RecordKind
from service.pdp import DecisionPoint
from tests.service.point import ALICES_TOKEN, GATEWAYS_TOKEN, NOW, KeptRecords, asking, build_point


@pytest.fixture
def recorder() -> KeptRecords:
    return KeptRecords()


@pytest.fixture
def point(tmp_path: Path, recorder: KeptRecords) -> DecisionPoint:
    return build_point(tmp_path, recorder)


def decided(answers: Answers) -> Decision:
    (item,) = answers.items
    assert isinstance(item, Answer), item
    return item.decision


def refused(answers: Answers) -> Exception:
    (item,) = answers.items
    assert isinstance(item, Exception), item
    return item


def test_without_a_principal_the_question_is_about_the_caller(point: DecisionPoint, recorder: KeptRecords) -> None:
    decision = decided(point.check("plain", replace(asking("read"), context={})))

    assert decision.effect is Effect.ALLOW
    assert recorder.records[0].principal == Ref("User", "alice") == recorder.records[0].caller
    assert recorder.records[0].tzdata == TZDATA


def test_a_principal_token_names_the_principal(point: DecisionPoint, recorder: KeptRecords) -> None:
    decision = decided(point.check("pep", asking("read", for_token="for-alice")))

    assert decision.effect is Effect.ALLOW
    assert recorder.records[0].principal == Ref("User", "alice")
    assert recorder.records[0].caller == Ref("User", "gateway")


@pytest.mark.parametrize(
    ("caller", "request_", "evidence"),
    [
        pytest.param("plain", asking("read", context={}), (ALICES_TOKEN, ALICES_TOKEN), id="the caller itself"),
        pytest.param(
            "pep",
            asking("read", for_token="for-alice"),
            (GATEWAYS_TOKEN, Evidence(EvidenceKind.PRINCIPAL_TOKEN, "idp", "for-alice")),
            id="a token handed on",
        ),
        pytest.param("pep", asking("read", as_user="alice"), (GATEWAYS_TOKEN, ASSERTED), id="the caller's word"),
        pytest.param(
            "plain", asking("read", as_user="bob", context={}), (ALICES_TOKEN, ASSERTED), id="a word that is refused"
        ),
        pytest.param(
            "pep", asking("read", for_token="forged"), (GATEWAYS_TOKEN, GATEWAYS_TOKEN), id="a token that is refused"
        ),
    ],
)
def test_a_record_says_by_what_caller_and_principal_are_known(
    point: DecisionPoint,
    recorder: KeptRecords,
    caller: str,
    request_: CheckRequest,
    evidence: tuple[Evidence, Evidence],
) -> None:
    point.check(caller, request_)

    (record,) = recorder.records
    assert (record.caller_evidence, record.principal_evidence) == evidence


@pytest.mark.parametrize(
    ("caller", "request_", "permission"),
    [
        pytest.param("plain", asking("read", for_token="for-bob", context={}), "check_for", id="check_for"),
        pytest.param("plain", asking("read", as_user="bob", context={}), "check_as", id="check_as"),
        pytest.param("plain", asking("read"), "assert_attributes", id="context"),
        pytest.param(
            "plain", asking("read", attributes={"note": "x"}, context={}), "assert_attributes", id="attribute"
        ),
    ],
)
def test_a_caller_without_the_permit_is_refused_and_that_is_recorded(
    point: DecisionPoint, recorder: KeptRecords, caller: str, request_: CheckRequest, permission: str
) -> None:
    error = refused(point.check(caller, request_))

    assert isinstance(error, PermissionDenied)
    assert error.permission == permission
    (record,) = recorder.records
    assert (record.kind, record.code) == (RecordKind.REFUSAL, permission.upper())
    assert record.effect is Effect.DENY


def test_a_caller_that_holds_nothing_may_not_even_ask_for_itself(point: DecisionPoint, recorder: KeptRecords) -> None:
    malformed = replace(asking("raed"), context={})
    errors = [refused(point.check("stranger", each)) for each in (replace(asking("read"), context={}), malformed)]

    assert [getattr(error, "permission", None) for error in errors] == ["check", "check"]
    assert [record.code for record in recorder.records] == ["CHECK", "CHECK"]


def test_a_token_is_not_judged_for_a_caller_that_may_not_ask_by_tokens(point: DecisionPoint) -> None:
    error = refused(point.check("plain", replace(asking("read", for_token="forged"), context={})))

    assert isinstance(error, PermissionDenied)


def test_what_is_held_at_a_tenant_counts_for_its_resources_alone(point: DecisionPoint, recorder: KeptRecords) -> None:
    own = decided(point.check("local", replace(asking("read", as_user="alice"), context={})))
    others = [
        refused(point.check("local", replace(asking("read", order, as_user="alice"), context={})))
        for order in ("foreign", "absent")
    ]

    assert [reason.rule_id for reason in own.reasons] == ["shop.own"]
    assert [str(error) for error in others] == ["the caller may not ask"] * 2
    assert [record.code for record in recorder.records] == ["ALLOWED", "CHECK", "CHECK"]


def test_a_batch_over_tenants_keeps_its_order(point: DecisionPoint) -> None:
    asked = [replace(asking("read", order, as_user="alice"), context={}) for order in ("foreign", "o1", "absent", "o1")]

    answers = point.check_many("local", asked)

    assert [isinstance(item, Answer) for item in answers.items] == [False, True, False, True]


def test_the_callers_of_the_dev_issuer_may_ask_everything(point: DecisionPoint) -> None:
    assert decided(point.check("developer", asking("read", as_user="alice"))).effect is Effect.ALLOW


def test_check_as_holds_for_the_types_it_names_only(point: DecisionPoint) -> None:
    request = replace(asking("read"), principal=GivenEntity(Ref("Agent", "a7")))

    error = refused(point.check("pep", request))

    assert isinstance(error, PermissionDenied)


def test_a_principal_token_that_does_not_verify_is_recorded_without_naming_anybody(
    point: DecisionPoint, recorder: KeptRecords
) -> None:
    error = refused(point.check("pep", asking("read", for_token="forged")))

    assert isinstance(error, Unauthenticated)
    assert (recorder.records[0].code, recorder.records[0].principal) == ("PRINCIPAL_TOKEN", Ref("User", "gateway"))


def test_an_unauthenticated_call_leaves_no_decision(point: DecisionPoint, recorder: KeptRecords) -> None:
    with pytest.raises(Unauthenticated):
        point.check("nobody", asking("read"))

    assert recorder.records == []


def test_principal_and_token_together_are_malformed(point: DecisionPoint) -> None:
    error = refused(point.check("pep", asking("read", as_user="bob", for_token="for-bob")))

    assert isinstance(error, InvalidRequest)


@pytest.mark.parametrize(
    ("request_", "field", "says"),
    [
        pytest.param(asking("raed"), "action", "did you mean `read`", id="unknown action"),
        pytest.param(asking(""), "action", "required", id="no action"),
        pytest.param(asking("read", "o" * 257), "resource.id", "at most 256 characters", id="over-long id"),
        pytest.param(asking("read", "o\n1"), "resource.id", "control", id="control character"),
        pytest.param(
            replace(asking("read"), resource=GivenEntity(Ref("Oder", "o1"))), "resource.type", "`Order`", id="type"
        ),
        pytest.param(asking("read", attributes={"nota": "x"}), "resource.attributes.nota", "`note`", id="undeclared"),
        pytest.param(
            asking("read", attributes={"weight": 1}), "resource.attributes.weight", "comes from the store", id="stored"
        ),
        pytest.param(asking("read", attributes={"note": 7}), "resource.attributes.note", "a string", id="mistyped"),
        pytest.param(asking("read", context={"now": 5}), "context.now", "the service sets the time", id="now"),
        pytest.param(asking("read", context={"ip": "10.1"}), "context.ip", "expected an ip address", id="context"),
        pytest.param(
            replace(asking("read"), resource=GivenEntity(Ref("Order", "o1"), {}, (Ref("Order", "o2"),))),
            "resource.parents", "only an action that makes the resource", id="parents",
        ),
        pytest.param(replace(asking("read"), request_id="x" * 129), "request_id", "at most 128", id="request id"),
    ],
)  # fmt: skip
def test_a_malformed_question_names_the_field_and_is_no_decision(
    point: DecisionPoint, recorder: KeptRecords, request_: CheckRequest, field: str, says: str
) -> None:
    error = refused(point.check("pep", replace(request_, principal=request_.principal)))

    assert isinstance(error, InvalidRequest)
    assert [fault.field for fault in error.violations] == [field]
    assert says in error.violations[0].message
    assert recorder.records == []


def test_every_fault_of_a_question_is_named_at_once(point: DecisionPoint) -> None:
    error = refused(point.check("pep", asking("read", attributes={"a": 1, "note": 2}, context={"b": 3})))

    assert isinstance(error, InvalidRequest)
    assert [fault.field for fault in error.violations] == [
        "resource.attributes.a", "resource.attributes.note", "context.b",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        pytest.param(asking("read", as_user="bob"), "NO_MATCH", id="no match"),
        pytest.param(asking("read", "absent", as_user="bob"), "NO_RESOURCE", id="no resource"),
        pytest.param(asking("read", as_user="nobody"), "NO_PRINCIPAL", id="no principal"),
        pytest.param(asking("audit", as_user="bob", context={}), "UNDETERMINED", id="undetermined"),
        pytest.param(
            asking("refund", "heavy", as_user="alice", context={"ip": "10.0.0.1", "mfa": True}), "DENIED", id="hidden"
        ),
    ],
)
def test_a_caller_that_may_not_read_reasons_cannot_tell_one_deny_from_another(
    point: DecisionPoint, recorder: KeptRecords, request_: CheckRequest, code: str
) -> None:
    seen = decided(point.check("blind", request_))
    whole = decided(point.check("pep", request_))

    assert seen == Decision(Effect.DENY, "DENIED")
    assert whole.code == code
    assert whole.reasons or whole.hide or code.startswith("NO_")
    assert [record.code for record in recorder.records] == [code, code]


def test_the_authors_code_and_obligations_reach_every_caller(point: DecisionPoint) -> None:
    seen = decided(point.check("blind", asking("refund", as_user="alice")))

    assert (seen.code, [item.type for item in seen.obligations]) == ("STEP_UP", ["step_up"])
    assert seen.reasons == ()


def test_what_a_reason_quotes_is_in_the_record_and_shown_to_those_who_may_read_reasons(
    point: DecisionPoint, recorder: KeptRecords
) -> None:
    request = asking("read", as_user="alice", context={"ip": "10.0.0.1"})
    seen, whole = decided(point.check("blind", request)), decided(point.check("pep", request))

    assert (seen.effect, seen.reasons) == (Effect.ALLOW, ())
    assert [reason.text for reason in whole.reasons] == ['User "alice" may, from 10.0.0.1']
    assert [record.inputs["context.ip"] for record in recorder.records] == ["10.0.0.1", "10.0.0.1"]


def test_a_shadow_rule_is_recorded_and_says_nothing(point: DecisionPoint, recorder: KeptRecords) -> None:
    request = asking("audit", "heavy", as_user="alice", context={"ip": "10.0.0.1"})
    decision = decided(point.check("pep", request))

    assert (decision.effect, [reason.rule_id for reason in decision.reasons]) == (Effect.ALLOW, ["shop.audit"])
    assert decision.obligations == ()
    assert [(record.effect, record.shadow_effect) for record in recorder.records] == [(Effect.ALLOW, Effect.DENY)]


def test_the_missing_input_is_named_to_those_who_may_read_reasons(point: DecisionPoint) -> None:
    decision = decided(point.check("pep", asking("audit", as_user="bob", context={})))

    assert decision.missing == (MissingInput("context.ip", "not_given"),)


def test_claims_of_the_token_are_the_attributes_of_a_principal_without_rows(point: DecisionPoint) -> None:
    assert decided(point.check("agent", replace(asking("read"), context={}))).effect is Effect.ALLOW


@pytest.mark.parametrize(
    ("who", "effect"),
    [("claiming", Effect.ALLOW), ("claiming elsewhere", Effect.DENY), ("claiming at large", Effect.DENY)],
)
def test_a_role_from_a_claim_counts_where_the_claim_says(point: DecisionPoint, who: str, effect: Effect) -> None:
    assert decided(point.check(who, replace(asking("close"), context={}))).effect is effect


def test_asserted_attributes_count_and_stored_ones_stay(point: DecisionPoint) -> None:
    decision = decided(point.check("pep", asking("close", as_user="bob", attributes={"note": "please"})))

    assert decision.effect is Effect.ALLOW


def test_a_new_resource_is_what_the_caller_says_unless_it_exists(point: DecisionPoint) -> None:
    given: dict[str, Json] = {"tenant": "t1", "buyer": "bob"}

    new = decided(point.check("pep", asking("create", "o2", as_user="bob", attributes=given)))
    old = decided(point.check("pep", asking("create", "o1", as_user="bob", attributes=given)))

    assert (new.effect, old.code) == (Effect.ALLOW, "RESOURCE_EXISTS")


def test_what_is_not_recorded_is_not_answered(point: DecisionPoint, recorder: KeptRecords) -> None:
    recorder.is_refusing = True

    with pytest.raises(AuditUnavailable):
        point.check("plain", asking("read", context={}))


def test_a_batch_keeps_its_order_and_an_item_fails_alone(point: DecisionPoint, recorder: KeptRecords) -> None:
    answers = point.check_many(
        "pep", [asking("read", as_user="alice"), asking("raed"), asking("read", as_user="carol")]
    )

    first, second, third = answers.items
    assert isinstance(first, Answer)
    assert isinstance(second, InvalidRequest)
    assert isinstance(third, Answer)
    assert (first.decision.code, third.decision.code) == ("ALLOWED", "SUSPENDED")
    assert [record.id for record in recorder.records] == [first.decision_id, third.decision_id]
    assert answers.decided_at == NOW


def test_the_record_holds_the_inputs_but_no_sensitive_one(point: DecisionPoint, recorder: KeptRecords) -> None:
    point.check("pep", asking("read", as_user="carol"))

    (record,) = recorder.records
    assert record.inputs["principal.suspended"] is True
    assert record.rules == ("shop.barred",)
    assert record.tenant == Ref("Tenant", "t1")
    assert "principal.secret" not in record.inputs
    assert "not-to-be-seen" not in repr(record)


@pytest.mark.parametrize(("action", "type_"), [("refund", "Order"), ("read", "Tenant"), ("no such action", "Order")])
def test_a_question_outside_a_keys_scopes_is_refused_before_the_policies_are_asked(
    point: DecisionPoint, recorder: KeptRecords, action: str, type_: str
) -> None:
    asked = CheckRequest(request_id="r1", action=action, resource=GivenEntity(Ref(type_, "o1")))
    error = refused(point.check("key", asked))
    assert isinstance(error, PermissionDenied)
    assert error.permission == "key_scope"
    assert [(record.kind, record.code) for record in recorder.records] == [(RecordKind.REFUSAL, "KEY_SCOPE")]


def test_a_question_within_a_keys_scopes_is_decided_by_the_policies(point: DecisionPoint) -> None:
    asked = CheckRequest(request_id="r1", action="read", resource=GivenEntity(Ref("Order", "o1")))
    assert decided(point.check("key", asked)).effect is Effect.ALLOW
