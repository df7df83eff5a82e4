"""The law, line by line, as data: by the interpreter, by the compiler, and by the service over its database."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import orjson
import pytest

from policy_lang.diagnostics import PolicyError
from policy_lang.facts import Facts
from policy_lang.fixture_source import FixtureSource
from policy_lang.gather import gather
from policy_lang.typed import EntityFixture
from policy_lang.values import Ref
from service.db.engine import Database
from service.db.migration import ensure_current
from service.db.opening import open_database
from service.entities.decoding import Decoder
from service.entities.store import EntityStore
from service.errors import InvalidRequest
from service.governance.governance import Governance
from service.model import Answer, Caller, Principal
from service.pdp import DecisionPoint
from service.questions import question_of
from tests.cases.expected import came_out, must_come_out
from tests.cases.law_case import LawCase, cases, loaded
from tests.service.point import KeptRecords, OnePolicy

CASES = cases()
REFUSED = [case for case in CASES if "refused" in case.said]
ERRORS = [case for case in CASES if "error" in case.said]
DECIDED = [case for case in CASES if "is" in case.said or "decision" in case.said]


def by_name(case: LawCase) -> str:
    return case.name


def facts_of(case: LawCase) -> Facts:
    """What is known, read by the store's own reader from what a store would hold."""
    policies = case.policies
    schema = policies.bundle.program.schema
    decoder = Decoder(schema)
    entities = [
        EntityFixture(ref, decoder.cells(ref.type, orjson.dumps(attributes).decode()), parents)
        for ref, attributes, parents in case.rows(schema)
    ]
    source = FixtureSource(entities, case.assignments(), case.links())
    question = question_of(case.request(), principal=case.principal, schema=schema, now=case.now)
    return gather([question], policies.compiled, source)[0]


class CaseTokens:
    """Whoever asks is the developer; the one token there is names the principal of the case."""

    def __init__(self, case: LawCase) -> None:
        self._case = case

    def caller(self, token: str, now: int) -> Caller:
        """The developer, who may ask about everyone and say everything."""
        return Caller(Principal(Ref("User", "developer"), {}), "dev")

    def principal(self, token: str, now: int) -> Principal:
        """The bearer of the token."""
        return self._case.principal


@dataclass(frozen=True)
class Store:
    """An embedded database with the tables of the facts, and its file."""

    path: Path
    database: Database


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """The database that every case fills anew."""
    path = tmp_path_factory.mktemp("law") / "facts.db"
    database = open_database(f"sqlite:///{path}")
    ensure_current(database, "facts")
    yield Store(path, database)
    database.close()


def point(case: LawCase, store: Store, recorder: KeptRecords) -> DecisionPoint:
    """The decision point over the rows of the case, which are laid down past the writer: it would refuse dirty ones."""
    schema = case.policies.bundle.program.schema
    with sqlite3.connect(store.path) as rows:
        for table in ("entity", "entity_parent", "role_assignment", "relation_link"):
            rows.execute(f"DELETE FROM {table}")
        for ref, attributes, parents in case.rows(schema):
            rows.execute("INSERT INTO entity VALUES (?, ?, ?)", (*ref, orjson.dumps(attributes).decode()))
            rows.executemany("INSERT INTO entity_parent VALUES (?, ?, ?, ?)", [(*ref, *each) for each in parents])
        for held in case.assignments():
            place = ("", "") if held.place is None else held.place
            rows.execute("INSERT INTO role_assignment VALUES (?,?,?,?,?,?)",
                         (*held.subject, held.role, *place, held.expires_at))  # fmt: skip
        for link in case.links():
            rows.execute("INSERT INTO relation_link VALUES (?,?,?,?,?,?)",
                         (*link.resource, link.relation, *link.subject, link.expires_at))  # fmt: skip
    rows.close()
    return DecisionPoint(
        authenticator=CaseTokens(case),
        governance=Governance(["dev"]),
        policies=OnePolicy(case.policies),
        facts=EntityStore(store.database),
        recorder=recorder,
        clock=lambda: case.now,
    )


@pytest.mark.parametrize("case", DECIDED, ids=by_name)
def test_the_interpreter_decides_by_the_law(case: LawCase) -> None:
    assert came_out(case.policies.interpreter.decide(facts_of(case)), case) == must_come_out(case)


@pytest.mark.parametrize("case", DECIDED, ids=by_name)
def test_the_compiler_decides_by_the_law(case: LawCase) -> None:
    assert came_out(case.policies.compiled.decide(facts_of(case)), case) == must_come_out(case)


@pytest.mark.parametrize("case", DECIDED, ids=by_name)
def test_the_service_decides_by_the_law_and_records_it(case: LawCase, store: Store) -> None:
    recorder = KeptRecords()
    (answer,) = point(case, store, recorder).check("any", case.request()).items
    assert isinstance(answer, Answer)
    assert came_out(answer.decision, case) == must_come_out(case)
    (record,) = recorder.records
    assert (record.effect, record.code, record.missing) == (
        answer.decision.effect,
        answer.decision.code,
        answer.decision.missing,
    )


@pytest.mark.parametrize("case", ERRORS, ids=by_name)
def test_a_question_that_is_none_is_an_error_and_no_decision(case: LawCase, store: Store) -> None:
    recorder = KeptRecords()
    (answer,) = point(case, store, recorder).check("any", case.request()).items
    assert isinstance(answer, InvalidRequest)
    assert [violation.field for violation in answer.violations] == case.said["error"]
    assert recorder.records == []


@pytest.mark.parametrize("case", REFUSED, ids=by_name)
def test_what_the_law_refuses_does_not_load(case: LawCase) -> None:
    with pytest.raises(PolicyError) as refused:
        loaded(case.text)
    assert [fault.code for fault in refused.value.diagnostics] == case.said["refused"]


def test_every_case_says_what_must_come_out_under_a_name_of_its_own() -> None:
    assert len(DECIDED) + len(ERRORS) + len(REFUSED) == len(CASES) == len({case.name for case in CASES})
