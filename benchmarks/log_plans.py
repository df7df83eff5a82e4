"""Says how a database answers a question of the log: by which indexes, what it reads whole, and what it sorts."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, Select, text

from policy_lang.types import Json

Node = Mapping[str, Json]


@dataclass(frozen=True, slots=True)
class Plan:
    """What was run: the indexes by their names, the tables that were read whole, and the most rows that were sorted.

    Indexes and tables of partitions go by the names of those that they are part of. SQLite does not say what it sorts.
    """

    indexes: frozenset[str]
    read_whole: frozenset[str]
    sorted_rows: int

    def __str__(self) -> str:
        whole = "".join(f", all of {name}" for name in sorted(self.read_whole))
        return ", ".join(sorted(self.indexes)) + whole + (f", {self.sorted_rows} sorted" if self.sorted_rows else "")


def plan_of(connection: Connection, query: "Select[str]") -> Plan:
    """Runs the query, and says how it was run."""
    statement = str(query.compile(connection, compile_kwargs={"literal_binds": True})).replace(":", "\\:")
    if connection.dialect.name == "sqlite":
        return _sqlite_plan([row[3] for row in connection.execute(text(f"EXPLAIN QUERY PLAN {statement}"))])
    names = {str(row.child): str(row.parent) for row in connection.execute(_PARENTS)}
    (found,) = connection.execute(text(f"EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) {statement}")).scalar_one()
    nodes = [node for node in _nodes(found["Plan"]) if _met_rows(node)]
    return Plan(
        indexes=frozenset(names[str(node["Index Name"])] for node in nodes if "Index Name" in node),
        read_whole=frozenset(names[str(node["Relation Name"])] for node in nodes if node["Node Type"] == "Seq Scan"),
        sorted_rows=max([_whole(child["Actual Rows"]) for node in nodes for child in _sorted_by(node)], default=0),
    )


def _nodes(node: Node) -> Iterator[Node]:
    yield node
    for child in _children(node):
        yield from _nodes(child)


def _children(node: Node) -> Iterator[Node]:
    plans = node.get("Plans", [])
    if isinstance(plans, list):
        yield from (plan for plan in plans if isinstance(plan, dict))


def _sorted_by(node: Node) -> Iterator[Node]:
    if node["Node Type"] in {"Sort", "Incremental Sort"}:
        yield from _children(node)


def _met_rows(node: Node) -> bool:
    """Whether there were any: how an empty partition is read says nothing."""
    return (node["Actual Rows"], node.get("Rows Removed by Filter", 0)) != (0, 0)


def _whole(number: Json) -> int:
    return int(number) if isinstance(number, int | float) else 0


def _sqlite_plan(lines: list[str]) -> Plan:
    """`SEARCH decision USING INDEX decision_codes (code=? AND id<?)`, or `SCAN decision`."""
    words = [line.split() for line in lines]
    keys = frozenset(
        each[1] + "_pkey" for each in words if "PRIMARY KEY" in " ".join(each) or "autoindex" in " ".join(each)
    )
    named = frozenset(each[each.index("INDEX") + 1] for each in words if "INDEX" in each)
    whole = frozenset(each[1] for each in words if each[0] == "SCAN" and "INDEX" not in each)
    return Plan(keys | frozenset(name for name in named if "autoindex" not in name), whole, 0)


_PARENTS: Final = text("""
SELECT child.relname AS child, parent.relname AS parent FROM pg_inherits
JOIN pg_class AS child ON child.oid = inhrelid JOIN pg_class AS parent ON parent.oid = inhparent
""")
