"""A batch is written whole or not at all, for whom each of its writes would be allowed, and recorded as one act."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from policy_lang.facts import Assignment, Link
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.feed import assignment_change, entity_change, relation_change
from service.db.feed_reading import changes_after, poll
from service.db.turns import MANY
from service.entities.batch import Assign, Delete, FactWrite, Put, Relate, Unassign, Unrelate
from service.entities.store import EntityStore
from service.errors import AuditUnavailable, EntityChanged, InvalidRequest, PermissionDenied
from service.model import RecordKind
from tests.service.entities.firm import NOW, Firm, build_firm, caller

T1, T2 = Ref("Tenant", "t1"), Ref("Tenant", "t2")
DOC1, DOC2, NEW = Ref("Doc", "doc-t1"), Ref("Doc", "doc-t2"), Ref("Doc", "new")
USER1, USER2, EVE = Ref("User", "member-t1"), Ref("User", "member-t2"), Ref("User", "eve")
NOBODY, CREW = Ref("User", "nobody"), Ref("Team", "crew")
ROOT, CHIEF = caller("root"), caller("chief")
OF_T1: Json = {"tenant": "t1"}
EDITOR = Assignment(EVE, "firm.editor", T1, None)
FRIEND = Link(NEW, "firm.friend", EVE, NOW + 1)
HIRE: tuple[FactWrite, ...] = (
    Relate(FRIEND),
    Assign(EDITOR),
    Put(EVE, OF_T1, [{"type": "Team", "id": "crew"}]),
    Put(CREW, OF_T1),
    Put(NEW, {"tenant": "t1", "level": 3}),
)
"""Each refers to what a later one writes."""


@pytest.fixture
def firm(database: Database) -> Firm:
    return build_firm(database)


def head(firm: Firm) -> int:
    with firm.database.reading() as reading:
        return poll(reading, changes_after(firm.database.dialect), 0).n


def everything(firm: Firm) -> list[tuple[object, ...]]:
    tables = ("entity", "entity_parent", "role_assignment", "relation_link")
    with firm.database.read() as connection:
        return [
            tuple(row) for name in tables for row in connection.exec_driver_sql(f"SELECT * FROM {name} ORDER BY 1,2,3")
        ]


def test_a_batch_is_one_revision_that_tells_all_that_changed_and_in_whose_tenant(firm: Firm) -> None:
    before = head(firm)
    revision = firm.batches.write(CHIEF, HIRE)
    with firm.database.reading() as reading:
        after = poll(reading, changes_after(firm.database.dialect), before)
    assert revision.endswith(f".{before + 1}")
    assert after.n == before + 1
    assert {(told.kind, told.key) for told in after.changes} == {
        entity_change(EVE),
        entity_change(CREW),
        entity_change(NEW),
        assignment_change(EVE),
        relation_change(NEW, "firm.friend"),
    }
    with firm.database.read() as connection:
        told = connection.exec_driver_sql(f"SELECT tenants FROM change WHERE revision = {after.n}").scalars().all()
    assert set(told) == {'["Tenant:t1"]'}
    with EntityStore(firm.database).snapshot(firm.schema) as snapshot:
        assert snapshot.rows([EVE])[EVE].parents == (CREW,)
        assert snapshot.rows([NEW])[NEW].attributes["level"] == 3
        assert snapshot.assignments([EVE]) == [EDITOR]
        assert snapshot.links([(NEW, "firm.friend")], None) == [FRIEND]


def test_what_a_batch_takes_away_is_gone_and_may_refer_to_nothing(firm: Firm) -> None:
    firm.batches.write(CHIEF, HIRE)
    firm.batches.write(CHIEF, [Unrelate(FRIEND), Unassign(EDITOR), Delete(CREW), Delete(EVE)])
    with EntityStore(firm.database).snapshot(firm.schema) as snapshot:
        assert set(snapshot.rows([EVE, CREW, NEW])) == {NEW}
        assert snapshot.assignments([EVE]) == []
        assert snapshot.links([(NEW, "firm.friend")], None) == []


def test_one_act_is_recorded_for_each_action_and_names_all_that_it_was_about(firm: Firm) -> None:
    firm.batches.write(CHIEF, HIRE)
    write, assign = firm.records[-2:]
    assert (write.kind, write.action, write.tenant) == (RecordKind.DECISION, "magistrate.entity.write", T1)
    assert write.inputs == {
        "change": "batch",
        "put": ["User:eve", "Team:crew", "Doc:new"],
        "children": ["Team:crew"],
        "relate": ["User:eve firm.friend Doc:new"],
    }
    assert (assign.action, assign.tenant, assign.rules) == ("magistrate.role.assign", T1, ("magistrate.admin",))
    assert assign.inputs == {"change": "batch", "assign": ["User:eve firm.editor Tenant:t1"]}


FOREIGN: dict[str, FactWrite] = {
    "put": Put(Ref("Doc", "newer"), {"tenant": "t2"}),
    "put without": Put(Ref("Note", "n"), {}),
    "take over": Put(DOC2, OF_T1),
    "give away": Put(DOC1, {"tenant": "t2"}),
    "move in": Put(USER1, OF_T1, [{"type": "Team", "id": "team-t2"}]),
    "delete": Delete(DOC2),
    "delete what is not there": Delete(Ref("Doc", "nowhere")),
    "assign there": Assign(Assignment(USER1, "firm.editor", T2, None)),
    "assign to another's": Assign(Assignment(USER2, "firm.editor", T1, None)),
    "unassign there": Unassign(Assignment(USER1, "firm.editor", T2, None)),
    "assign globally": Assign(Assignment(USER1, "firm.everywhere", None, None)),
    "relate to another's": Relate(Link(DOC1, "firm.friend", USER2, None)),
    "unrelate another's": Unrelate(Link(DOC2, "firm.friend", USER1, None)),
    "give admin there": Assign(Assignment(USER1, "magistrate.admin", T2, None)),
    "give auditor": Assign(Assignment(USER1, "magistrate.auditor", T1, None)),
    "move among auditors": Put(USER1, OF_T1, [{"type": "Team", "id": "auditors"}]),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_one_write_that_is_not_allowed_refuses_the_batch_and_nothing_is_done(firm: Firm, what: str) -> None:
    before, revision = everything(firm), head(firm)
    with pytest.raises(PermissionDenied):
        firm.batches.write(CHIEF, [*HIRE, FOREIGN[what]])
    assert firm.records[-1].kind is RecordKind.REFUSAL
    assert (everything(firm), head(firm)) == (before, revision)


def test_roles_of_the_module_are_given_and_taken_in_a_batch_by_who_holds_them(firm: Firm) -> None:
    admin = Assignment(USER1, "magistrate.admin", T1, None)
    firm.batches.write(CHIEF, [Assign(admin), Put(NEW, OF_T1)])
    assert firm.records[-1].inputs == {
        "change": "batch",
        "assign": ["User:member-t1 magistrate.admin Tenant:t1"],
        "role": "magistrate.admin",
    }
    firm.batches.write(caller("member-t1"), [Put(DOC1, OF_T1)])
    firm.batches.write(CHIEF, [Unassign(admin)])
    with pytest.raises(PermissionDenied):
        firm.batches.write(caller("member-t1"), [Put(DOC1, OF_T1)])


def test_a_caller_that_may_nothing_learns_nothing_of_the_policies(firm: Firm) -> None:
    with pytest.raises(PermissionDenied):
        firm.batches.write(caller("stranger"), [Put(DOC1, {"wrong": 1})])
    (record,) = firm.records
    assert record.kind is RecordKind.REFUSAL


ADMITTED_NOT: dict[str, tuple[FactWrite, str, str]] = {
    "attribute": (Put(DOC1, {"levle": 1}), "put", "unknown attribute `levle` of `Doc`; help: did you mean `level`?"),
    "value": (Put(DOC1, {"level": "high"}), "put", "`Doc.level`: expected a whole number"),
    "parent": (Put(DOC1, OF_T1, [{"type": "Team", "id": "x"}]), "put", "`Doc` has no parents"),
    "type": (Delete(Ref("Dok", "x")), "delete", "unknown type `Dok`; help: did you mean `Doc`?"),
    "role": (Assign(Assignment(EVE, "firm.edtor", T1, None)), "assign", "unknown role `firm.edtor`"),
    "grant": (Unassign(Assignment(EVE, "magistrate.x", None, None)), "unassign", "`x` is no role of `magistrate`"),
    "relation": (Relate(Link(DOC1, "firm.foe", EVE, None)), "relate", "unknown stored relation `firm.foe`"),
    "end": (Unrelate(Link(DOC1, "firm.friend", DOC2, None)), "unrelate", "`principal`: expected a reference to User"),
}  # fmt: skip
DONE_NOT: dict[str, tuple[FactWrite, str, str]] = {
    "missing parent": (
        Put(USER1, OF_T1, [{"type": "Team", "id": "nowhere"}]), "put", "there is no parent `Team:nowhere`",
    ),
    "missing end": (Relate(Link(DOC1, "firm.friend", NOBODY, None)), "relate", "there is no entity `User:nobody`"),
    "missing place": (
        Assign(Assignment(USER1, "firm.editor", Ref("Tenant", "t9"), None)), "assign", "there is no entity `Tenant:t9`",
    ),
    "not there": (Delete(Ref("Doc", "nowhere")), "delete", "there is no `Doc:nowhere`"),
    "not assigned": (
        Unassign(Assignment(USER1, "firm.editor", T1, None)),
        "unassign",
        "`User:member-t1` is not assigned `firm.editor` at `Tenant:t1`",
    ),
    "not related": (
        Unrelate(Link(DOC1, "firm.friend", USER1, None)),
        "unrelate",
        "`User:member-t1` is no `firm.friend` of `Doc:doc-t1`",
    ),
    "a parent still": (Delete(CREW), "delete", "`Team:crew` is the parent of other entities: delete or move them too"),
    "a cycle": (
        Put(Ref("Team", "admins1"), OF_T1, [{"type": "Team", "id": "inner"}]),
        "put",
        "`Team:admins1` would be its own ancestor",
    ),
}  # fmt: skip


@pytest.mark.parametrize("faults", [ADMITTED_NOT, DONE_NOT], ids=["as they were admitted", "as they were done"])
def test_every_fault_is_told_with_the_field_of_its_write_and_nothing_is_done(
    firm: Firm, faults: dict[str, tuple[FactWrite, str, str]]
) -> None:
    firm.batches.write(ROOT, HIRE)
    before, revision = everything(firm), head(firm)
    with pytest.raises(InvalidRequest) as refused:
        firm.batches.write(ROOT, [Put(DOC2, OF_T1), *(write for write, _, _ in faults.values())])
    told = {each.field: each.message for each in refused.value.violations}
    for at, (_, name, said) in enumerate(faults.values(), start=1):
        assert told[f"writes[{at}].{name}"].startswith(said)
    assert len(told) == len(faults)
    assert (everything(firm), head(firm)) == (before, revision)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Put(DOC1, OF_T1), Delete(DOC1)),
        (Put(DOC1, OF_T1), Put(DOC1, {})),
        (Assign(EDITOR), Unassign(EDITOR._replace(expires_at=NOW))),
        (Relate(FRIEND), Unrelate(FRIEND._replace(expires_at=None))),
    ],
    ids=["put and deleted", "put twice", "assigned and not", "related and not"],
)
def test_a_batch_says_one_thing_of_each(firm: Firm, one: FactWrite, other: FactWrite) -> None:
    with pytest.raises(InvalidRequest, match=r"`writes\[0\].\w+` is of the same: a batch says one thing of each"):
        firm.batches.write(ROOT, [one, other])


def test_a_batch_stops_where_anything_of_it_has_changed(firm: Firm) -> None:
    seen = firm.batches.write(ROOT, HIRE)
    firm.writes.put(ROOT, DOC2, {"tenant": "t2"}, None)
    seen = firm.batches.write(ROOT, [Put(NEW, OF_T1), Unassign(EDITOR)], if_revision=seen)
    firm.writes.assign(ROOT, EVE, "firm.editor", T1, expires_at=None)
    with pytest.raises(EntityChanged):
        firm.batches.write(ROOT, [Put(NEW, OF_T1), Unassign(EDITOR)], if_revision=seen)


def test_what_cannot_be_recorded_is_not_done(firm: Firm) -> None:
    before, firm.recorder.is_refusing = everything(firm), True
    with pytest.raises(AuditUnavailable):
        firm.batches.write(ROOT, HIRE)
    assert everything(firm) == before


def test_batches_that_meet_lose_nothing_and_stop_nobody_for_ever(firm: Firm) -> None:
    """Large ones take one turn of all, small ones their own; each raises every counter that it writes by one."""
    firm.batches.write(ROOT, [Put(Ref("Doc", f"d{at:03}"), {"tenant": "t1", "level": 0}) for at in range(MANY + 1)])

    def raise_all(names: list[str]) -> None:
        for _ in range(5):
            while True:
                levels, seen = {}, ""
                for name in names[:2]:
                    form, seen_now = firm.reads.get(ROOT, Ref("Doc", name))
                    seen = seen or seen_now
                    attributes = form["attributes"]
                    assert isinstance(attributes, dict)
                    levels[name] = attributes["level"]
                puts = [Put(Ref("Doc", name), {"tenant": "t1", "level": _raised(levels.get(name))}) for name in names]
                try:
                    firm.batches.write(ROOT, puts, if_revision=seen)
                except EntityChanged:
                    continue
                break

    large = [f"d{at:03}" for at in range(MANY + 1)]
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(raise_all, [large, ["d001", "d000"], ["d000", "d001"], large[::-1][-2:]]))
    form, _ = firm.reads.get(ROOT, Ref("Doc", "d000"))
    assert form["attributes"] == {"tenant": {"type": "Tenant", "id": "t1"}, "level": 20}


def _raised(level: Json) -> int:
    return level + 1 if isinstance(level, int) else 0
