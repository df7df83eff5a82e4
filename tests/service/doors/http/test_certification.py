"""The AuthZEN working group's certification scenario (Basic, Batch, Discovery), over rules and facts that it asks for.

Not held: the advisory test of 3.2.7, which takes a type from the part for all where an evaluation's own part lacks it;
the standard says that a part of an evaluation stands in place of the whole one.
"""

from collections.abc import Iterator

import pytest

from policy_lang.types import Json
from policy_lang.values import Ref
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.doors.http.paths import EVALUATION, EVALUATIONS, METADATA
from service.entities.store import EntityStore
from service.entities.writer import EntityWriter
from service.governance.governance import Governance
from service.model import Caller, Principal
from service.pdp import DecisionPoint
from service.policies.folder import activate
from tests.service.doors.http.serving import Door, Object
from tests.service.doors.receiving import Named
from tests.service.point import NOW, KeptRecords, OnePolicy

POLICY = """
module records

principal type user { role: string? from request }
type record { status: string? from request }

context { soft: bool? }

actions record { read, write, delete }

role editor {}

rule reading:   allow read on record to anyone
rule editing:   allow write on record to role editor unless (resource.status ?? "active") == "archived"
rule restoring: allow write on record to user
  when (principal.role ?? "none") == "admin" and (resource.status ?? "active") == "archived"
rule binning:   allow delete on record to role editor when context.soft ?? false
"""
ALICE: Object = {"type": "user", "id": "alice"}
BOB: Object = {"type": "user", "id": "bob"}
READ: Object = {"name": "read"}
WRITE: Object = {"name": "write"}
RECORD: Object = {"type": "record", "id": "record-1"}
OTHER: Object = {"type": "record", "id": "record-2"}
ACTIVE: Object = {**RECORD, "properties": {"status": "active"}}
ARCHIVED: Object = {**OTHER, "properties": {"status": "archived"}}
ADMIN: Object = {**BOB, "properties": {"role": "admin"}}
TIME: Object = {"time": "2025-06-27T18:03-07:00"}


@pytest.fixture(scope="module")
def pdp(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    """A door over the scenario's fixture, asked by a developer."""
    policies, recorder = activate({"records.policy": POLICY}), KeptRecords()
    database = open_database(f"sqlite:///{tmp_path_factory.mktemp('records') / 'facts.db'}")
    ensure_current(database, "facts")
    writer = EntityWriter(database, policies.bundle.program.schema)
    for ref in (Ref("user", "alice"), Ref("user", "bob"), Ref("record", "record-1"), Ref("record", "record-2")):
        writer.put(ref, {})
    writer.assign({"type": "user", "id": "alice"}, "records.editor")
    known = Named(lambda _: Caller(Principal(Ref("user", "harness"), {}), "dev"))
    point = DecisionPoint(
        authenticator=known, governance=Governance(["dev"]), policies=OnePolicy(policies),
        facts=EntityStore(database), recorder=recorder, clock=lambda: NOW,
    )  # fmt: skip
    with Door(point, recorder, OnePolicy(policies), authenticator=known).opened() as door:
        yield door
    database.close()


def asks(subject: Object, action: Object, resource: Object, **more: Json) -> Object:
    """An evaluation."""
    return {"subject": subject, "action": action, "resource": resource, **more}


@pytest.mark.parametrize(
    ("message", "decision"),
    [
        pytest.param(asks(ALICE, READ, RECORD), True, id="2.2.1 permit"),
        pytest.param(asks(ALICE, WRITE, RECORD), True, id="1.4 rule 2"),
        pytest.param(asks(BOB, READ, RECORD), True, id="1.4 rule 3"),
        pytest.param(asks(BOB, WRITE, RECORD), False, id="2.2.2 deny"),
        pytest.param(asks(ALICE, READ, RECORD, context={**TIME, "ip": "192.168.1.1"}), True, id="2.2.3 context"),
        pytest.param(asks(ALICE, WRITE, ARCHIVED), False, id="2.2.4 a property of the resource"),
        pytest.param(asks(ADMIN, WRITE, ARCHIVED), True, id="2.2.5 a property of the subject"),
        pytest.param(
            asks(ALICE, {"name": "delete", "properties": {"soft": True}}, RECORD), True,
            id="2.2.6 a property of the action permits",
        ),
        pytest.param(
            asks(ALICE, {"name": "delete", "properties": {"soft": False}}, RECORD), False,
            id="2.2.7 a property of the action denies",
        ),
        pytest.param(
            asks(
                {**ALICE, "properties": {"department": "Sales", "role": "manager"}},
                {**READ, "properties": {"method": "GET"}},
                {**RECORD, "properties": {"status": "active", "owner": "bob"}},
            ),
            True, id="2.2.8 more properties",
        ),
        pytest.param(asks(ALICE, READ, RECORD, foo="bar", futureField={"nested": True}), True, id="2.2.9 more fields"),
    ],
)  # fmt: skip
def test_basic(pdp: Door, message: Object, decision: bool) -> None:
    answers = [pdp.post(message, path) for path in (EVALUATION, EVALUATION, EVALUATIONS)]

    assert [(answer.status_code, answer.json()["decision"]) for answer in answers] == [(200, decision)] * 3


@pytest.mark.parametrize(
    ("message", "decisions"),
    [
        pytest.param(
            {"subject": ALICE, "action": READ, "evaluations": [{"resource": RECORD}, {"resource": OTHER}]},
            [True, True], id="3.2.1 an array",
        ),
        pytest.param(
            {"subject": BOB, "resource": RECORD, "evaluations": [{"action": READ}, {"action": WRITE}]},
            [True, False], id="3.2.2 in their order",
        ),
        pytest.param(
            {"subject": ALICE, "action": WRITE, "evaluations": [{"resource": ACTIVE}, {"resource": ARCHIVED}]},
            [True, False], id="3.2.3 properties of resources",
        ),
        pytest.param(
            {"action": WRITE, "resource": ARCHIVED, "evaluations": [{"subject": ALICE}, {"subject": ADMIN}]},
            [False, True], id="3.2.4 properties of subjects",
        ),
        pytest.param(
            {"evaluations": [asks(ALICE, READ, RECORD), asks(BOB, WRITE, RECORD)]},
            [True, False], id="3.2.5 without anything for all",
        ),
        pytest.param(
            {
                "subject": ALICE, "action": READ, "context": TIME,
                "evaluations": [{"resource": RECORD}, {"resource": OTHER, "context": {**TIME, "source": "own"}}],
            },
            [True, True], id="3.2.6 a context for all",
        ),
        pytest.param(
            {"subject": ALICE, "action": READ, "evaluations": [{"resource": RECORD}, {}]},
            [True, False], id="3.4.1 one that is wrong",
        ),
    ],
)  # fmt: skip
def test_batch(pdp: Door, message: Object, decisions: list[bool]) -> None:
    answer = pdp.post(message, EVALUATIONS)

    assert answer.status_code == 200
    assert [each["decision"] for each in answer.json()["evaluations"]] == decisions
    assert "decision" not in answer.json()


def test_discovery(pdp: Door) -> None:
    answer = pdp.client.get(METADATA)

    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    assert answer.json()["access_evaluation_endpoint"] == f"{pdp.url}{EVALUATION}"
    assert answer.json()["policy_decision_point"] == pdp.url
    assert not {"search_subject_endpoint", "search_resource_endpoint", "search_action_endpoint"} & answer.json().keys()
