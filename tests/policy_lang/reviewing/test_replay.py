"""What was recorded is decided again by two bundles; what the record does not say is told, and never guessed."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from policy_lang import loading
from policy_lang.bundle import Bundle
from policy_lang.compiler import Compiled
from policy_lang.facts import Assignment, Link
from policy_lang.gather import gather
from policy_lang.reviewing.goals import What
from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.replay import replay
from policy_lang.reviewing.replayed import Replayed
from policy_lang.types import Json
from policy_lang.values import ABSENT, Cell
from tests.policy_lang.law import ALICE, DECLARATIONS, INNER, LEGAL, NOW, OUTER, PLAN, T1, World


def loaded(rules: str) -> Bundle:
    return loading.load({"m.policy": f"{DECLARATIONS}{rules}\n"})


def record(policies: Bundle, world: World) -> Recorded:
    """The decision of a world, as it is recorded."""
    compiled = Compiled(policies.program)
    (facts,) = gather([world.question()], compiled, world.source())
    decision = compiled.decide(facts)
    return Recorded(
        id="0", principal=ALICE, action=world.action, resource=PLAN, now=NOW, effect=decision.effect.value,
        code=decision.code, inputs=compiled.inputs(facts), policy_digest=policies.digest,
    )  # fmt: skip


def again(old: str, new: str, *worlds: World) -> Replayed:
    """What becomes of decisions that were made by the old condition."""
    before, after = (loaded(f"rule it: allow read on Document to anyone when {text}") for text in (old, new))
    return replay([record(before, world) for world in worlds or (World(),)], before, after)


def flips(replayed: Replayed) -> dict[What, int]:
    return {each.what: each.count for each in replayed.flips.values()}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("resource.level == 2", "resource.level > 2"),
        ("principal.boss.clearance > 8", "principal.boss.clearance > 9"),
        ("resource.folder.outer.owner is Team", "resource.folder.outer.owner is User"),
        ("context.now > 2026-01-01T00:00:00Z", "context.now > 2027-01-01T00:00:00Z"),
        ('"pii" in resource.labels and resource.grace >= 1h', '"pii" in resource.labels and resource.grace > 1h'),
        ("has resource.folder", "not has resource.folder"),
        ('principal under Team "staff"', 'principal under Team "law"'),
        ('resource under Folder "outer"', 'resource under Folder "none"'),
        ("role viewer in resource.tenant", "role editor in resource.tenant"),
        ("role keeper over resource.folder", "role keeper in resource.folder"),
        ("collaborator", "not collaborator"),
    ],
)
def test_a_record_flips_as_a_new_decision_would(old: str, new: str) -> None:
    world = World(
        assignments=(Assignment(LEGAL, "m.viewer", T1, None), Assignment(ALICE, "m.keeper", OUTER, None)),
        links=(Link(PLAN, "m.collaborator", LEGAL, None),),
    )
    replayed = again(old, new, world, world)
    assert flips(replayed) == {What.NOW_DENIED: 2}
    (each,) = replayed.flips.values()
    assert (each.rules, len(each.examples), replayed.left_out) == (("m.it",), 2, {})


def test_what_still_comes_out_the_same_is_alike() -> None:
    documents: list[Mapping[str, Cell]] = [{"level": 1}, {"level": 3}, {"level": 9}]
    worlds = [World(document=document) for document in documents]
    replayed = again("resource.level > 2", "resource.level > 3", *worlds)
    assert (replayed.alike, flips(replayed), replayed.total) == (2, {What.NOW_DENIED: 1}, 3)


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("resource.level == 2", "resource.level == 2 and resource.locked", "`resource.locked` is not in the record"),
        ("resource.level == 2", 'principal under Team "legal"', "what the principal is in is not in the record"),
        ("resource.level == 2", 'resource under Folder "outer"', "what a `Document` is in is not in the record"),
        ("resource.level == 2", "role auditor", "the roles held globally is not in the record"),
        ("role auditor or true", "role viewer in resource.tenant", "`resource.tenant` is not in the record"),
        ("role viewer in principal.tenant or resource.tenant == principal.tenant",
         "role keeper in resource.folder", "`resource.folder` is not in the record"),
        ("resource.level == 2", "collaborator", "the rows of relation `m.collaborator` is not in the record"),
    ],
)  # fmt: skip
def test_what_the_record_does_not_say_is_told(old: str, new: str, reason: str) -> None:
    replayed = again(old, new)
    assert (replayed.left_out, replayed.alike, replayed.flips) == ({reason: 1}, 0, {})


def test_what_the_record_does_not_say_may_not_matter() -> None:
    assert flips(again("resource.level == 2", "resource.level == 3 and resource.locked")) == {What.NOW_DENIED: 1}


def test_roles_count_on_what_the_policies_of_the_record_looked_up() -> None:
    old, new = (
        loaded(f"rule it: allow read on Document to role {role} in resource.tenant") for role in ("viewer", "editor")
    )
    made = replace(record(old, World()), effect="deny")
    assert replay([made], old, new).alike == 1
    unknown = replace(made, policy_digest="another")
    assert replay([unknown], old, new).left_out == {"the roles held at a `Tenant` is not in the record": 1}


def test_a_gap_stays_a_gap() -> None:
    replayed = again(
        'principal.department == "law"', 'principal.department ?? "law" == "law"', World(user={"department": ABSENT})
    )
    assert flips(replayed) == {What.NOW_ALLOWED: 1}


def test_other_words_for_the_caller_are_another_answer() -> None:
    text = (
        "rule all: allow read on Document to anyone\nrule no: deny read on Document when resource.level == 2 code A%s"
    )
    old, new = loaded(text % 1), loaded(text % 2)
    assert flips(replay([record(old, World())], old, new)) == {What.ANSWER: 1}


def test_refusals_and_what_only_one_bundle_declares_are_left_out() -> None:
    old = loaded("rule it: allow read on Document to anyone")
    made = record(old, World())
    replayed = replay(["a refusal", replace(made, action="fly"), made], old, old)
    assert replayed.left_out == {
        "a refusal": 1,
        "not both declare `fly` on `Document` for a `User`": 1,
    }
    assert replayed.alike == 1


def test_rows_in_no_form_of_a_record_are_told() -> None:
    old = loaded("rule it: allow read on Document to role auditor")
    new = loaded("rule it: allow read on Document to role viewer in resource.tenant")
    made = record(old, World())
    assert replay([replace(made, inputs={**made.inputs, "assignments": [["User:alice"]]})], old, new).left_out == {
        "no record: a recorded row has four values": 1
    }


def test_a_record_that_the_old_policies_do_not_explain_is_left_out() -> None:
    old, new = (loaded(f"rule it: allow read on Document to anyone when resource.level == {level}") for level in (2, 3))
    made = replace(record(old, World()), effect="deny")
    assert replay([made], old, new).left_out == {"the old policies decide it otherwise than was recorded": 1}


def test_sensitive_inputs_are_not_in_the_record() -> None:
    text = DECLARATIONS.replace("clearance: int", "clearance: int sensitive")
    old, new = (
        loading.load(
            {"m.policy": f"{text}rule it: allow read on Document to anyone when principal.clearance > {level}"}
        )
        for level in (1, 5)
    )
    inputs: dict[str, Json] = {}
    made = replace(record(old, World()), inputs=inputs)
    assert replay([made], old, new).left_out == {"masked: principal.clearance": 1}


def test_every_place_above_counts_where_over_was_looked_up() -> None:
    replayed = again(
        "role keeper over resource.folder", "role keeper over resource.folder and true", World(folders=(INNER,))
    )
    assert replayed.alike == 1
