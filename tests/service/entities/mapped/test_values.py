"""Values of the application's columns become values of the policies exactly, or a gap with its cause; never a guess."""

from typing import Any

import pytest

from policy_lang.schema import Schema
from policy_lang.values import ABSENT, BAD_VALUE, UNSET, Cell, Ip, Network, Record, Ref
from service.entities.mapped.wanted import Wanted
from tests.service.entities.mapped.places import execute, schema_of, source_of

ONE, WHO = Ref("Thing", "1"), Ref("Person", "p")
JANUARY = 1_767_607_200_500
"""2026-01-05T10:00:00.5Z."""


def schema(type_: str) -> Schema:
    """A type with one attribute `v` of that type."""
    return schema_of(
        f"principal type Person {{}}\ntype Team {{}}\ntype Thing {{ v: {type_} }}\nactions Thing {{ see }}\n"
        "rule r: allow see on Thing to anyone"
    )


def read(url: str, column: str, value: str, type_: str, **how: Any) -> Cell:
    """What the attribute is where the application's column holds the value."""
    execute(url, "DROP TABLE IF EXISTS things", f"CREATE TABLE things (id INTEGER NOT NULL PRIMARY KEY, c {column})",
            f"INSERT INTO things VALUES (1, {value})")  # fmt: skip
    attributes = {"v": {"column": "c", **how}}
    source = source_of(url, types={"Thing": {"table": "things", "attributes": attributes}})
    try:
        row = source.read(schema(type_), Wanted(rows={ONE})).rows[ONE]
    finally:
        source.close()
    assert row is not None
    return row.attributes["v"]


BOTH: list[tuple[str, str, str, dict[str, Any], Cell]] = [
    ("BOOLEAN", "TRUE", "bool", {}, True),
    ("BIGINT", "9007199254740991", "int", {}, 9007199254740991),
    ("BIGINT", "9007199254740992", "int", {}, BAD_VALUE),
    ("BIGINT", "NULL", "int", {}, UNSET),
    ("BIGINT", "NULL", "int?", {}, ABSENT),
    ("NUMERIC(20, 4)", "12.5", "decimal", {}, 125_000),
    ("NUMERIC(20, 4)", "-0.0001", "decimal", {}, -1),
    ("NUMERIC(20, 6)", "0.00001", "decimal", {}, BAD_VALUE),
    ("INTEGER", "3", "decimal", {}, 30_000),
    ("TEXT", "'1.50'", "decimal", {}, 15_000),
    ("TEXT", "'1.5 '", "decimal", {}, BAD_VALUE),
    ("TEXT", "'ÄÖ '", "string", {}, "ÄÖ "),
    ("TEXT", "'open'", "enum(open, done)", {}, "open"),
    ("TEXT", "'Open'", "enum(open, done)", {}, BAD_VALUE),
    ("TEXT", "'2026-01-05T11:00:00.5009+01:00'", "timestamp", {}, JANUARY),
    ("TEXT", "'2026-01-05 10:00:00.500'", "timestamp", {"zone": "UTC"}, JANUARY),
    ("TEXT", "'2026-01-05 10:00:00.500'", "timestamp", {}, BAD_VALUE),
    ("TIMESTAMP", "'2026-01-05 11:00:00.5'", "timestamp", {"zone": "Europe/Paris"}, JANUARY),
    ("TIMESTAMP", "'2026-03-29 02:30:00'", "timestamp", {"zone": "Europe/Paris"}, BAD_VALUE),
    ("TIMESTAMP", "'2026-10-25 02:30:00'", "timestamp", {"zone": "Europe/Paris"}, BAD_VALUE),
    ("TIMESTAMP", "'1969-12-31 23:59:59.9995'", "timestamp", {"zone": "UTC"}, -1),
    ("BIGINT", "1767607200500", "timestamp", {"unit": "ms"}, JANUARY),
    ("BIGINT", "1767607200", "timestamp", {"unit": "s"}, JANUARY - 500),
    ("BIGINT", "99999999999999999", "timestamp", {"unit": "s"}, BAD_VALUE),
    ("INTEGER", "15", "duration", {"unit": "m"}, 900_000),
    ("TEXT", "'1h30m'", "duration", {}, 5_400_000),
    ("TEXT", "'Europe/Paris'", "timezone", {}, "Europe/Paris"),
    ("TEXT", "'Europe/paris'", "timezone", {}, BAD_VALUE),
    ("TEXT", "'::ffff:10.1.2.3'", "ip", {}, Ip.parse("10.1.2.3")),
    ("TEXT", "'10.0.0.1/8'", "network", {}, BAD_VALUE),
    ("INTEGER", "7", "Person", {}, Ref("Person", "7")),
    ("TEXT", "'p'", "Person | Team", {"type": "Team"}, Ref("Team", "p")),
    ("TEXT", "''", "Person", {}, BAD_VALUE),
]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value", "type_", "how", "expected"), BOTH, ids=[f"{case[2]} from {case[0]} {case[1]}" for case in BOTH]
)
def test_a_column_of_sqlite_is_read_exactly(
    tmp_path: Any, column: str, value: str, type_: str, how: dict[str, Any], expected: Cell
) -> None:
    found = read(f"sqlite:///{tmp_path / 'a.db'}", column, value, type_, **how)
    assert found is expected or (found == expected and type(found) is type(expected))


