"""What auditors ask is found by an index among many records, the newest first without sorting them.

`make bench-log` asks the same of ten million.
"""

from collections.abc import Mapping
from dataclasses import replace

from sqlalchemy import select, text

from benchmarks.generated_log import DAYS, OWNER, PAGE, START, fill, fill_without_bodies, questions, record_of
from benchmarks.log_plans import Plan, plan_of
from service.db.engine import Database
from service.db.log_partitions import DAY_MS, Partitions, first_id
from service.db.log_spans import SLACK_MS, UNBOUNDED, id_bounds
from service.db.log_tables import decision
from service.db.migration import migrate
from service.decisions.log import DecisionLog, page_query
from service.decisions.log_filter import LogFilter
from service.decisions.payload import decode_record, stored
from service.decisions.rows import CHILDREN, decision_row

ROWS = 200_000
EXPECTED = {
    "principal": {"decision_principals"},
    "caller": {"decision_callers"},
    "resource": {"decision_resources"},
    "resources by prefix": {"decision_resources"},
    "effect": {"decision_effects"},
    "rule": {"decision_rule_pkey", "decision_pkey"},
    "code": {"decision_codes"},
    "time": {"decision_pkey"},
    "tenant": {"decision_tenants"},
    "missing input": {"decision_missing_pkey", "decision_pkey"},
    "request": {"decision_requests"},
    "trace": {"decision_trace_ids"},
    "attribute": {"decision_attribute_pkey", "decision_pkey"},
    "principal and time": {"decision_principals"},
}
"""Question → the indexes that answer it."""
SORTS = {"resources by prefix": 1000, "request": 1, "trace": 10}
"""Question → how many records it may sort: all of a request or a trace, and of a prefix those of a case."""


def plans(database: Database, rows: int, after: str | None) -> Mapping[str, Plan]:
    """How a page of each question is read, behind that id or from the newest record on."""
    found = {}
    for name, wanted in questions(rows).items():
        with database.read() as connection:
            bounds = id_bounds(connection, wanted.since, wanted.until)
            found[name] = plan_of(connection, page_query(wanted, PAGE + 1, after, (OWNER,), bounds=bounds))
    return found


def test_pages_of_many_records_are_read_by_their_indexes(postgresql: Database, postgresql_url: str) -> None:
    # One test, so that one process makes them once.
    migrate(postgresql, "log")
    fill_without_bodies(postgresql_url, ROWS)
    first, later = plans(postgresql, ROWS, None), plans(postgresql, ROWS, record_of(ROWS // 3 * 2, ROWS).id)
    assert {name: set(plan.indexes) for name, plan in first.items()} == EXPECTED
    for name, plan in (*first.items(), *later.items()):
        assert not plan.read_whole, name
        assert plan.sorted_rows <= SORTS.get(name, 0), name


def test_what_is_generated_is_what_would_be_shipped_and_answers_the_questions(
    database: Database, database_url: str
) -> None:
    rows = 2000
    migrate(database, "log")
    fill(database_url, rows)
    wanted = [record_of(number, rows) for number in range(rows)]
    with database.read() as connection:
        found = connection.execute(select(decision).order_by(decision.c.id)).mappings().all()
        beside = {table: {tuple(row) for row in connection.execute(select(table))} for table in CHILDREN}
    assert [decode_record(row["body"]) for row in found] == wanted
    assert [dict(row) | {"body": ""} for row in found] == [
        decision_row(stored(record)) | {"body": ""} for record in wanted
    ]
    for table, rows_of in CHILDREN.items():
        columns = table.columns.keys()
        assert beside[table] == {
            tuple(row[name] for name in columns) for record in wanted for row in rows_of(stored(record))
        }
    log = DecisionLog(database)
    counts = {name: len(log.query(question, PAGE).records) for name, question in questions(rows).items()}
    few = {"effect": 40, "request": 1, "trace": 10, "time": PAGE, "principal and time": 13}
    assert counts == dict.fromkeys(EXPECTED, 20) | {"resources by prefix": PAGE} | few


def test_a_record_whose_clock_was_set_meanwhile_is_found_by_its_own_time(postgresql: Database) -> None:
    migrate(postgresql, "log")
    by_ids = [START, START + SLACK_MS, START + SLACK_MS + 1, START + DAY_MS]
    records = [replace(record_of(number, 10), id=first_id(moment), time=START) for number, moment in enumerate(by_ids)]
    with postgresql.write() as connection, Partitions().covering(connection, [record.id for record in records]):
        for record in records:
            connection.execute(decision.insert(), decision_row(stored(record)))
    log = DecisionLog(postgresql)
    assert log.query(LogFilter(since=START, until=START + 1), 10).records == tuple(records[::-1])
    with postgresql.read() as connection:
        assert id_bounds(connection, START, START + 1) == UNBOUNDED
        later = id_bounds(connection, START + 1, None)
    assert later == (first_id(START + 1 - SLACK_MS), None)


def test_records_of_one_hour_are_looked_for_in_the_partition_of_its_day(postgresql: Database) -> None:
    migrate(postgresql, "log")
    noon = START + DAY_MS // 2
    with postgresql.write() as connection:
        for day in range(DAYS):
            Partitions(DAY_MS).make(connection, START + day * DAY_MS)
    with postgresql.read() as connection:
        bounds = id_bounds(connection, noon, noon + 3_600_000)
        query = page_query(LogFilter(since=noon, until=noon + 3_600_000), PAGE, None, bounds=bounds)
        statement = query.compile(connection, compile_kwargs={"literal_binds": True})
        lines = connection.execute(text(f"EXPLAIN {statement}")).scalars().all()
    read = [line.partition(" on ")[2].split()[0] for line in lines if " on decision" in line]
    assert set(read) == {"decision_20270115t00"}
