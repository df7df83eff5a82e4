"""Emits the reading of a plan's inputs, in the given form, as one Python function from facts to a table by path."""

import ast
from collections.abc import Callable, Iterable
from functools import cache, lru_cache, partial
from typing import Final, cast

from policy_lang.compiling import python_nodes as py
from policy_lang.compiling.expressions import Expressions, Frame
from policy_lang.facts import Facts
from policy_lang.fold import Case
from policy_lang.forms import write_given
from policy_lang.schema import Schema
from policy_lang.typed import Path
from policy_lang.types import (
    BoolType,
    EnumType,
    IntType,
    Json,
    RecordType,
    RefType,
    SetType,
    StringType,
    TimezoneType,
    Type,
)
from policy_lang.values import Cause, Gap, Value

ReadInputs = Callable[[Facts], dict[str, Json]]

_REQUIRED: Final = frozenset({Cause.ABSENT, Cause.NOT_GIVEN})


def emit_inputs(paths: Iterable[Path], case: Case, schema: Schema) -> ReadInputs:
    """The function that reads the inputs; it needs the principal's and the resource's cells.

    A gap reads `{"gap": cause}`, and `"broken": true` where a required attribute was not set or not given.
    """
    frame = Frame()
    expressions = Expressions(frame, case, schema)

    def entry(path: Path) -> ast.expr:
        known, value = expressions.is_known(path), expressions.settled(path)
        return py.choose(known, _given(path.type, value, frame), py.call(frame.constant(gap_given), value))

    entries = {str(path): entry(path) for path in paths}
    return cast(ReadInputs, frame.define("inputs", [*frame.take_reads(), py.give(py.table(entries))]))


def gap_given(gap: Gap) -> Json:
    """A gap as the record shows it."""
    if gap.is_broken and gap.cause in _REQUIRED:
        return {"gap": gap.cause.value, "broken": True}
    return {"gap": gap.cause.value}


def _given(type_: Type, value: ast.expr, frame: Frame) -> ast.expr:
    """The given form of a known value."""
    match type_:
        case BoolType() | IntType() | StringType() | EnumType() | TimezoneType():
            return value
        case RefType():
            return py.table({"type": py.attribute(value, "type"), "id": py.attribute(value, "id")})
        case _:
            return py.call(frame.constant(writer(type_)), value)


@cache
def writer(type_: Type) -> Callable[[Value], Json]:
    """Writes values of a type; those that come up again and again, such as addresses and times, from memory."""
    write = partial(write_given, type_)
    return write if isinstance(type_, SetType | RecordType) else lru_cache(maxsize=1024)(write)