def test_columns_of_postgresql_are_read_exactly(postgresql_url: str) -> None:
    """All cases in one test: a database for each would cost half a minute."""
    cases = [*BOTH, *POSTGRESQL]
    found = [read(postgresql_url, column, value, type_, **how) for column, value, type_, how, _ in cases]
    wrong = [
        (case, cell)
        for case, cell in zip(cases, found, strict=True)
        if not (cell is case[-1] or (cell == case[-1] and type(cell) is type(case[-1])))
    ]
    assert wrong == []


UUID = "7b0cf5f3-1f8e-4c3f-9d2b-000000000001"
POSTGRESQL: list[tuple[str, str, str, dict[str, Any], Cell]] = [
    ("TIMESTAMPTZ", "'2026-01-05 11:00:00.5009+01'", "timestamp", {}, JANUARY),
    ("TIMESTAMPTZ", "'infinity'", "timestamp", {}, BAD_VALUE),
    ("TIMESTAMPTZ", "'0044-03-15 12:00:00+00 BC'", "timestamp", {}, BAD_VALUE),
    ("TIMESTAMPTZ", "'10000-01-01 00:00:00+00'", "timestamp", {}, BAD_VALUE),
    ("NUMERIC", "'NaN'", "decimal", {}, BAD_VALUE),
    ("NUMERIC", "12.500000000000", "decimal", {}, 125_000),
    ("NUMERIC", "1e300", "decimal", {}, BAD_VALUE),
    ("NUMERIC", "900719925474.0992", "decimal", {}, BAD_VALUE),
    ("NUMERIC(9, 0)", "12", "int", {}, 12),
    ("INTERVAL", "'1 day 02:03:04.5'", "duration", {}, 93_784_500),
    ("INTERVAL", "'1 mon'", "duration", {}, BAD_VALUE),
    ("INTERVAL", "'-00:00:00.5'", "duration", {}, -500),
    ("INET", "'10.1.2.3'", "ip", {}, Ip.parse("10.1.2.3")),
    ("INET", "'10.1.2.3/8'", "ip", {}, BAD_VALUE),
    ("CIDR", "'10.0.0.0/8'", "network", {}, Network.parse("10.0.0.0/8")),
    ("UUID", f"'{UUID.upper()}'", "Person", {}, Ref("Person", UUID)),
    ("TEXT[]", "ARRAY['b', 'a', 'b']", "set<string>", {}, frozenset({"a", "b"})),
    ("TEXT[]", "ARRAY['b', NULL]", "set<string>", {}, BAD_VALUE),
    ("TEXT[]", "ARRAY[ARRAY['b']]", "set<string>", {}, BAD_VALUE),
    ("TEXT[]", "'{}'", "set<string>", {}, frozenset()),
    ("BIGINT[]", "ARRAY[1, 2]", "set<Person>", {}, frozenset({Ref("Person", "1"), Ref("Person", "2")})),
    ("NUMERIC[]", "ARRAY[1.50, 2]", "set<decimal>", {}, frozenset({15_000, 20_000})),
    ("JSONB", "'[1.5, \"2.25\"]'", "set<decimal>", {}, frozenset({15_000, 22_500})),
    ("JSONB", "'[\"p\", 7]'", "set<Person>", {}, frozenset({WHO, Ref("Person", "7")})),
    ("JSONB", "'[1.5]'", "set<string>", {}, BAD_VALUE),
    ("JSONB", "'1.5'", "set<int>", {}, BAD_VALUE),
    ("JSON", "'[\"\\u0000\"]'", "set<string>", {}, BAD_VALUE),
    ("JSONB", "'{\"a\": 1, \"b\": 1.25, \"x\": 0}'", "{ a: int, b: decimal }", {}, Record({"a": 1, "b": 12_500})),
    ("JSONB", "'{\"a\": 1.0}'", "{ a: int }", {}, Record({"a": BAD_VALUE})),
]  # fmt: skip


@pytest.mark.parametrize(
    ("column", "value", "type_", "expected"),
    [
        ("BOOLEAN", "2", "bool", BAD_VALUE),
        ("BOOLEAN", "'TRUE'", "bool", BAD_VALUE),
        ("INTEGER", "1.5", "int", BAD_VALUE),
        ("INTEGER", "'one'", "int", BAD_VALUE),
        ("NUMERIC(9, 2)", "0.1 + 0.2", "decimal", BAD_VALUE),
        ("NUMERIC(9, 2)", "9e999", "decimal", BAD_VALUE),
        ("TEXT", "x'ff00'", "string", BAD_VALUE),
        ("TEXT", "CAST(x'ff41' AS TEXT)", "string", BAD_VALUE),
        ("TEXT", '\'["a", "b"]\'', "set<string>", frozenset({"a", "b"})),
        ("TEXT", "'[\"a\"'", "set<string>", BAD_VALUE),
        ("TEXT", f"'{'[' * 20_000}'", "set<string>", BAD_VALUE),
        ("TEXT", "'{\"a\": 0.5}'", "{ a: decimal }", Record({"a": 5_000})),
    ],
    ids=lambda value: str(sorted(value) if isinstance(value, frozenset) else value)[:30],
)
def test_what_sqlite_lets_into_any_column_is_read_exactly_or_not_at_all(
    tmp_path: Any, column: str, value: str, type_: str, expected: Cell
) -> None:
    found = read(f"sqlite:///{tmp_path / 'a.db'}", column, value, type_)
    assert found is expected or (found == expected and type(found) is type(expected))
