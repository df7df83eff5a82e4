"""A planted change is found, tried on both bundles, and written as a test that the newer one passes."""

import sys

import pytest

from policy_lang import loading, suite
from policy_lang.reviewing.goals import What
from policy_lang.reviewing.pairing import common_keys
from policy_lang.reviewing.pasting import written_test
from policy_lang.reviewing.witness import Outcome, outcomes
from tests.policy_lang.law import DECLARATIONS

LIMIT = 20_000
EFFECTS = {What.NOW_ALLOWED, What.NOW_DENIED}
HEAD = "allow read, create on Document to"


def compared(old: str, new: str, limit: int = LIMIT) -> list[Outcome]:
    """What the search comes to between two texts of rules."""
    before, after = (loading.load({"m.policy": DECLARATIONS + text}).program for text in (old, new))
    return list(outcomes(before, after, limit))


def found(old: str, new: str) -> set[What]:
    """What differs, anywhere; every search ended by itself, every test written holds in the newer bundle."""
    came = compared(old, new)
    assert all(outcome.is_exhaustive for outcome in came)
    for outcome in came:
        for witness in outcome.witnesses:
            text = written_test(witness, loading.load({"m.policy": DECLARATIONS + new}).program.schema)
            assert holds(text, new), text
            assert witness.what not in EFFECTS or not holds(text, old), text
    return {witness.what for outcome in came for witness in outcome.witnesses}


def holds(test: str, rules: str) -> bool:
    """Whether a test passes by these rules."""
    program = loading.load({"m.policy": DECLARATIONS + rules, "w.policy": f"module w\n{test}"}).program
    (result,) = suite.run(program)
    return result.has_passed


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("when resource.level > 3", "when resource.level >= 3", {What.NOW_ALLOWED}),
        ("when resource.level in 1..5", "when resource.level in 2..4", {What.NOW_DENIED}),
        ("when principal.clearance > resource.level", "when principal.clearance >= resource.level", {What.NOW_ALLOWED}),
        ("when resource.locked", "when not resource.locked", EFFECTS),
        ("when resource.visibility == public", "when resource.visibility != private", {What.NOW_ALLOWED}),
        ('when resource.region == "eu"', 'when resource.region in ["eu", "us"]', {What.NOW_ALLOWED}),
        ('when resource.region like "eu-*"', 'when resource.region like "eu*"', {What.NOW_ALLOWED}),
        ('when starts_with(resource.region, "eu")', 'when ends_with(resource.region, "eu")', EFFECTS),
        ("when has resource.folder", "when true", {What.NOW_ALLOWED}),
        ("when context.mfa ?? false", "when context.mfa ?? true", {What.NOW_ALLOWED}),
        ("when context.ip in 10.0.0.0/8", "when context.ip in 10.0.0.0/9", {What.NOW_DENIED}),
        ("when context.ip in resource.net", "when context.ip in 10.0.0.0/8", EFFECTS),
        ("when principal.tenant == resource.tenant", "when true", {What.NOW_ALLOWED}),
        ("when resource.owner == principal", 'when resource.owner == User "root"', EFFECTS),
        ("when resource.owner.boss == principal", "when resource.owner == principal", EFFECTS),
        ('when "pii" in resource.labels', 'when resource.labels any in ["pii", "phi"]', {What.NOW_ALLOWED}),
        ('when resource.labels any in ["a", "b"]', 'when resource.labels all in ["a", "b"]', EFFECTS),
        ("when size(resource.labels) > 1", "when size(resource.labels) > 2", {What.NOW_DENIED}),
        ("when size(resource.region) > 3", "when size(resource.region) > 4", {What.NOW_DENIED}),
        (
            "when contains(resource.region, resource.intent)",
            "when resource.region == resource.intent",
            {What.NOW_DENIED},
        ),
        ("when resource.grace > 15m", "when resource.grace > 1h", {What.NOW_DENIED}),
        ("when hour(context.now, principal.zone) in 9..16", 'when hour(context.now, "UTC") in 9..16', EFFECTS),
        ('when weekday(context.now, "UTC") < 6', 'when weekday(context.now, "UTC") < 7', {What.NOW_ALLOWED}),
        ("when context.now < resource.retain_until", "when context.now <= resource.retain_until", {What.NOW_ALLOWED}),
        ("when role viewer in resource.tenant", "when role editor in resource.tenant", {What.NOW_DENIED}),
        ("when role viewer in resource.tenant", "when role viewer in principal.tenant", EFFECTS),
        ("when role keeper in resource.folder", "when role keeper over resource.folder", {What.NOW_ALLOWED}),
        ("when role auditor", "when role auditor or role viewer in resource.tenant", {What.NOW_ALLOWED}),
        ("when collaborator", "when owner", EFFECTS),
        ("when steward of resource.folder", "when false", {What.NOW_DENIED}),
        ('when principal under Team "a"', 'when principal under Team "b"', EFFECTS),
        ('when resource under Folder "f"', "when resource under resource.folder", EFFECTS),
    ],
)  # fmt: skip
def test_a_changed_condition_is_found_where_it_changes_an_answer(old: str, new: str, expected: set[What]) -> None:
    assert found(f"rule it: {HEAD} anyone {old}", f"rule it: {HEAD} anyone {new}") == expected


