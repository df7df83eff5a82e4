"""Conditions on the attributes of entities, each spelled as its database reads them.

Law (language.md, Exact SQL): what is not there, or not of the kind that is asked for, is equal to nothing and in no
order; no value is cast before its kind is known. Names and values are parameters, never text of the statement.

On PostgreSQL equality is containment, which the GIN index `entity_attributes` answers (pinned by tests/service/db).
"""

from collections.abc import Sequence
from typing import Final

import orjson
from sqlalchemy import BigInteger, Boolean, ColumnElement, Text, case, false, literal, true
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from policy_lang.types import Json

StoredScalar = bool | int | str
"""A value in the stored form that is neither a set nor a record."""


class _Holds(FunctionElement[bool]):
    """Whether a document has a value at a path: document, fragment of PostgreSQL, path, kind and value of SQLite."""

    inherit_cache = True
    type = Boolean()


class _HoldsElement(FunctionElement[bool]):
    """The same of a list at the path and one of its elements."""

    inherit_cache = True
    type = Boolean()


class _KindAt(FunctionElement[str]):
    """The kind of what is at a path, NULL where nothing is: document, path of PostgreSQL, path of SQLite."""

    inherit_cache = True
    type = Text()


class _NumberAt(FunctionElement[int]):
    """The number at a path, to be read where its kind is one."""

    inherit_cache = True
    type = BigInteger()


def has_value(document: ColumnElement[object], path: Sequence[str], value: StoredScalar) -> ColumnElement[bool]:
    """Whether the document has exactly that value at the path."""
    holds = _Holds(document, *_wanted(path, value, value))
    if isinstance(value, str):
        return holds
    # To PostgreSQL 5.0 is 5, which the law calls no whole number. In a CASE, since a plain condition would be taken for
    # a rare one, and what a tenth of all rows have would be looked up row by row (1 s for a page, against 1 ms).
    return holds & case((is_scalar_like(document, path, value), true()), else_=false())


def has_element(document: ColumnElement[object], path: Sequence[str], value: StoredScalar) -> ColumnElement[bool]:
    """Whether the document has a list at the path, and the value in it."""
    return _HoldsElement(document, *_wanted(path, [value], value))


def is_set(document: ColumnElement[object], path: Sequence[str]) -> ColumnElement[bool]:
    """Whether the document has anything at the path; null is nothing."""
    kind = _KindAt(document, *_at(path))
    return kind.is_not(None) & (kind != literal("null"))


def is_scalar_like(document: ColumnElement[object], path: Sequence[str], value: StoredScalar) -> ColumnElement[bool]:
    """Whether what is at the path is of the value's kind."""
    return _KindAt(document, *_at(path)).in_([literal(kind) for kind in _KINDS[type(value)]])


def number_at(document: ColumnElement[object], path: Sequence[str]) -> ColumnElement[int]:
    """The number at the path; NULL for anything else."""
    return case((is_scalar_like(document, path, 0), _NumberAt(document, *_at(path))))


_KINDS: Final[dict[type[StoredScalar], tuple[str, ...]]] = {
    bool: ("true", "false", "boolean"),
    int: ("integer",),
    str: ("text", "string"),
}
"""How SQLite and PostgreSQL call the kinds of values."""


def _wanted(path: Sequence[str], held: Json, value: StoredScalar) -> tuple[ColumnElement[object], ...]:
    fragment = held
    for name in reversed(path):
        fragment = {name: fragment}
    kind = str(value).lower() if isinstance(value, bool) else _KINDS[type(value)][0]
    return (
        literal(orjson.dumps(fragment).decode(), Text),
        literal(_sqlite_path(path), Text),
        literal(kind, Text),
        literal(value, Text) if isinstance(value, str) else literal(int(value), BigInteger),
    )


def _at(path: Sequence[str]) -> tuple[ColumnElement[object], ...]:
    # Names come from the schema, whose identifiers need no quotes in either.
    return literal(f"{{{','.join(path)}}}", Text), literal(_sqlite_path(path), Text)


def _sqlite_path(path: Sequence[str]) -> str:
    return "$." + ".".join(f'"{name}"' for name in path)


@compiles(_Holds, "postgresql")
@compiles(_HoldsElement, "postgresql")
def _holds_postgresql(element: _Holds | _HoldsElement, compiler: SQLCompiler, **kw: object) -> str:
    document, fragment, *_ = (compiler.process(each, **kw) for each in tuple(element.clauses)[:2])
    return f"({document} @> CAST({fragment} AS JSONB))"


@compiles(_Holds, "sqlite")
def _holds_sqlite(element: _Holds, compiler: SQLCompiler, **kw: object) -> str:
    document, path, kind, value = _of_sqlite(element, compiler, **kw)
    return f"(json_type({document}, {path}) = {kind} AND json_extract({document}, {path}) = {value})"


@compiles(_HoldsElement, "sqlite")
def _holds_element_sqlite(element: _HoldsElement, compiler: SQLCompiler, **kw: object) -> str:
    document, path, kind, value = _of_sqlite(element, compiler, **kw)
    found = f"SELECT 1 FROM json_each({document}, {path}) AS held WHERE held.type = {kind} AND held.value = {value}"  # noqa: S608  # parts that were compiled
    return f"(json_type({document}, {path}) = 'array' AND EXISTS ({found}))"


def _of_sqlite(element: _Holds | _HoldsElement, compiler: SQLCompiler, **kw: object) -> tuple[str, str, str, str]:
    document, _, path, kind, value = element.clauses
    texts = [compiler.process(each, **kw) for each in (document, path, kind, value)]
    return texts[0], texts[1], texts[2], texts[3]


@compiles(_KindAt, "postgresql")
def _kind_postgresql(element: _KindAt, compiler: SQLCompiler, **kw: object) -> str:
    """Tells whole numbers from others, as SQLite does."""
    document, path, _ = (compiler.process(each, **kw) for each in element.clauses)
    kind, text = f"jsonb_typeof({document} #> CAST({path} AS TEXT[]))", f"{document} #>> CAST({path} AS TEXT[])"
    number = f"CASE WHEN scale(CAST(({text}) AS NUMERIC)) = 0 THEN 'integer' ELSE 'real' END"
    return f"(CASE WHEN {kind} = 'number' THEN {number} ELSE {kind} END)"


@compiles(_KindAt, "sqlite")
def _kind_sqlite(element: _KindAt, compiler: SQLCompiler, **kw: object) -> str:
    document, _, path = element.clauses
    return f"json_type({compiler.process(document, **kw)}, {compiler.process(path, **kw)})"


@compiles(_NumberAt, "postgresql")
def _number_postgresql(element: _NumberAt, compiler: SQLCompiler, **kw: object) -> str:
    document, path, _ = element.clauses
    text = f"{compiler.process(document, **kw)} #>> CAST({compiler.process(path, **kw)} AS TEXT[])"
    return f"CAST(({text}) AS NUMERIC)"


@compiles(_NumberAt, "sqlite")
def _number_sqlite(element: _NumberAt, compiler: SQLCompiler, **kw: object) -> str:
    document, _, path = element.clauses
    return f"json_extract({compiler.process(document, **kw)}, {compiler.process(path, **kw)})"
