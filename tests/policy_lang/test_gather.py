"""Facts are gathered in one read a kind of fact and reference step, for the whole batch."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from policy_lang.facts import Assignment, Facts, Link, Question, Row
from policy_lang.fixture_source import FixtureSource
from policy_lang.gather import gather
from policy_lang.values import BAD_VALUE, Ref
from tests.policy_lang.law import ALICE, BOB, INNER, LEGAL, OUTER, PLAN, STAFF, T1, World, program

GHOST = Ref("Team", "ghost")


class CountingSource:
    """A source that counts what it is asked, and keeps the last thing asked of each kind."""

    def __init__(self, source: FixtureSource) -> None:
        self._source = source
        self.calls: Counter[str] = Counter()
        self.asked: dict[str, object] = {}

    def rows(self, refs: Collection[Ref]) -> Mapping[Ref, Row]:
        self._count("rows", refs)
        return self._source.rows(refs)

    def ancestry(self, refs: Collection[Ref]) -> Mapping[Ref, tuple[Ref, ...]]:
        self._count("ancestry", refs)
        return self._source.ancestry(refs)

    def assignments(self, subjects: Collection[Ref]) -> Sequence[Assignment]:
        self._count("assignments", subjects)
        return self._source.assignments(subjects)

    def assignments_at(self, places: Collection[Ref | None]) -> Sequence[Assignment]:
        self._count("assignments_at", places)
        return self._source.assignments_at(places)

    def links(self, ends: Collection[tuple[Ref, str]], subjects: Collection[Ref] | None) -> Sequence[Link]:
        self._count("links" if subjects is not None else "links to any", ends)
        return self._source.links(ends, subjects)

    def _count(self, kind: str, asked: Collection[object]) -> None:
        assert asked, f"{kind} was asked for nothing"
        self.calls[kind] += 1
        self.asked[kind] = set(asked)


def gathered(condition: str, world: World, *questions: Question) -> tuple[list[Facts], CountingSource]:
    rules = f"rule it: allow read, create on Document to anyone when {condition}"
    source = CountingSource(world.source())
    return gather(questions or [world.question()], program(rules)[0], source), source


def test_what_no_rule_reads_is_not_asked_for() -> None:
    _, source = gathered("resource.level == 2", World())
    assert source.calls == {"rows": 1}
    assert source.asked["rows"] == {ALICE, PLAN}


def test_each_reference_step_is_one_read() -> None:
    condition = "resource.folder.outer.tenant == T1".replace("T1", 'Tenant "t1"')
    facts, source = gathered(condition, World())
    assert source.calls == {"rows": 3}
    assert facts[0].rows.keys() >= {INNER, OUTER}


def test_a_batch_asks_once_for_all() -> None:
    world = World(assignments=(Assignment(STAFF, "m.viewer", T1, None),))
    question = world.question()
    batch = [question, replace(question, principal=BOB), replace(question, resource=Ref("Document", "none")), question]
    condition = (
        "(role viewer in resource.tenant) or collaborator or "
        "(role keeper over resource.folder) or resource.folder.owner == principal"
    )
    facts, source = gathered(condition, world, *batch)
    assert source.calls == {"rows": 2, "ancestry": 1, "assignments": 1, "links": 1}
    assert facts[0].assignments == {T1: [Assignment(STAFF, "m.viewer", T1, None)]}
    assert facts[1].assignments == {}
    assert facts[2].resource_cells is None


def test_only_an_open_ancestry_asks_for_rows_of_anyone() -> None:
    world = World(teams=(GHOST,))
    question = world.question()
    _, source = gathered("(role viewer in resource.tenant) or collaborator", world, question)
    assert source.calls == {"rows": 1, "ancestry": 1, "assignments_at": 1, "links to any": 1}
    _, source = gathered(
        "(role viewer in resource.tenant) or collaborator", world, question, replace(question, principal=BOB)
    )
    assert source.calls == {
        "rows": 1, "ancestry": 1, "assignments": 1, "assignments_at": 1, "links": 1, "links to any": 1,
    }  # fmt: skip


def test_nothing_more_is_read_where_no_rule_is_asked() -> None:
    _, source = gathered("role viewer in resource.tenant", World(without=frozenset({PLAN})))
    assert source.calls == {"rows": 1}


def test_no_question_asks_nothing() -> None:
    source = CountingSource(World().source())
    assert gather([], program("rule it: allow read on Document to anyone")[0], source) == []
    assert not source.calls


def test_roles_from_claims_count_for_the_principal_alone() -> None:
    world = World()
    claimed = Assignment(ALICE, "m.auditor", None, None)
    batch = [replace(world.question(), claim_roles=(claimed,)), world.question()]
    facts, _ = gathered("role auditor", world, *batch)
    assert facts[0].assignments == {None: [claimed]}
    assert facts[1].assignments == {}


def test_of_a_resource_that_is_made_the_request_says_all() -> None:
    world = World(action="create", without=frozenset({PLAN}), given={"level": 7, "tenant": BAD_VALUE})
    facts, source = gathered('resource.level == 7 and collaborator and resource under Folder "x"', world)
    cells = facts[0].resource_cells
    assert cells is not None
    assert (cells["level"], cells["tenant"]) == (7, BAD_VALUE)
    assert facts[0].parents[PLAN] == (INNER,)
    assert "links" not in source.calls


def test_the_ancestors_are_those_of_the_principal() -> None:
    facts, _ = gathered("role auditor", World())
    assert facts[0].ancestors == {ALICE, LEGAL, STAFF}
    assert facts[0].is_ancestry_known
