"""Who gets the id of an entity that was deleted inherits nothing of it: no role, no relation, no place, no team."""

from collections.abc import Callable

import pytest

from policy_lang.facts import Assignment, Link
from policy_lang.values import Ref
from service.authn.api_keys.api_key import ApiKey, Mac
from service.authn.api_keys.store import ApiKeyStore
from service.authn.sessions.session import Purpose, Session
from service.authn.sessions.store import SessionStore
from service.db.engine import Database
from service.db.feed import API_KEY, SESSION, Change, assignment_change, entity_change, relation_change
from service.db.feed_reading import changes_after, poll
from service.entities.batch import Delete
from service.entities.store import EntityStore
from service.errors import DataError
from service.model import Scopes
from tests.service.entities.firm import NOW, Firm, build_firm, caller

T1, DOC, USER, TEAM = Ref("Tenant", "t9"), Ref("Doc", "plan"), Ref("User", "alice"), Ref("Team", "crew")
BOB, OTHER = Ref("User", "bob"), Ref("User", "carol")
ROOT = caller("root")


@pytest.fixture
def firm(database: Database) -> Firm:
    """The firm, in which alice, her team, a tenant and a document have all that an entity can have."""
    built = build_firm(database)
    writes = built.writes
    writes.put(ROOT, T1, {}, None)
    writes.put(ROOT, TEAM, {"tenant": "t1"}, ["inner"])
    writes.put(ROOT, DOC, {"tenant": "t1"}, None)
    writes.put(ROOT, USER, {"tenant": "t1", "secret": "hers"}, None)
    writes.put(ROOT, BOB, {"tenant": "t1"}, None)
    for subject in (USER, TEAM):
        writes.assign(ROOT, subject, "firm.everywhere", None, expires_at=None)
        writes.assign(ROOT, subject, "firm.editor", T1, expires_at=None)
        writes.write_relations(ROOT, [Link(DOC, "firm.friend", subject, None)], [])
    built.roles.assign(ROOT, Assignment(USER, "magistrate.pep", None, None))
    return built


PUT: dict[Ref, Callable[[Firm], object]] = {
    USER: lambda firm: firm.writes.put(ROOT, USER, {"tenant": "t2"}, None),
    TEAM: lambda firm: firm.writes.put(ROOT, TEAM, {"tenant": "t2"}, None),
    DOC: lambda firm: firm.writes.put(ROOT, DOC, {"tenant": "t2"}, None),
    T1: lambda firm: firm.writes.put(ROOT, T1, {}, None),
}
TIED = {
    USER: [assignment_change(USER), relation_change(DOC, "firm.friend")],
    TEAM: [assignment_change(TEAM), relation_change(DOC, "firm.friend")],
    DOC: [relation_change(DOC, "firm.friend")],
    T1: [assignment_change(TEAM), assignment_change(USER)],
}
"""What a delete must tell the caches, beside the entity itself."""


@pytest.mark.parametrize("gone", PUT, ids=str)
def test_an_id_that_is_given_anew_inherits_nothing(firm: Firm, gone: Ref) -> None:
    firm.writes.delete(ROOT, gone)
    PUT[gone](firm)
    with EntityStore(firm.database).snapshot(firm.schema) as snapshot:
        assert snapshot.rows([gone])[gone].parents == ()
        assert snapshot.assignments([gone]) == []
        assert snapshot.assignments_at([gone]) == []
        ties = snapshot.links([(DOC, "firm.friend")], None)
        assert [link for link in ties if gone in (link.resource, link.subject)] == []


@pytest.mark.parametrize("gone", PUT, ids=str)
def test_a_delete_tells_the_caches_of_all_that_went_with_it_in_one_revision(firm: Firm, gone: Ref) -> None:
    statement = changes_after(firm.database.dialect)
    with firm.database.reading() as reading:
        before = poll(reading, statement, 0).n
    firm.writes.delete(ROOT, gone)
    with firm.database.reading() as reading:
        after = poll(reading, statement, before)
    assert after.n == before + 1
    assert {(told.kind, told.key) for told in after.changes} == {
        tuple(each) for each in (entity_change(gone), *TIED[gone])
    }


def test_a_delete_that_is_refused_takes_nothing_away(firm: Firm) -> None:
    firm.writes.put(ROOT, BOB, {"tenant": "t1"}, ["crew"])
    with pytest.raises(DataError, match="is the parent of other entities"):
        firm.writes.delete(ROOT, TEAM)
    with EntityStore(firm.database).snapshot(firm.schema) as snapshot:
        assert len(snapshot.assignments([TEAM])) == 2
        assert len(snapshot.links([(DOC, "firm.friend")], [TEAM])) == 1


def _issue(database: Database, principal: Ref, name: str) -> None:
    """An API key that names it, one that it owns, and a session."""
    keys, sessions = ApiKeyStore(database), SessionStore(database)
    mac = Mac("p", b"m")
    for id_, named, owner in ((f"{name}-names", principal, BOB), (f"{name}-owns", OTHER, principal)):
        keys.add(
            ApiKey(id_, "ci", named, owner, Scopes(frozenset()), None, mac, created_at=NOW, created_by="User:root")
        )
    opened = Session(f"{name}-session", b"d", principal, Purpose.CALL, 1000, NOW, "User:root", NOW, NOW + 1000)
    sessions.add(opened)


DELETES: dict[str, Callable[[Firm], object]] = {
    "alone": lambda firm: firm.writes.delete(ROOT, USER),
    "in a batch": lambda firm: firm.batches.write(ROOT, [Delete(USER)]),
}


@pytest.mark.parametrize("how", DELETES)
def test_the_credentials_of_a_principal_end_with_it_in_the_same_revision_and_no_others(firm: Firm, how: str) -> None:
    _issue(firm.database, USER, "hers")
    _issue(firm.database, OTHER, "others")
    statement = changes_after(firm.database.dialect)
    with firm.database.reading() as reading:
        before = poll(reading, statement, 0).n
    DELETES[how](firm)
    with firm.database.reading() as reading:
        after = poll(reading, statement, before)
    assert after.n == before + 1
    ended = {tuple(each) for each in (Change(API_KEY, "hers-names"), Change(API_KEY, "hers-owns"))}
    assert ended | {(SESSION, "hers-session")} <= {(told.kind, told.key) for told in after.changes}
    keys, sessions = ApiKeyStore(firm.database), SessionStore(firm.database)
    assert {key.id: (key.revoked_at, key.revoked_by) for key in keys.page(None, 9)} == {
        "hers-names": (NOW, "User:root"),
        "hers-owns": (NOW, "User:root"),
        "others-names": (None, ""),
        "others-owns": (None, ""),
    }
    assert {each.id: each.revoked_at for each in sessions.page(None, None, 9)} == {
        "hers-session": NOW,
        "others-session": None,
    }
