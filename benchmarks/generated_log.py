"""Fills a log with generated records, the same on each kind of database: on PostgreSQL the server makes them itself.

Law: a generated row is what the shipper would have written of the same record (tests/service/db/test_log_plans.py).
Of a hundred records each has what a question asks for once, at a place of its own (`questions`); the rest is spread
over 1,000 principals and 10,000 resources. All lie in thirty days, however many there are.
"""

from collections.abc import Mapping
from contextlib import closing
from typing import Final

import psycopg
from sqlalchemy import Connection, text

from policy_lang.decision import Effect, MissingInput
from policy_lang.values import Ref
from service.db.bulk import insert_rows
from service.db.log_partitions import DAY_MS, Partitions
from service.db.log_tables import decision
from service.db.opening import open_database
from service.decisions.log_filter import LogFilter
from service.decisions.payload import encode_record, stored
from service.decisions.rows import CHILDREN, decision_row
from service.identity import Evidence, EvidenceKind, Origin
from service.model import DecisionRecord, RecordKind

DAYS: Final = 30
START: Final = 1_799_971_200_000
"""Midnight of the 15th of January 2027."""
OWNER: Final = "resource.owner"
"""The attribute that the log is to be found by."""
POLICIES: Final = "5d41402abc4b2a76b9719d911017c5925d41402abc4b2a76b9719d911017c592"
PAGE: Final = 50


def questions(rows: int) -> Mapping[str, LogFilter]:
    """What auditors ask (docs/auditing.md), of a log with so many generated records."""
    middle = rows // 2
    day = START + DAYS // 2 * DAY_MS
    alice = Ref("User", "alice")
    return {
        "principal": LogFilter(principal=alice),
        "caller": LogFilter(caller=Ref("magistrate.Service", "batch")),
        "resource": LogFilter(resource=Ref("Document", "plan")),
        "resources by prefix": LogFilter(resource_type="Document", resource_prefix=f"case-{middle // 1000:05}/"),
        "effect": LogFilter(effect=Effect.DENY),
        "rule": LogFilter(rule="documents.auditors_read"),
        "code": LogFilter(code="STEP_UP"),
        "time": LogFilter(since=day, until=day + DAY_MS),
        "tenant": LogFilter(tenant=Ref("Tenant", "acme")),
        "missing input": LogFilter(missing="context.mfa"),
        "request": LogFilter(request_id=f"request-{middle}"),
        "trace": LogFilter(trace_id=f"{middle // 10:032x}"),
        "attribute": LogFilter(attributes={OWNER: "User:alice"}),
        "principal and time": LogFilter(principal=alice, since=START + 5 * DAY_MS, until=START + 25 * DAY_MS),
    }


def record_of(number: int, rows: int) -> DecisionRecord:
    """The record of that number, of so many."""
    place = number % 100
    moment = START + number * (DAYS * DAY_MS) // rows
    is_denied = number % 50 == 0
    return DecisionRecord(
        id=_id(moment, number),
        kind=RecordKind.DECISION,
        time=moment,
        request_id=f"request-{number}",
        caller=Ref("magistrate.Service", "batch" if place == 1 else f"service-{number % 5}"),
        principal=Ref("User", "alice" if place == 2 else f"user-{number * 7919 % 1000}"),
        action="read",
        resource=Ref("Document", _resource(number)),
        tenant=Ref("Tenant", "acme" if place == 4 else f"tenant-{number % 10}"),
        effect=Effect.DENY if is_denied else Effect.ALLOW,
        code=("STEP_UP" if place == 50 else "NO_MATCH") if is_denied else "ALLOWED",
        rules=() if is_denied else ("documents.auditors_read" if place == 6 else f"documents.rule_{number % 20}",),
        missing=(MissingInput("context.mfa", "not_given"),) if place == 50 else (),
        obligations=(),
        hide=False,
        shadow_effect=Effect.ALLOW,
        inputs={
            "principal.clearance": 2,
            OWNER: "User:alice" if place == 7 else f"User:user-{number * 13 % 1000}",
            "resource.state": "draft",
        },
        policy_digest=POLICIES,
        revision="7d1fe2a4.42",
        duration_us=118,
        tzdata="2026.6",
        origin=Origin("203.0.113.9", f"{number // 10:032x}"),
        caller_evidence=Evidence(EvidenceKind.API_KEY, "", "k-7"),
        principal_evidence=Evidence(EvidenceKind.ASSERTED),
        found_by=(OWNER,),
    )


