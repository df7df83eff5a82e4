"""The statements of decisions, lists and the feed reach their rows by an index at a million rows on PostgreSQL.

They are the statements that the service runs, taken at the driver, planned by its own settings after ANALYZE.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

import psycopg
import pytest
from sqlalchemy import Engine, event
from sqlalchemy.engine import URL

from policy_lang.values import Ref
from service.db.dialect import plan_by_values
from service.db.engine import Database
from service.db.facts_queries import FactQueries
from service.db.feed_reading import changes_after
from service.db.migration import migrate
from service.db.opening import open_database
from service.entities.filters import Comparison, Filter
from service.entities.readable import ReadableEntities
from service.entities.store import EntityStore
from service.entities.watching import Watching
from service.feed.revision import Revision
from service.governance.gate import Gate
from service.governance.governance import Governance
from service.model import Caller, Principal
from service.policies.folder import activate
from tests.service.entities.firm import NOW, POLICY
from tests.service.point import KeptRecords, OnePolicy

DOCUMENTS: Final = 1_000_000
FILLING: Final = (
    "DROP INDEX entity_attributes",
    # A tenant has one document of a thousand, a level one of ten.
    f"""INSERT INTO entity SELECT 'Doc', 'd' || lpad(n::text, 7, '0'),
        jsonb_build_object('tenant', 'Tenant:t' || n % 1000, 'level', n % 10) FROM generate_series(1, {DOCUMENTS}) n""",
    "INSERT INTO entity SELECT 'Team', 'g' || lpad(n::text, 5, '0'), '{}' FROM generate_series(1, 10000) n",
    "INSERT INTO entity SELECT 'User', 'u' || lpad(n::text, 6, '0'), '{}' FROM generate_series(1, 100000) n",
    """INSERT INTO entity_parent SELECT 'Team', 'g' || lpad(n::text, 5, '0'), 'Team', 'g' || lpad((n / 3)::text, 5, '0')
        FROM generate_series(3, 10000) n""",
    """INSERT INTO entity_parent SELECT 'User', 'u' || lpad(n::text, 6, '0'), 'Team',
        'g' || lpad((n % 9999 + 1)::text, 5, '0') FROM generate_series(1, 100000) n""",
    """INSERT INTO role_assignment SELECT 'User', 'u' || lpad(n::text, 6, '0'), 'firm.editor', 'Tenant', 't' || n % 1000
        FROM generate_series(1, 100000) n""",
    """INSERT INTO break_glass SELECT lpad(n::text, 6, '0'), 'User', 'u' || lpad(n::text, 6, '0'), 'firm.editor',
        'Tenant', 't' || n % 1000, n, 'why', 'User:u000001', n, nullif(n % 100, 0), NULL
        FROM generate_series(1, 10000) n""",
    """INSERT INTO relation_link SELECT 'Doc', 'd' || lpad((n * 10)::text, 7, '0'), 'firm.friend', 'User',
        'u' || lpad(n::text, 6, '0') FROM generate_series(1, 100000) n""",
    """INSERT INTO change SELECT n, 0, 1, 'entity', 'Doc:d' || n, n, '["Tenant:t1"]'
        FROM generate_series(1, 100000) n""",
    "UPDATE revision SET n = 100000",
    "CREATE INDEX entity_attributes ON entity USING gin (attributes jsonb_path_ops)",
    "ANALYZE",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Plan:
    """What a statement did: the indexes that it used, the tables it read whole, and how many rows it met."""

    indexes: frozenset[str]
    whole: frozenset[str]
    rows: int


@dataclass(frozen=True, slots=True)
class Filled:
    """The database, and those who read it."""

    database: Database
    reads: ReadableEntities
    watching: Watching

    def plan(self, statement: str, parameters: Mapping[str, object]) -> Plan:
        """How a statement is run as a read."""
        with self.database.read() as connection:
            plan_by_values(connection)
            driver = connection.connection.driver_connection
            assert isinstance(driver, psycopg.Connection)
            found = driver.execute(f"EXPLAIN (ANALYZE, FORMAT JSON, TIMING OFF) {statement}".encode(), parameters)
            ((answer,),) = found.fetchall()
        return _plan(list(_nodes(answer[0]["Plan"])))

    def plan_of(self, read: Callable[[], object]) -> Plan:
        """How the statements that a read runs on its way are run, taken together."""
        seen: list[tuple[str, Mapping[str, object]]] = []

        def note(_: object, __: object, statement: str, parameters: Mapping[str, object], *___: object) -> None:
            if statement.startswith("SELECT"):
                seen.append((statement, parameters))

        event.listen(Engine, "before_cursor_execute", note)
        try:
            read()
        finally:
            event.remove(Engine, "before_cursor_execute", note)
        plans = [self.plan(*each) for each in seen]
        assert plans
        return Plan(
            frozenset().union(*(each.indexes for each in plans)),
            frozenset().union(*(each.whole for each in plans)),
            sum(each.rows for each in plans),
        )


def _nodes(node: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    yield node
    for below in node.get("Plans", ()):
        yield from _nodes(below)


def _plan(nodes: Sequence[Mapping[str, Any]]) -> Plan:
    def met(node: Mapping[str, Any]) -> int:
        removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
        return int((node["Actual Rows"] + removed) * node["Actual Loops"])

    return Plan(
        frozenset(node["Index Name"] for node in nodes if "Index Name" in node),
        frozenset(node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"),
        sum(met(node) for node in nodes if "Relation Name" in node),
    )


@pytest.fixture(scope="module")
def filled(postgresql_server: URL) -> Iterator[Filled]:
    """A million documents, a hundred thousand users in ten thousand teams, roles, relations and changes."""
    name = "magistrate_plans"
    with psycopg.connect(_address(postgresql_server), autocommit=True) as server:
        server.execute(f'CREATE DATABASE "{name}"'.encode())
    url = postgresql_server.set(database=name)
    database = open_database(url.render_as_string(hide_password=False))
    migrate(database, "facts")
    with psycopg.connect(_address(url), autocommit=True) as filling:
        # The keys are made to fit together; what is written has no need to be looked up.
        filling.execute("SET session_replication_role = replica")
        for statement in FILLING:
            filling.execute(statement.encode())
    policies = OnePolicy(activate({"firm.policy": POLICY}))
    gate = Gate(
        governance=Governance(["dev"]),
        policies=policies,
        facts=EntityStore(database),
        recorder=KeptRecords(),
        clock=lambda: NOW,
    )
    yield Filled(database, ReadableEntities(database, policies, gate), Watching(database, gate))
    database.close()
    with psycopg.connect(_address(postgresql_server), autocommit=True) as server:
        server.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


def _address(url: URL) -> str:
    return url.set(drivername="postgresql").render_as_string(hide_password=False)


DEV: Final = Caller(Principal(Ref("User", "u000001"), {}), "dev")
REFS: Final = '[["Doc", "d0500000"], ["User", "u050000"]]'
ENDS: Final = '[["Doc", "d0500000", "firm.friend"]]'
T7: Final = Ref("Tenant", "t7")


def test_the_statements_of_decisions_reach_their_rows_by_key(filled: Filled) -> None:
    queries = FactQueries(filled.database)
    entity, parents = "entity_pkey", "entity_parent_pkey"
    expected = {
        "rows": (queries.rows.text, {"refs": REFS}, {entity, parents}),
        "ancestry": (queries.ancestry.text, {"refs": REFS}, {entity, parents}),
        "assignments": (queries.assignments.text, {"refs": REFS}, {"role_assignment_pkey", "break_glass_subjects"}),
        "assignments_at": (
            queries.assignments_at.text,
            {"refs": '[["Tenant", "t7"]]'},
            {"role_assignment_places", "break_glass_places"},
        ),
        "links": (queries.links.text, {"ends": ENDS}, {"relation_link_pkey"}),
        "links_to": (queries.links_to.text, {"ends": ENDS, "refs": REFS}, {"relation_link_pkey"}),
    }
    for name, (statement, parameters, indexes) in expected.items():
        plan = filled.plan(statement, parameters)
        assert (set(plan.indexes), set(plan.whole)) == (indexes, set()), name
        assert plan.rows <= 200, name


def test_the_feed_and_a_watch_read_what_is_new_and_nothing_else(filled: Filled) -> None:
    plan = filled.plan(changes_after(filled.database.dialect).text, {"after": 99_990})
    assert (set(plan.indexes), set(plan.whole)) == ({"change_pkey"}, {"revision"})
    assert plan.rows <= 100
    epoch = str(filled.watching.begin(DEV, None, "")).partition(".")[0]
    plan = filled.plan_of(lambda: filled.watching.step(Revision(epoch, 99_990), None))
    assert (set(plan.indexes), set(plan.whole)) == ({"change_pkey"}, {"revision"})
    assert plan.rows <= 100


LISTS: Final[dict[str, tuple[Ref | None, tuple[Filter, ...], set[str], int]]] = {
    "all": (None, (), {"entity_pkey"}, 1_000),
    "a tenant of a thousand": (T7, (), {"entity_attributes"}, 3_000),
    "a value of few": (
        None,
        (Filter("tenant", Comparison.EQUAL, {"type": "Tenant", "id": "t7"}),),
        {"entity_attributes"},
        3_000,
    ),
    "a value of many": (None, (Filter("level", Comparison.EQUAL, 3),), {"entity_pkey"}, 5_000),
    "more than a value": (None, (Filter("level", Comparison.GREATER, 7),), {"entity_pkey"}, 5_000),
    "few of many": (T7, (Filter("level", Comparison.EQUAL, 7),), {"entity_attributes"}, 4_000),
}


@pytest.mark.parametrize("which", LISTS)
def test_a_page_of_a_list_meets_few_rows_of_a_million(filled: Filled, which: str) -> None:
    tenant, filters, indexes, rows = LISTS[which]
    for after in (None, "d0900000"):
        page = partial(filled.reads.page, DEV, "Doc", tenant=tenant, filters=filters, limit=100, after=after)
        plan = filled.plan_of(page)
        assert plan.whole == set(), after
        assert indexes <= plan.indexes <= {*indexes, "entity_parent_pkey"}, after
        assert plan.rows <= rows, after


def test_pages_of_roles_and_relations_are_read_by_key(filled: Filled) -> None:
    user, document = Ref("User", "u050000"), Ref("Doc", "d0500000")
    reads: dict[str, Callable[[], object]] = {
        "all roles": lambda: filled.reads.assignments(DEV, subject=None, place=None, limit=100, after=None),
        "roles of a user": lambda: filled.reads.assignments(DEV, subject=user, place=None, limit=100, after=None),
        "roles at a tenant": lambda: filled.reads.assignments(DEV, subject=None, place=T7, limit=100, after=None),
        "all relations": lambda: filled.reads.relations(DEV, limit=100, after=None),
        "relations of a document": lambda: filled.reads.relations(DEV, resource=document, limit=100, after=None),
        "relations to a user": lambda: filled.reads.relations(DEV, subject=user, limit=100, after=None),
    }
    for name, read in reads.items():
        plan = filled.plan_of(read)
        assert plan.whole == set(), name
        assert plan.rows <= 1_000, name
