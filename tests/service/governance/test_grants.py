"""Grants are kept beside the roles of the policies, and nothing but the module writes or shows them."""

import io

import pytest

from policy_lang.facts import Assignment
from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.migration import migrate
from service.entities.exporter import Exporter
from service.entities.importer import Importer
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from service.errors import DataError
from service.governance.governance import Governance
from service.governance.grants import Grants
from service.model import Caller, Principal
from service.permits import Action, Held, Permits
from tests.contracts.documents import SCHEMA

NOW = 1_800_000_000_000
ALICE, LEGAL, FIRM = Ref("User", "alice"), Ref("Team", "legal"), Ref("Team", "firm")
GATEWAY = Ref("Service", "gateway")


@pytest.fixture
def facts(database: Database) -> Database:
    migrate(database, "facts")
    return database


@pytest.fixture
def grants(facts: Database) -> Grants:
    return Grants(facts)


def permits(facts: Database, who: Ref, *roles: Assignment, issuer: str = "idp", schema: Schema = SCHEMA) -> Permits:
    caller = Caller(Principal(who, {}, roles), issuer)
    with EntityStore(facts).snapshot(schema) as snapshot:
        return Governance(["dev"]).permits(caller, schema, snapshot, NOW)


def test_what_is_given_is_held_until_it_is_taken(facts: Database, grants: Grants) -> None:
    grants.give(GATEWAY, "pep", None)
    grants.give(GATEWAY, "check_as:User", Ref("Tenant", "t1"), NOW + 1)
    assert grants.all() == [
        Assignment(GATEWAY, "check_as:User", Ref("Tenant", "t1"), NOW + 1),
        Assignment(GATEWAY, "pep", None, None),
    ]
    assert permits(facts, GATEWAY).everywhere.may(Action.CHECK_FOR)
    grants.take(GATEWAY, "pep", None)
    assert not permits(facts, GATEWAY).everywhere.may(Action.CHECK_FOR)
    with pytest.raises(DataError, match="`Service:gateway` does not hold `pep`"):
        grants.take(GATEWAY, "pep", None)


def test_every_write_raises_the_revision_and_names_the_subject(facts: Database, grants: Grants) -> None:
    first, second = grants.give(ALICE, "reader", None), grants.take(ALICE, "reader", None)
    assert int(second.split(".")[1]) == int(first.split(".")[1]) + 1


def test_a_caller_holds_what_its_ancestors_hold(facts: Database, grants: Grants) -> None:
    writer = EntityWriter(facts, SCHEMA)
    writer.put(FIRM, {})
    writer.put(LEGAL, {}, ["firm"])
    writer.put(ALICE, {}, ["legal"])
    grants.give(FIRM, "reader", None)
    assert permits(facts, ALICE).everywhere.may(Action.ENTITY_READ)
    assert permits(facts, Ref("User", "bob")).somewhere == Held()


def test_a_grant_to_a_type_is_held_by_all_of_it(facts: Database, grants: Grants) -> None:
    grants.give(Ref("User", "*"), "check", None)
    assert permits(facts, Ref("User", "anyone")).everywhere.may(Action.CHECK)
    assert permits(facts, GATEWAY).somewhere == Held()


def test_without_a_bundle_a_caller_holds_what_it_is_given_itself(facts: Database, grants: Grants) -> None:
    grants.give(ALICE, "admin", None)
    assert permits(facts, ALICE, schema=Schema({}, {}, {}, {}, {})).everywhere.may(Action.POLICY_PUSH)


def test_the_callers_of_a_dev_issuer_hold_everything(facts: Database) -> None:
    held = permits(facts, ALICE, issuer="dev").everywhere
    assert all(held.may(action) for action in Action)
    assert held.may_check_as("User")


def test_roles_of_verified_claims_count_like_stored_ones(facts: Database) -> None:
    claimed = Assignment(ALICE, "magistrate.auditor", Ref("Tenant", "t1"), None)
    assert permits(facts, ALICE, claimed).at(Ref("Tenant", "t1")).may(Action.LOG_READ)


def test_no_import_gives_a_role_of_the_module(facts: Database) -> None:
    EntityWriter(facts, SCHEMA).put(ALICE, {})
    line = b'{"kind": "assignment", "principal": {"type": "User", "id": "alice"}, "role": "magistrate.admin"}'
    with pytest.raises(DataError, match=r"`magistrate\.admin` is a role of this service"):
        Importer(facts, SCHEMA).run(io.BytesIO(line))


def test_an_export_shows_no_role_of_the_module(facts: Database, grants: Grants) -> None:
    EntityWriter(facts, SCHEMA).put(ALICE, {})
    grants.give(ALICE, "admin", None)
    left_out: list[str] = []
    exporter = Exporter(facts, SCHEMA)
    assert [form["kind"] for form in exporter.lines(left_out.append)] == ["principal"]
    assert [form["kind"] for form in exporter.about(ALICE, left_out.append)] == ["principal"]
    assert left_out == []


@pytest.mark.parametrize("id_", ["", "x" * 257, "a\nb"])
def test_a_principal_that_cannot_be_is_refused(grants: Grants, id_: str) -> None:
    with pytest.raises(DataError, match="`principal`"):
        grants.give(Ref("User", id_), "pep", None)