def fill(url: str, rows: int) -> None:
    """Makes a log hold these records and no others, with indexes and statistics as they are after a while."""
    with closing(open_database(url)) as database, database.write() as connection:
        if database.is_embedded:
            _fill_embedded(connection, rows)
            connection.execute(text("ANALYZE"))
        else:
            _fill_server(connection, rows, _template())
    if not url.startswith("sqlite"):
        _vacuum(url, sampled=100)


def fill_without_bodies(url: str, rows: int) -> None:
    """The same on PostgreSQL, but that no record can be read, and statistics are of a tenth: in a third of the time."""
    with closing(open_database(url)) as database, database.write() as connection:
        _fill_server(connection, rows, "{}")
    _vacuum(url, sampled=10)


def _vacuum(url: str, *, sampled: int) -> None:
    """Does what the server does by itself in time, of each partition."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"SET default_statistics_target = {sampled}".encode())
        for (partition,) in connection.execute(_PARTITIONS).fetchall():
            connection.execute(f"VACUUM (ANALYZE) {partition}".encode())


def _fill_embedded(connection: Connection, rows: int) -> None:
    for table in (decision, *CHILDREN):
        connection.execute(table.delete())
    for first in range(0, rows, 10_000):
        records = [stored(record_of(number, rows)) for number in range(first, min(first + 10_000, rows))]
        insert_rows(connection, decision, [decision_row(record) for record in records])
        for table, rows_of in CHILDREN.items():
            insert_rows(connection, table, [row for record in records for row in rows_of(record)])


def _fill_server(connection: Connection, rows: int, template: str) -> None:
    partitions = Partitions(DAY_MS)
    for day in range(DAYS):
        partitions.make(connection, START + day * DAY_MS)
    tables = ", ".join(table.name for table in (decision, *CHILDREN))
    connection.execute(text(f"TRUNCATE {tables}"))
    made = connection.execute(_INDEXES).all()
    for name, table, _, is_key in made:
        connection.execute(text(f"ALTER TABLE {table} DROP CONSTRAINT {name}" if is_key else f"DROP INDEX {name}"))
    for statement in _STATEMENTS:
        given = {"rows": rows, "template": template}
        connection.execute(text(statement), {name: given[name] for name in given if f":{name}" in statement})
    for name, table, definition, is_key in made:
        connection.execute(text(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}" if is_key else definition))


def _resource(number: int) -> str:
    if number % 100 == 3:
        return "plan"
    if number % 10 == 5:
        return f"case-{number // 1000:05}/{number % 7}"
    return f"document-{number * 104_729 % 10_000}"


def _id(moment: int, number: int) -> str:
    digits = f"{moment:012x}7{number % 4096:03x}8{number:015x}"
    return f"{digits[:8]}-{digits[8:12]}-{digits[12:16]}-{digits[16:20]}-{digits[20:]}"


def _template() -> str:
    """The body of a record for PostgreSQL's `format`, a place for each column of `made`."""
    body = encode_record(record_of(50, 100)).replace("%", "%%")
    record = record_of(50, 100)
    for place, given in enumerate(
        [
            f'"id":"{record.id}"', f'"time":{record.time}', f'"request_id":"{record.request_id}"',
            f'"caller_id":"{record.caller.id}"', f'"principal_id":"{record.principal.id}"',
            f'"resource_id":"{record.resource.id}"', f'["Tenant","{record.tenant and record.tenant.id}"]',
            f'"effect":"{record.effect.value}"', f'"code":"{record.code}"', '"rules":[]',
            '[["context.mfa","not_given"]]', f'"{OWNER}":"{record.inputs[OWNER]}"', record.origin.trace_id,
        ],
        start=1,
    ):  # fmt: skip
        if body.count(given) != 1:
            raise LookupError(f"`{given}` is not one place of {body}")
        body = body.replace(given, _JSON.get(place, given.rpartition(':"')[0] + ':"%{}$s"').format(place))
    return body


