"""Explain: every rule in play, what became of it, and why."""

from policy_lang.facts import Assignment, Link
from policy_lang.interpreter import ClauseTrace, RuleTrace
from policy_lang.values import ABSENT
from tests.policy_lang.law import ALICE, BOB, INNER, LEGAL, NOW, OUTER, PLAN, STAFF, T1, T2, World, facts_of, program

RULES = """
rule one: allow read on Document to owner when resource.level == 2 unless resource.locked
rule two: allow read on Document to User when principal.department == "law" oblige log(zone: principal.zone)
shadow rule three: deny read on Document when resource.level > 1
"""


def explained(world: World) -> dict[str, RuleTrace]:
    traces = program(RULES)[1].explain(facts_of(RULES, world))
    return {trace.rule.id.removeprefix("m."): trace for trace in traces}


def shown(clause: ClauseTrace) -> tuple[str, bool | None, dict[str, object]]:
    return clause.kind, clause.truth, {str(read.path): read.cell for read in clause.inputs}


def test_each_rule_in_play_says_what_it_came_to() -> None:
    traces = explained(World(user={"department": ABSENT}))
    assert {id_: (trace.truth, trace.is_determining) for id_, trace in traces.items()} == {
        "one": (True, True),
        "two": (None, False),
        "three": (True, False),
    }


def test_each_clause_says_what_it_read() -> None:
    traces = explained(World(user={"department": ABSENT}))
    assert [shown(clause) for clause in traces["one"].clauses] == [
        ("to", True, {"resource.owner": World().source().rows([PLAN])[PLAN].attributes["owner"]}),
        ("when", True, {"resource.level": 2}),
        ("unless", False, {"resource.locked": False}),
    ]
    assert [shown(clause) for clause in traces["two"].clauses] == [
        ("to", True, {}),
        ("when", None, {"principal.department": ABSENT}),
        ("oblige", True, {"principal.zone": "Europe/Paris"}),
    ]
    assert {(cause.path, cause.cause) for cause in traces["two"].clauses[1].causes} == {
        ("principal.department", "absent")
    }


def test_no_rule_is_explained_where_none_was_asked() -> None:
    assert explained(World(without=frozenset({PLAN}))) == {}


def test_roles_and_relations_show_the_rows_that_make_them_hold() -> None:
    rules = """
    rule roles: allow read on Document to role viewer in resource.tenant, role keeper over resource.folder
    rule links: allow read on Document to collaborator
    """
    held = Assignment(ALICE, "m.editor", T1, NOW + 1), Assignment(STAFF, "m.keeper", OUTER, None)
    tied = Link(PLAN, "m.collaborator", LEGAL, None)
    idle = (
        Assignment(ALICE, "m.viewer", T1, NOW),
        Assignment(BOB, "m.viewer", T1, None),
        Assignment(ALICE, "m.viewer", T2, None),
    )
    world = World(assignments=(*held, *idle), links=(tied, Link(INNER, "m.steward", LEGAL, None)))
    traces = program(rules)[1].explain(facts_of(rules, world))
    assert {trace.rule.id: [list(map(str, clause.rows)) for clause in trace.clauses] for trace in traces} == {
        "m.links": [["Team:legal is m.collaborator of Document:plan"]],
        "m.roles": [
            [
                "Team:staff is m.keeper of Folder:outer",
                "User:alice is m.editor of Tenant:t1 until 2026-01-05T10:00:00.001Z",
            ]
        ],
    }
