"""The decision's eight lines: which applies, and what the decision then says."""

import pytest

from policy_lang.decision import Decision, Effect, MissingInput, Obligation
from policy_lang.values import ABSENT, BAD_VALUE
from tests.policy_lang.law import ALICE, PLAN, World, decided

WORLD = World(user={"department": ABSENT})
UNKNOWN = 'principal.department == "law"'
BROKEN = World(user={"clearance": BAD_VALUE})


def rules(*lines: str) -> str:
    """Rules on reading documents: `id: effect …` each."""
    return "\n".join(
        f"{'shadow ' if line.startswith('shadow ') else ''}rule {line.removeprefix('shadow ')}" for line in lines
    )


def allow(id_: str, rest: str = "") -> str:
    return f"{id_}: allow read, create on Document to anyone {rest}"


def deny(id_: str, rest: str = "") -> str:
    return f"{id_}: deny read on Document {rest}"


def ids(decision: Decision) -> tuple[str, ...]:
    return tuple(reason.rule_id.removeprefix("m.") for reason in decision.reasons)


@pytest.mark.parametrize(
    ("lines", "code", "by"),
    [
        pytest.param((), "NO_MATCH", (), id="8: no rule"),
        pytest.param((allow("a", "when false"),), "NO_MATCH", (), id="8: no rule applies"),
        pytest.param((allow("a", f"when {UNKNOWN}"),), "UNDETERMINED", ("a",), id="7: an allow unknown"),
        pytest.param((allow("b"), allow("a"), allow("c", f"when {UNKNOWN}")), "ALLOWED", ("a", "b"), id="6: allows"),
        pytest.param((allow("a"), deny("d"), deny("c")), "DENIED", ("c", "d"), id="4: denies"),
    ],
)
def test_the_first_line_that_applies_decides(lines: tuple[str, ...], code: str, by: tuple[str, ...]) -> None:
    decision = decided(rules(*lines), WORLD)
    assert (decision.code, ids(decision)) == (code, by)
    assert bool(decision) is (code == "ALLOWED")
    assert decision.shadow_effect is decision.effect


def test_a_deny_that_is_unknown_denies_and_names_what_is_missing() -> None:
    decision = decided(rules(allow("a"), deny("d", "when principal.clearance > 1 hide")), BROKEN)
    assert decision == Decision(
        Effect.DENY,
        "UNDETERMINED",
        reasons=decision.reasons,
        missing=(MissingInput("principal.clearance", "bad_value"),),
        hide=True,
    )
    assert ids(decision) == ("d",)


def test_a_deny_that_is_true_outweighs_one_that_is_unknown() -> None:
    decision = decided(rules(deny("a", "when principal.clearance > 1"), deny("d", "code LOCKED")), BROKEN)
    assert (decision.code, ids(decision), decision.missing) == ("LOCKED", ("d",), ())


def test_missing_inputs_are_those_of_all_determining_rules_once() -> None:
    world = World(user={"department": ABSENT, "clearance": BAD_VALUE})
    lines = allow("a", f"when {UNKNOWN} and principal.clearance > 1"), allow("b", f"when {UNKNOWN}")
    assert decided(rules(*lines), world).missing == (
        MissingInput("principal.clearance", "bad_value"),
        MissingInput("principal.department", "absent"),
    )


@pytest.mark.parametrize(
    ("world", "code", "hide"),
    [
        pytest.param(World(without=frozenset({ALICE})), "NO_PRINCIPAL", False, id="2: no principal"),
        pytest.param(World(without=frozenset({PLAN})), "NO_RESOURCE", True, id="3: no resource"),
        pytest.param(World(action="create"), "RESOURCE_EXISTS", False, id="3: a resource that should be made"),
    ],
)
def test_rows_come_before_rules(world: World, code: str, hide: bool) -> None:
    assert decided(rules(allow("a"), deny("d")), world) == Decision(Effect.DENY, code, hide=hide)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        pytest.param((deny("b", "code B"), deny("c", "code C")), "B", id="by full id"),
        pytest.param((deny("b", "code B"), deny("c", "code C hide")), "C", id="hide first"),
        pytest.param((deny("b", "code B oblige log()"), deny("c", "code C")), "C", id="without oblige first"),
        pytest.param((deny("b"), deny("c", "code C")), "DENIED", id="of the first, if it has none"),
    ],
)
def test_the_code_of_a_denial_is_that_of_the_first(lines: tuple[str, ...], code: str) -> None:
    assert decided(rules(*lines), WORLD).code == code


def test_obligations_of_an_allow_are_those_of_all_its_rules_once() -> None:
    lines = allow("a", "oblige log(level: 1)"), allow("b", "oblige log(level: 1) oblige mask(on: true)"), allow("c")
    assert decided(rules(*lines), WORLD).obligations == (
        Obligation("log", (("level", 1),)),
        Obligation("mask", (("on", True),)),
    )


def test_obligations_of_a_denial_stand_only_if_each_rule_has_one() -> None:
    first, second = deny("a", "oblige step_up(age: 15m)"), deny("b", "oblige log(who: principal)")
    assert decided(rules(first, second), WORLD).obligations == (
        Obligation("step_up", (("age", "15m"),)),
        Obligation("log", (("who", {"type": "User", "id": "alice"}),)),
    )
    assert decided(rules(first, second, deny("c")), WORLD).obligations == ()


def test_an_allow_whose_obligation_is_unknown_is_unknown() -> None:
    lines = allow("a", "oblige log(department: principal.department)")
    decision = decided(rules(lines), WORLD)
    assert (decision.code, decision.missing) == (
        "UNDETERMINED",
        (MissingInput("principal.department", "absent"),),
    )
    assert decided(rules(lines), World()).obligations == (Obligation("log", (("department", "law"),)),)


def test_a_deny_whose_obligation_is_unknown_counts_as_having_none() -> None:
    unknown, known = deny("a", "code A oblige log(c: principal.clearance)"), deny("b", "code B oblige log(c: 1)")
    decision = decided(rules(known, unknown), BROKEN)
    assert (decision.code, decision.obligations) == ("A", ())


@pytest.mark.parametrize(
    ("lines", "effect", "shadow"),
    [
        pytest.param((allow("a"), "shadow " + deny("s")), Effect.ALLOW, Effect.DENY, id="would deny"),
        pytest.param(
            (allow("a"), "shadow " + deny("s", "when principal.clearance > 1")),
            Effect.ALLOW,
            Effect.DENY,
            id="would be unknown",
        ),
        pytest.param(("shadow " + allow("s"),), Effect.DENY, Effect.ALLOW, id="would allow"),
        pytest.param(("shadow " + allow("s"), deny("d")), Effect.DENY, Effect.DENY, id="denied all the same"),
        pytest.param(
            ("shadow " + allow("s"), allow("u", "when principal.clearance > 1")),
            Effect.DENY,
            Effect.ALLOW,
            id="would outweigh the unknown",
        ),
    ],
)
def test_shadow_rules_are_never_decisive(lines: tuple[str, ...], effect: Effect, shadow: Effect) -> None:
    decision = decided(rules(*lines), BROKEN)
    assert (decision.effect, decision.shadow_effect) == (effect, shadow)
    assert "s" not in ids(decision)


def test_reasons_say_where_a_rule_stands_and_what_its_author_says() -> None:
    reason = decided(rules(deny("d", 'reason "not now" code LATER')), WORLD).reasons[0]
    assert (reason.rule_id, reason.text, reason.code) == ("m.d", "not now", "LATER")
    assert reason.location.startswith("law.policy:")