def test_records_are_filled_field_by_field() -> None:
    text = """module m
    principal type User {{ home: {{ city: string, room: {{ floor: int? }} }}? }}
    type Thing {{}}
    actions Thing {{ see }}
    rule it: allow see on Thing to anyone
      when has principal.home and principal.home.city == "Bonn" and principal.home.room.floor ?? 0 > {floor}
    """
    old, new = (loading.load({"m.policy": text.format(floor=floor)}).program for floor in (1, 2))
    (outcome,) = outcomes(old, new, LIMIT)
    (witness,) = outcome.witnesses
    assert written_test(witness, new.schema).splitlines()[1] == (
        '  principal User "user" { home: { city: "Bonn", room: { floor: 2 } } }'
    )


def test_a_search_may_be_ended_at_each_step_and_while_its_witnesses_are_made_smaller() -> None:
    old, new = (
        loading.load({"m.policy": f"{DECLARATIONS}rule it: {HEAD} anyone when resource.level in {levels}"}).program
        for levels in ("1..5", "2..4")
    )

    class Ended(Exception):
        pass

    def asked(until: int) -> tuple[int, int]:
        """How often it is asked whether to go on, which it is not to any more after so many times; the steps."""
        times = 0

        def go_on() -> None:
            nonlocal times
            if times == until:
                raise Ended
            times += 1

        steps = sum(outcome.steps for outcome in outcomes(old, new, LIMIT, go_on))
        return times, steps

    times, steps = asked(LIMIT)
    assert times > steps + len(common_keys(old, new))
    for until in range(times):
        with pytest.raises(Ended):
            asked(until)


def test_choices_upon_choices_are_no_calls_within_calls() -> None:
    """Rules may read more than Python lets calls be nested."""
    read = " and ".join(f"resource.a{number}" for number in range(40))
    declared = ", ".join(f"a{number}: bool" for number in range(41))
    old, new = (
        loading.load({"m.policy": f"module m\nprincipal type User {{}}\ntype Doc {{ {declared} }}\n"
                     f"actions Doc {{ read }}\nrule it: allow read on Doc to anyone when {read} and {last}"}).program
        for last in ("resource.a40", "not resource.a40")
    )  # fmt: skip
    depths: list[int] = []

    def go_on() -> None:
        frame, depth = sys._getframe(), 0
        while (above := frame.f_back) is not None:
            frame, depth = above, depth + 1
        depths.append(depth)

    (outcome,) = outcomes(old, new, LIMIT, go_on)

    assert outcome.is_exhaustive
    assert outcome.steps > 80
    assert max(depths) - min(depths) < 10


DENY = "rule all: allow read on Document to anyone\nrule no: deny read on Document when resource.locked"


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (DENY, DENY.replace("rule no", "shadow rule no"), {What.NOW_ALLOWED}),
        (DENY.replace("rule no", "shadow rule no"), DENY.partition("\n")[0], {What.SHADOW}),
        (DENY, DENY + " code LOCKED", {What.ANSWER}),
        (DENY, DENY + " hide", {What.ANSWER}),
        (DENY, DENY + " oblige ask(level: resource.level)", {What.ANSWER}),
        (DENY, DENY + ' reason "it is locked"', set()),
        (DENY, f"{DENY} when principal.suspended", {What.NOW_ALLOWED}),
        (DENY, DENY.replace("rule no", "rule other"), set()),
    ],
)  # fmt: skip
def test_what_else_a_rule_says_changes_what_a_caller_is_told(old: str, new: str, expected: set[What]) -> None:
    assert found(old, new) == expected


def test_what_another_rule_decides_anyhow_is_no_change() -> None:
    rules = f"rule all: {HEAD} anyone\nrule some: {HEAD} anyone when resource.level > %d"
    assert found(rules % 3, rules % 4) == set()


def test_only_kinds_of_question_with_other_rules_are_searched() -> None:
    rules = (
        "rule a: allow read on Document to anyone when resource.level > %d\nrule b: allow create on Document to anyone"
    )
    assert [outcome.key for outcome in compared(rules % 3, rules % 4)] == [("User", "Document", "read")]


def test_a_search_that_the_limit_ends_says_so() -> None:
    rules = f"rule it: {HEAD} anyone when resource.level > %d and resource.locked and principal.suspended"
    (outcome, *_) = compared(rules % 3, rules % 4, limit=2)
    assert (outcome.is_exhaustive, outcome.witnesses, outcome.steps) == (False, (), 2)


def test_a_witness_holds_no_more_than_what_matters() -> None:
    rule = (
        f"rule it: {HEAD} anyone when (principal.suspended or resource.locked) and resource.visibility == public "
        "and resource.level > %d"
    )
    (outcome, *_) = compared(rule % 3, rule % 4)
    (witness,) = outcome.witnesses
    program = loading.load({"m.policy": DECLARATIONS + rule % 4}).program
    assert written_test(witness, program.schema) == (
        'test "User create Document: now denied" {\n'
        '  principal User "user" {}\n'
        '  resource Document "document" { level: 4, locked: true, visibility: public }\n'
        "  context { now: 2026-01-05T10:00:00Z }\n"
        "  expect deny create code NO_MATCH\n"
        "}"
    )