_JSON: Final[Mapping[int, str]] = {
    2: '"time":%{}$s', 7: '["Tenant","%{}$s"]', 10: '"rules":[%{}$s]', 11: "[%{}$s]", 13: "%{}$s"
}  # fmt: skip
"""The places whose JSON is not that of a text by its name."""

_MADE: Final = f"""
WITH made AS (
  SELECT *, (
      lpad(to_hex(moment), 12, '0') || '7' || lpad(to_hex(n % 4096), 3, '0') || '8' || lpad(to_hex(n), 15, '0')
    )::uuid AS id,
    'request-' || n AS request_id,
    CASE place WHEN 1 THEN 'batch' ELSE 'service-' || n % 5 END AS caller,
    CASE place WHEN 2 THEN 'alice' ELSE 'user-' || n * 7919 % 1000 END AS principal,
    CASE WHEN place = 3 THEN 'plan' WHEN n % 10 = 5 THEN 'case-' || lpad((n / 1000)::text, 5, '0') || '/' || n % 7
      ELSE 'document-' || n * 104729 % 10000 END AS resource,
    CASE place WHEN 4 THEN 'acme' ELSE 'tenant-' || n % 10 END AS tenant,
    CASE n % 50 WHEN 0 THEN 'deny' ELSE 'allow' END AS effect,
    CASE WHEN place = 50 THEN 'STEP_UP' WHEN n % 50 = 0 THEN 'NO_MATCH' ELSE 'ALLOWED' END AS code,
    CASE WHEN n % 50 = 0 THEN NULL WHEN place = 6 THEN 'documents.auditors_read'
      ELSE 'documents.rule_' || n % 20 END AS rule,
    CASE place WHEN 7 THEN 'User:alice' ELSE 'User:user-' || n * 13 % 1000 END AS owner,
    lpad(to_hex(n / 10), 32, '0') AS trace
  FROM (
    SELECT n, n % 100 AS place, {START} + n * {DAYS * DAY_MS}::bigint / :rows AS moment
    FROM generate_series(0::bigint, :rows - 1) AS n
  ) AS numbered
)
"""
_STATEMENTS: Final = (
    f"""
INSERT INTO decision (
  id, time, kind, request_id, caller_type, caller_id, principal_type, principal_id, action, resource_type, resource_id,
  tenant_type, tenant_id, effect, code, policy_digest, revision, duration_us, trace_id, peer, caller_evidence,
  caller_credential, principal_evidence, body
)
{_MADE}
SELECT id, moment, 'decision', request_id, 'magistrate.Service', caller, 'User', principal, 'read', 'Document',
  resource, 'Tenant', tenant, effect, code, '{POLICIES}', '7d1fe2a4.42', 118, trace, '203.0.113.9', 'api_key', 'k-7',
  'asserted', format(
    :template, id, moment, request_id, caller, principal, resource, tenant, effect, code,
    CASE WHEN rule IS NOT NULL THEN '"' || rule || '"' END,
    CASE place WHEN 50 THEN '["context.mfa","not_given"]' END, owner, trace
  )
FROM made
""",
    f"INSERT INTO decision_rule (rule, decision_id) {_MADE} SELECT rule, id FROM made WHERE rule IS NOT NULL",
    f"INSERT INTO decision_missing (path, decision_id) {_MADE} SELECT 'context.mfa', id FROM made WHERE place = 50",
    f"INSERT INTO decision_attribute (path, value, decision_id) {_MADE} SELECT '{OWNER}', owner, id FROM made",
)
_PARTITIONS: Final = """
SELECT inhrelid::regclass FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid WHERE relkind = 'r'
"""
_INDEXES: Final = text("""
SELECT quote_ident(relname), indrelid::regclass, coalesce(
    pg_get_constraintdef(pg_constraint.oid), replace(pg_get_indexdef(indexrelid), ' ON ONLY ', ' ON ')
  ), pg_constraint.oid IS NOT NULL
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid LEFT JOIN pg_constraint ON conindid = indexrelid
WHERE relkind = 'I' ORDER BY relname
""")
"""Of each index of a partitioned table its name, the table, how it is made, and whether it is that of a key."""
