"""The few constructs by which the application's tables are read on SQLite and PostgreSQL alike.

Law: names come from checked configuration and are always quoted; values are parameters, whole numbers apart that stand
for places in the configuration.
"""

from collections.abc import Iterable, Sequence
from typing import cast

from sqlalchemy import (
    ColumnClause,
    ColumnElement,
    ScalarSelect,
    TableClause,
    Text,
    bindparam,
    column,
    quoted_name,
    table,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from service.db.mapped.columns import Kind

_CHUNK = 40
"""Values in one JSON list: functions of both databases take about a hundred arguments at most."""
_CASTS = {Kind.INT: "BIGINT", Kind.UUID: "UUID", Kind.TEXT: "TEXT"}


def split_name(name: str) -> tuple[str | None, str]:
    """The schema, if there is one, and the table."""
    schema, _, short = name.rpartition(".")
    return schema or None, short


def table_of(name: str, columns: Iterable[str]) -> TableClause:
    """The table of that name with those columns."""
    schema, short = split_name(name)
    quoted = quoted_name(schema, quote=True) if schema else None
    named: list[ColumnClause[object]] = [column(quoted_name(each, quote=True)) for each in dict.fromkeys(columns)]
    return table(quoted_name(short, quote=True), *named, schema=quoted)


class _OneOf(FunctionElement[str]):
    """Whether a column is equal to one of the keys in a JSON list."""

    inherit_cache = False
    # Not a Boolean: SQLite has none, so that such a condition would be compared with 1, past every index.
    type = Text()

    def __init__(self, of: ColumnElement[object], parameter: str, kind: Kind) -> None:
        super().__init__(of, bindparam(parameter, type_=Text))
        self.cast_to = _CASTS[kind]


class _Packed(FunctionElement[str]):
    """Values as one JSON list, itself a text: on PostgreSQL as its JSON has them, on SQLite each with its type."""

    inherit_cache = False
    type = Text()


def is_one_of(of: ColumnElement[object], parameter: str, kind: Kind) -> ColumnElement[bool]:
    """Whether the column is equal to one of the keys in the parameter, a JSON list; an index on it is used."""
    return cast(ColumnElement[bool], _OneOf(of, parameter, kind))


def packed(values: Sequence[ColumnElement[object]]) -> ColumnElement[str]:
    """The values of a row as one text, which `unpack` reads; a row of any shape is one column."""
    return _Packed(*values)


@compiles(_OneOf, "sqlite")
def _one_of_sqlite(element: _OneOf, compiler: SQLCompiler, **kw: object) -> str:
    of, keys = (compiler.process(clause, **kw) for clause in element.clauses)
    return f"({of} IN (SELECT value FROM json_each({keys})))"  # noqa: S608  # of compiled clauses alone


@compiles(_OneOf, "postgresql")
def _one_of_postgresql(element: _OneOf, compiler: SQLCompiler, **kw: object) -> str:
    of, keys = (compiler.process(clause, **kw) for clause in element.clauses)
    texts = f"jsonb_array_elements_text(CAST({keys} AS JSONB))"
    each = f"SELECT CAST(value AS {element.cast_to}) FROM {texts}"  # noqa: S608  # of compiled clauses alone
    return f"({of} = ANY(ARRAY({each})))"


@compiles(_Packed, "sqlite")
def _packed_sqlite(element: _Packed, compiler: SQLCompiler, **kw: object) -> str:
    def typed(value: str) -> str:
        readable = (
            f"CASE typeof({value}) WHEN 'blob' THEN NULL WHEN 'real' THEN printf('%!.17g', {value}) ELSE {value} END"
        )
        return f"json_array(typeof({value}), {readable})"

    values = [(clause, compiler.process(clause, **kw)) for clause in element.clauses]
    # What a subquery gathers is text or nothing, and is not gathered again to see its type.
    written = [
        f"json_array('text', {value})" if isinstance(clause, ScalarSelect) else typed(value) for clause, value in values
    ]
    return _lists("json_array", written)


@compiles(_Packed, "postgresql")
def _packed_postgresql(element: _Packed, compiler: SQLCompiler, **kw: object) -> str:
    values = [compiler.process(clause, **kw) for clause in element.clauses]
    return f"CAST({_lists('json_build_array', values)} AS TEXT)"


def _lists(make: str, values: Sequence[str]) -> str:
    chunks = (", ".join(values[at : at + _CHUNK]) for at in range(0, len(values), _CHUNK))
    return f"{make}({', '.join(f'{make}({chunk})' for chunk in chunks)})"
