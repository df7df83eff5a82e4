"""Who may read and write which facts: by role, by tenant, and never more than he holds; all of it recorded."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from policy_lang.facts import Assignment, Link
from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.engine import Database
from service.errors import AuditUnavailable, DataError, EntityChanged, MagistrateError, NotFound, PermissionDenied
from service.model import RecordKind
from tests.service.entities.firm import NOW, Firm, build_firm, caller

T1, T2 = Ref("Tenant", "t1"), Ref("Tenant", "t2")
DOC1, DOC2 = Ref("Doc", "doc-t1"), Ref("Doc", "doc-t2")
USER1, USER2 = Ref("User", "member-t1"), Ref("User", "member-t2")
Call = Callable[[Firm, str], object]


@pytest.fixture
def firm(database: Database) -> Iterator[Firm]:
    yield build_firm(database)


CALLS: dict[str, Call] = {
    "get": lambda firm, who: firm.reads.get(caller(who), DOC1),
    "list": lambda firm, who: firm.reads.page(caller(who), "Doc", tenant=None, limit=10, after=None),
    "list assignments": lambda firm, who: firm.reads.assignments(
        caller(who), subject=None, place=None, limit=10, after=None
    ),
    "list relations": lambda firm, who: firm.reads.relations(caller(who), limit=10, after=None),
    "list relations of a document": lambda firm, who: firm.reads.relations(
        caller(who), resource=DOC1, limit=10, after=None
    ),
    "put": lambda firm, who: firm.writes.put(caller(who), DOC1, {"tenant": "t1"}, None),
    "delete": lambda firm, who: firm.writes.delete(caller(who), DOC1),
    "relate": lambda firm, who: firm.writes.write_relations(
        caller(who), [Link(DOC1, "firm.friend", USER1, None)], []
    ),
    "assign": lambda firm, who: firm.writes.assign(caller(who), USER1, "firm.editor", T1, expires_at=None),
    "assign globally": lambda firm, who: firm.writes.assign(
        caller(who), USER1, "firm.everywhere", None, expires_at=None
    ),
    "give pep": lambda firm, who: firm.roles.assign(caller(who), Assignment(USER1, "magistrate.pep", None, None)),
    "give admin": lambda firm, who: firm.roles.assign(caller(who), Assignment(USER1, "magistrate.admin", T1, None)),
    "give auditor": lambda firm, who: firm.roles.assign(
        caller(who), Assignment(USER1, "magistrate.auditor", None, None)
    ),
}  # fmt: skip
ALLOWED: dict[str, set[str]] = {
    "get": {"root", "chief", "reader", "author"},
    "list": {"root", "reader", "author"},
    "list assignments": {"root", "reader", "author"},
    "list relations": {"root", "reader", "author"},
    "list relations of a document": {"root", "chief", "reader", "author"},
    "put": {"root", "chief"},
    "delete": {"root", "chief"},
    "relate": {"root", "chief"},
    "assign": {"root", "chief"},
    "assign globally": {"root"},
    "give pep": {"root"},
    "give admin": {"root", "chief"},
    "give auditor": set(),
}


@pytest.mark.parametrize("what", CALLS)
def test_a_call_is_allowed_to_whom_it_should_be_and_refused_to_everyone_else(firm: Firm, what: str) -> None:
    for who in ("stranger", "pep", "auditor", "author", "reader", "chief", "root"):
        if what == "delete" and who == "root":
            firm.writes.put(caller("root"), DOC1, {"tenant": "t1"}, None)  # the chief has deleted it
        before = len(firm.records)
        if who in ALLOWED[what]:
            CALLS[what](firm, who)
            assert {record.kind for record in firm.records[before:]} == {RecordKind.DECISION}, who
        else:
            with pytest.raises(PermissionDenied):
                CALLS[what](firm, who)
            (record,) = firm.records[before:]
            assert record.kind is RecordKind.REFUSAL
            assert record.caller == Ref("User", who)


FOREIGN: dict[str, Call] = {
    "get": lambda firm, who: firm.reads.get(caller(who), DOC2),
    "get what is not there": lambda firm, who: firm.reads.get(caller(who), Ref("Doc", "nowhere")),
    "get what has no tenant": lambda firm, who: firm.reads.get(caller(who), Ref("Note", "n1")),
    "list another's": lambda firm, who: firm.reads.page(caller(who), "Doc", tenant=T2, limit=10, after=None),
    "list everybody's": lambda firm, who: firm.reads.page(caller(who), "Doc", tenant=None, limit=10, after=None),
    "roles of another's": lambda firm, who: firm.reads.assignments(
        caller(who), subject=USER2, place=None, limit=10, after=None
    ),
    "roles at another": lambda firm, who: firm.reads.assignments(
        caller(who), subject=None, place=T2, limit=10, after=None
    ),
    "relations of another's": lambda firm, who: firm.reads.relations(
        caller(who), resource=DOC2, limit=10, after=None
    ),
    "relations to another's": lambda firm, who: firm.reads.relations(
        caller(who), resource=DOC1, subject=USER2, limit=10, after=None
    ),
    "put": lambda firm, who: firm.writes.put(caller(who), Ref("Doc", "new"), {"tenant": "t2"}, None),
    "put without": lambda firm, who: firm.writes.put(caller(who), Ref("Note", "n2"), {}, None),
    "take over": lambda firm, who: firm.writes.put(caller(who), DOC2, {"tenant": "t1"}, None),
    "give away": lambda firm, who: firm.writes.put(caller(who), DOC1, {"tenant": "t2"}, None),
    "move in": lambda firm, who: firm.writes.put(
        caller(who), USER1, {"tenant": "t1"}, [{"type": "Team", "id": "team-t2"}]
    ),
    "make a tenant": lambda firm, who: firm.writes.put(caller(who), Ref("Tenant", "t3"), {}, None),
    "delete": lambda firm, who: firm.writes.delete(caller(who), DOC2),
    "delete what is not there": lambda firm, who: firm.writes.delete(caller(who), Ref("Doc", "nowhere")),
    "assign there": lambda firm, who: firm.writes.assign(caller(who), USER1, "firm.editor", T2, expires_at=None),
    "assign to another's": lambda firm, who: firm.writes.assign(caller(who), USER2, "firm.editor", T1, expires_at=None),
    "assign to a robot": lambda firm, who: firm.writes.assign(
        caller(who), Ref("Robot", "r"), "firm.editor", T1, expires_at=None
    ),
    "relate to another's": lambda firm, who: firm.writes.write_relations(
        caller(who), [Link(DOC1, "firm.friend", USER2, None)], []
    ),
    "give admin there": lambda firm, who: firm.roles.assign(
        caller(who), Assignment(USER1, "magistrate.admin", T2, None)
    ),
    "give admin everywhere": lambda firm, who: firm.roles.assign(
        caller(who), Assignment(USER1, "magistrate.admin", None, None)
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", FOREIGN)
def test_the_admin_of_a_tenant_touches_only_its_entities(firm: Firm, what: str) -> None:
    with pytest.raises(PermissionDenied) as refused:
        FOREIGN[what](firm, "chief")
    assert str(refused.value).startswith("the caller may not `")
    assert all(name not in str(refused.value) for name in ("t2", "nowhere", "Doc", "doc"))


def test_what_is_not_there_reads_like_what_is_another_tenants(firm: Firm) -> None:
    said = []
    for ref in (DOC2, Ref("Doc", "nowhere"), Ref("Ghost", "x")):
        with pytest.raises(PermissionDenied) as refused:
            firm.reads.get(caller("chief"), ref)
        said.append(str(refused.value))
    assert len(set(said)) == 1


def test_a_list_of_a_tenant_holds_its_entities_alone(firm: Firm) -> None:
    page = firm.reads.page(caller("chief"), "Doc", tenant=T1, limit=10, after=None)
    assert [form["id"] for form in page.forms] == ["doc-t1"]
    assert page.next_after is None


def test_nobody_moves_into_a_team_whose_role_of_the_module_he_may_not_give(firm: Firm) -> None:
    given: Json = [{"type": "Team", "id": "auditors"}]
    with pytest.raises(PermissionDenied) as refused:
        firm.writes.put(caller("root"), USER1, {"tenant": "t1"}, given)
    assert refused.value.permission == "role.assign"
    inner: Json = [{"type": "Team", "id": "inner"}]
    firm.writes.put(caller("chief"), USER1, {"tenant": "t1"}, inner)  # the chief is admin of t1, so he may make another
    with pytest.raises(PermissionDenied):
        firm.writes.put(caller("author"), USER2, {"tenant": "t2"}, inner)


def test_nobody_locks_out_whose_role_of_the_module_he_does_not_hold(firm: Firm) -> None:
    with pytest.raises(PermissionDenied) as refused:
        firm.writes.delete(caller("root"), Ref("Team", "auditors"))
    assert refused.value.permission == "role.assign"
    with pytest.raises(PermissionDenied):
        firm.roles.unassign(caller("root"), Assignment(Ref("User", "auditor"), "magistrate.auditor", None, None))


def test_an_admin_cannot_make_himself_auditor(firm: Firm) -> None:
    with pytest.raises(PermissionDenied):
        firm.roles.assign(caller("root"), Assignment(Ref("User", "root"), "magistrate.auditor", None, None))


def test_a_caller_that_may_nothing_learns_nothing_of_the_policies(firm: Firm) -> None:
    for ref in (DOC1, Ref("Nothing", "x")):
        with pytest.raises(PermissionDenied):
            firm.writes.put(caller("stranger"), ref, {"wrong": 1}, None)


def test_what_may_be_written_is_still_held_to_the_policies(firm: Firm) -> None:
    with pytest.raises(DataError, match="did you mean `level`"):
        firm.writes.put(caller("root"), DOC1, {"levle": 1}, None)
    with pytest.raises(NotFound):
        firm.reads.get(caller("root"), Ref("Doc", "nowhere"))
    with pytest.raises(NotFound):
        firm.writes.delete(caller("root"), Ref("Doc", "nowhere"))


def test_what_cannot_be_recorded_is_not_done(firm: Firm) -> None:
    firm.recorder.is_refusing = True
    with pytest.raises(AuditUnavailable):
        firm.writes.put(caller("root"), DOC1, {"tenant": "t1", "level": 9}, None)
    firm.recorder.is_refusing = False
    form, _ = firm.reads.get(caller("root"), DOC1)
    assert form["attributes"] == {"tenant": {"type": "Tenant", "id": "t1"}, "level": 1}


def test_the_record_says_who_did_what_by_which_role(firm: Firm) -> None:
    firm.roles.assign(caller("chief"), Assignment(USER1, "magistrate.reader", T1, NOW + 1))
    record = firm.records[-1]
    assert (record.caller, record.action, record.resource, record.tenant) == (
        Ref("User", "chief"), "magistrate.role.assign", USER1, T1,
    )  # fmt: skip
    assert record.rules == ("magistrate.admin",)
    assert record.inputs == {
        "change": "assign",
        "scope": "Tenant:t1",
        "role": "magistrate.reader",
        "expires_at": "2027-01-15T08:00:00.001Z",
    }


DETAILS: dict[str, tuple[Call, dict[str, Json]]] = {
    "put": (
        lambda firm, who: firm.writes.put(caller(who), Ref("Team", "new"), {"tenant": "t1"}, ["team-t1"]),
        {"change": "put", "parents": ["Team:team-t1"], "attributes": ["tenant"]},
    ),
    "put without a secret": (
        lambda firm, who: firm.writes.put(caller(who), USER1, {"tenant": "t1", "secret": "mark"}, None),
        {"change": "put", "parents": [], "attributes": ["secret", "tenant"]},
    ),
    "delete": (lambda firm, who: firm.writes.delete(caller(who), DOC1), {"change": "delete"}),
    "assign": (
        lambda firm, who: firm.writes.assign(caller(who), USER1, "firm.editor", T1, expires_at="2030-01-01T00:00:00Z"),
        {"change": "assign", "role": "firm.editor", "scope": "Tenant:t1", "expires_at": "2030-01-01T00:00:00Z"},
    ),
    "relate": (
        lambda firm, who: firm.writes.write_relations(caller(who), [Link(DOC1, "firm.friend", USER1, NOW)], []),
        {"change": "relations", "relate": ["User:member-t1 firm.friend Doc:doc-t1 until 2027-01-15T08:00:00Z"]},
    ),
}


@pytest.mark.parametrize("change", DETAILS)
def test_the_record_says_what_was_changed_and_no_value(firm: Firm, change: str) -> None:
    act, details = DETAILS[change]
    firm.records.clear()
    act(firm, "root")
    told = [record.inputs for record in firm.records if record.inputs["change"] != "children"]
    assert told
    assert all(inputs == details for inputs in told)
    assert "mark" not in repr(firm.records)


def test_rows_of_relations_that_are_taken_are_told_from_those_that_are_given(firm: Firm) -> None:
    firm.writes.write_relations(caller("root"), [Link(DOC1, "firm.friend", USER1, None)], [])
    firm.records.clear()
    firm.writes.write_relations(
        caller("root"), [Link(DOC1, "firm.friend", USER2, None)], [Link(DOC1, "firm.friend", USER1, None)]
    )
    assert [record.inputs for record in firm.records] == 2 * [
        {
            "change": "relations",
            "relate": ["User:member-t2 firm.friend Doc:doc-t1"],
            "unrelate": ["User:member-t1 firm.friend Doc:doc-t1"],
        }
    ]


def test_pages_go_on_where_they_ended(firm: Firm) -> None:
    ids, after = [], None
    for _ in range(10):
        page = firm.reads.page(caller("root"), "Team", tenant=None, limit=2, after=after)
        ids += [form["id"] for form in page.forms]
        if (after := page.next_after) is None:
            break
    assert ids == ["admins1", "auditors", "inner", "team-t1", "team-t2"]


def test_pages_of_assignments_go_on_and_hold_the_modules_roles(firm: Firm) -> None:
    firm.writes.assign(caller("root"), USER1, "firm.editor", T1, expires_at="2030-01-01T00:00:00Z")
    found: list[Assignment] = []
    after: tuple[str, ...] | None = None
    while True:
        page = firm.reads.assignments(caller("root"), subject=None, place=None, limit=2, after=after)
        found += page.found
        if (after := page.next_after) is None:
            break
    assert len(found) == 12
    assert Assignment(Ref("User", "root"), "magistrate.admin", None, None) in found
    own = firm.reads.assignments(caller("chief"), subject=USER1, place=None, limit=10, after=None).found
    assert [held.role for held in own] == ["firm.editor"]


def test_a_write_stops_where_the_entity_has_changed(firm: Firm) -> None:
    _, seen = firm.reads.get(caller("root"), DOC1)
    firm.writes.put(caller("root"), DOC2, {"tenant": "t2"}, None)  # another's change does not matter
    changed = firm.writes.put(caller("root"), DOC1, {"tenant": "t1", "level": 2}, None, if_revision=seen)
    with pytest.raises(EntityChanged):
        firm.writes.put(caller("root"), DOC1, {"tenant": "t1", "level": 3}, None, if_revision=seen)
    with pytest.raises(EntityChanged):
        firm.writes.delete(caller("root"), DOC1, if_revision=seen)
    assert firm.reads.get(caller("root"), DOC1)[1] == changed
    firm.writes.delete(caller("root"), DOC1, if_revision=changed)


@pytest.mark.parametrize("revision", ["", "x", "other.1", "{epoch}.999999", "{epoch}.-1", "{epoch}.1e3"])
def test_a_revision_that_nobody_gave_is_never_unchanged(firm: Firm, revision: str) -> None:
    _, seen = firm.reads.get(caller("root"), DOC1)
    given = revision.format(epoch=seen.rpartition(".")[0]) or "."
    with pytest.raises(EntityChanged):
        firm.writes.put(caller("root"), DOC1, {"tenant": "t1"}, None, if_revision=given)


def test_roles_and_relations_are_conditional_too(firm: Firm) -> None:
    seen = firm.writes.assign(caller("root"), USER1, "firm.editor", T1, expires_at=None)
    firm.writes.unassign(caller("root"), USER1, "firm.editor", T1, if_revision=seen)
    with pytest.raises(EntityChanged):
        firm.writes.assign(caller("root"), USER1, "firm.editor", T1, expires_at=None, if_revision=seen)
    with pytest.raises(EntityChanged):
        firm.roles.assign(caller("root"), Assignment(USER1, "magistrate.pep", None, None), if_revision=seen)
    link = Link(DOC1, "firm.friend", USER1, None)
    made = firm.writes.write_relations(caller("root"), [link], [])
    firm.writes.write_relations(caller("root"), [], [link], if_revision=made)
    with pytest.raises(EntityChanged):
        firm.writes.write_relations(caller("root"), [link], [], if_revision=made)


def test_of_many_that_have_seen_the_same_one_writes(firm: Firm) -> None:
    _, seen = firm.reads.get(caller("root"), DOC1)
    start = threading.Barrier(6)

    def write(level: int) -> MagistrateError | int:
        start.wait()
        try:
            firm.writes.put(caller("root"), DOC1, {"tenant": "t1", "level": level}, None, if_revision=seen)
        except EntityChanged as error:
            return error
        return level

    with ThreadPoolExecutor(6) as threads:
        outcomes = list(threads.map(write, range(10, 16)))
    (winner,) = (outcome for outcome in outcomes if isinstance(outcome, int))
    form, _ = firm.reads.get(caller("root"), DOC1)
    assert form["attributes"] == {"tenant": {"type": "Tenant", "id": "t1"}, "level": winner}


def test_relations_are_written_all_or_none(firm: Firm) -> None:
    with pytest.raises(DataError):
        firm.writes.write_relations(
            caller("root"), [Link(DOC1, "firm.friend", USER1, None)], [Link(DOC2, "firm.friend", USER1, None)]
        )
    with firm.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM relation_link").scalar() == 0
