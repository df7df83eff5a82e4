"""What the record keeps of a decision: the inputs read and the rows, no more, and nothing sensitive."""

from policy_lang import loading
from policy_lang.compiler import Compiled
from policy_lang.decision import Effect
from policy_lang.facts import Assignment, Link, Question
from policy_lang.fixture_source import FixtureSource
from policy_lang.gather import gather
from policy_lang.typed import EntityFixture
from policy_lang.types import Json
from policy_lang.values import ABSENT, BAD_VALUE, UNSET, Cell, Ref
from tests.policy_lang.law import ALICE, BOB, LEGAL, PLAN, T1, T2, World, facts_of, program


def kept(condition: str, world: World | None = None) -> dict[str, Json]:
    rules = f"rule it: allow read, create on Document to anyone when {condition}"
    return program(rules)[0].inputs(facts_of(rules, world or World()))


def test_inputs_are_in_the_given_form() -> None:
    condition = (
        "resource.level == 2 and not resource.locked and resource.tenant == principal.tenant and "
        "context.now + resource.grace > context.now and context.ip in 10.0.0.0/8 and resource.visibility == public "
        'and "pii" in resource.labels and resource.folder.owner is User'
    )
    assert kept(condition) == {
        "context.ip": "10.1.2.3",
        "context.now": "2026-01-05T10:00:00Z",
        "principal.tenant": {"type": "Tenant", "id": "t1"},
        "resource.folder.owner": {"type": "User", "id": "bob"},
        "resource.grace": "1h",
        "resource.labels": ["draft", "pii"],
        "resource.level": 2,
        "resource.locked": False,
        "resource.tenant": {"type": "Tenant", "id": "t1"},
        "resource.visibility": "public",
    }


def test_gaps_say_why_there_is_no_value() -> None:
    world = World(
        user={"department": ABSENT, "clearance": UNSET}, document={"level": BAD_VALUE}, without=frozenset({BOB})
    )
    assert kept(
        "has principal.department and principal.boss.clearance > resource.level + principal.clearance", world
    ) == {
        "principal.department": {"gap": "absent"},
        "principal.boss.clearance": {"gap": "no_row"},
        "principal.clearance": {"gap": "absent", "broken": True},
        "resource.level": {"gap": "bad_value"},
    }


def test_rows_that_may_count_are_kept() -> None:
    world = World(
        assignments=(
            Assignment(LEGAL, "m.viewer", T1, 5),
            Assignment(ALICE, "m.viewer", T2, None),
            Assignment(BOB, "m.viewer", T1, None),
        ),
        links=(Link(PLAN, "m.collaborator", ALICE, None), Link(PLAN, "m.collaborator", BOB, None)),
    )
    assert kept("(role viewer in resource.tenant) or collaborator", world) == {
        "resource.tenant": {"type": "Tenant", "id": "t1"},
        "parents": {"User:alice": ["Team:legal"], "Team:legal": ["Team:staff"], "Team:staff": []},
        "assignments": [["Team:legal", "m.viewer", "Tenant:t1", 5]],
        "links": [["Document:plan", "m.collaborator", "User:alice", None]],
    }


def test_nothing_is_kept_where_no_rule_was_asked() -> None:
    assert kept("resource.level == 2", World(without=frozenset({PLAN}))) == {}


def test_sensitive_inputs_are_left_out_and_so_is_what_lies_behind() -> None:
    text = """
        module m
        principal type User { level: int, salary: int sensitive, coach: User? sensitive }
        type Thing { owner: User }
        actions Thing { see }
        rule it: allow see on Thing to anyone when principal.salary > 1 and principal.level > 1
          and principal.coach.level > 1 and resource.owner.salary > 1
    """
    compiled = Compiled(loading.load({"m.policy": text}).program)
    user, thing = Ref("User", "u"), Ref("Thing", "t")
    cells: dict[str, Cell] = {"level": 2, "salary": 2, "coach": user}
    source = FixtureSource([EntityFixture(user, cells), EntityFixture(thing, {"owner": user})])
    question = Question(user, "see", thing, 0, {}, {}, (), {"now": 0})
    facts = gather([question], compiled, source)[0]
    assert compiled.decide(facts)
    assert compiled.inputs(facts) == {"principal.level": 2}


def test_rows_that_a_sensitive_reference_leads_to_are_left_out() -> None:
    text = """
        module m
        principal type User {}
        type Ward in Ward {}
        type Chart { ward: Ward sensitive, room: Ward }
        actions Chart { see }
        role nurse on Ward {}
        relation guest on Ward: User
        rule it: allow see on Chart to anyone when role nurse in resource.ward or role nurse over resource.ward
          or role nurse in resource.room or guest of resource.ward or resource.ward under Ward "w9"
    """
    compiled = Compiled(loading.load({"m.policy": text}).program)
    user, chart, secret, room = Ref("User", "u"), Ref("Chart", "c"), Ref("Ward", "w1"), Ref("Ward", "r2")
    rows = [EntityFixture(user, {}), EntityFixture(chart, {"ward": secret, "room": room})]
    wards = [
        EntityFixture(secret, {}, (Ref("Ward", "w9"),)),
        EntityFixture(Ref("Ward", "w9"), {}),
        EntityFixture(room, {}),
    ]
    held = [Assignment(user, "m.nurse", secret, None), Assignment(user, "m.nurse", room, None)]
    source = FixtureSource([*rows, *wards], held, [Link(secret, "m.guest", user, None)])
    facts = gather([Question(user, "see", chart, 0, {}, {}, (), {"now": 0})], compiled, source)[0]
    assert compiled.decide(facts).effect is Effect.ALLOW
    kept = compiled.inputs(facts)
    assert kept == {
        "resource.room": {"type": "Ward", "id": "r2"},
        "parents": {"User:u": []},
        "assignments": [["User:u", "m.nurse", "Ward:r2", None]],
    }
