"""Emits expressions as Python: each gives its value or a gap, is computed at most once, and only if it is needed.

What is cheap, a cell of the principal, the resource or the context, is read into a local before the first rule that
uses it. Anything else is computed where it is first needed, and kept in a local that is None until then.
"""

import ast
from collections.abc import Callable, Hashable
from typing import Final, assert_never

from policy_lang.compiling import python_nodes as py
from policy_lang.compiling import runtime
from policy_lang.fold import Case
from policy_lang.functions import FUNCTIONS
from policy_lang.judging.expressions import type_of
from policy_lang.schema import Attribute, Schema
from policy_lang.typed import Call, Constant, Default, Expression, IdOf, Path, Root, Sum
from policy_lang.types import RecordType, SetType
from policy_lang.values import BAD_VALUE, NO_ROW, Gap, Record, Ref

FACTS: Final = "facts"
"""The generated function's one parameter."""


SCRATCH: Final = "s"
"""A local that holds for a moment."""


class Frame:
    """The locals and constants of one generated function, and the reads that the next rule waits for."""

    def __init__(self) -> None:
        self.constants: dict[str, object] = {"__builtins__": {}}
        self.lazy: list[str] = []
        self._reads: list[ast.stmt] = []
        self._names: dict[Hashable, str] = {}

    def constant(self, value: object) -> ast.expr:
        """A value from the table; equal scalars of one type share an entry."""
        is_plain = isinstance(value, bool | int | str | Ref)
        key = ("constant", type(value), value if is_plain else id(value))
        if key not in self._names:
            self._names[key] = f"k{len(self._names)}"
            self.constants[self._names[key]] = value
        return py.name(self._names[key])

    def local(self, key: Hashable) -> str:
        """The name of a local that is computed when first needed; None until then."""
        if key not in self._names:
            self._names[key] = f"w{len(self._names)}"
            self.lazy.append(self._names[key])
        return self._names[key]

    def define(self, name: str, body: list[ast.stmt]) -> Callable[..., object]:
        """The function of facts with this body."""
        start = [py.assign(self.lazy, py.literal(None))] if self.lazy else []
        return py.define(name, FACTS, [*start, *body], self.constants)

    def take_reads(self) -> list[ast.stmt]:
        """The reads that what was emitted since the last time needs, in order."""
        reads, self._reads = self._reads, []
        return reads

    def read(self, key: Hashable, compute: Callable[[], ast.expr]) -> ast.expr:
        """A local that is read before the next rule."""
        if key not in self._names:
            value = compute()
            self._names[key] = f"v{len(self._names)}"
            self._reads.append(py.assign([self._names[key]], value))
        return py.name(self._names[key])

    def lazily(self, key: Hashable, compute: Callable[[], ast.expr]) -> ast.expr:
        """A local that is computed when first needed."""
        local = self.local(key)
        return py.choose(py.other(py.name(local), py.literal(None)), py.name(local), py.bind(local, compute()))


class Expressions:
    """Emits expressions into a frame."""

    def __init__(self, frame: Frame, case: Case, schema: Schema) -> None:
        self.frame = frame
        self._attributes = {
            Root.PRINCIPAL: schema.types[case.principal_type].attributes,
            Root.RESOURCE: schema.types[case.resource_type].attributes,
            Root.CONTEXT: schema.context,
        }
        self._schema = schema

    def value(self, expression: Expression) -> ast.expr:
        """The value of an expression, or a gap."""
        match expression:
            case Constant():
                return self.frame.constant(expression.value)
            case Path():
                return self._path(expression.root, expression.steps)
            case IdOf() | Default() | Call() | Sum():
                return self.frame.lazily(expression, lambda: self._computed(expression))
            case _:
                assert_never(expression)

    def is_known(self, expression: Expression) -> ast.expr:
        """Whether there is a value; a gap equals nothing, not even itself."""
        if isinstance(expression, Constant):
            return py.literal(True)
        if isinstance(type_of(expression), SetType | RecordType):
            return py.other(py.attribute(self.value(expression), "__class__"), self.frame.constant(Gap))
        return py.compare(self.value(expression), ast.Eq(), self.settled(expression))

    def settled(self, expression: Expression) -> ast.expr:
        """The value of an expression that was computed just before."""
        match expression:
            case Constant():
                return self.value(expression)
            case Path():
                return self._settled_path(expression.root, expression.steps)
            case _:
                return py.name(self.frame.local(expression))

    def facts(self, *names: str) -> ast.expr:
        """A part of the facts, by the attributes that lead to it."""
        if not names:
            return py.name(FACTS)
        return self.frame.read(("facts", names), lambda: py.attribute(self.facts(*names[:-1]), names[-1]))

    def _path(self, root: Root, steps: tuple[str, ...]) -> ast.expr:
        if not steps:
            return self.facts("question", root.value)
        if self._is_undeclared(root, steps[0]):
            return self.frame.constant(BAD_VALUE)
        if len(steps) == 1:
            return self.frame.read(_key(root, steps), lambda: py.item(self._cells(root), py.literal(steps[0])))
        return self.frame.lazily(_key(root, steps), lambda: self._behind(root, steps))

    def _settled_path(self, root: Root, steps: tuple[str, ...]) -> ast.expr:
        if len(steps) < 2 or self._is_undeclared(root, steps[0]):
            return self._path(root, steps)
        return py.name(self.frame.local(_key(root, steps)))

    def _is_undeclared(self, root: Root, step: str) -> bool:
        """Whether the type of the case has no such attribute: a rule for other types reads it."""
        return root is not Root.CONTEXT and step not in self._attributes[root]

    def _cells(self, root: Root) -> ast.expr:
        return self.facts("question", "context") if root is Root.CONTEXT else self.facts(f"{root.value}_cells")

    def _behind(self, root: Root, steps: tuple[str, ...]) -> ast.expr:
        """The cell in the row behind a reference; without the row, the gap on the way or that there is none."""
        if self._is_record(root, steps[:-1]):
            return self._inside(root, steps)
        find = self.frame.read("find row", lambda: py.attribute(self.facts("rows"), "get"))
        found = py.bind(SCRATCH, py.call(find, self._path(root, steps[:-1])))
        local = self._settled_path(root, steps[:-1])
        cell = py.call(py.attribute(py.name(SCRATCH), "get"), py.literal(steps[-1]), self.frame.constant(BAD_VALUE))
        is_reference = py.compare(local, ast.Eq(), local)
        return py.choose(
            py.other(found, py.literal(None)), cell, py.choose(is_reference, self.frame.constant(NO_ROW), local)
        )

    def _inside(self, root: Root, steps: tuple[str, ...]) -> ast.expr:
        """The cell in a record; without one, the gap on the way."""
        whole, local = self._path(root, steps[:-1]), self._settled_path(root, steps[:-1])
        is_record = py.same(py.attribute(whole, "__class__"), self.frame.constant(Record))
        return py.choose(is_record, py.item(py.attribute(local, "cells"), py.literal(steps[-1])), local)

    def _is_record(self, root: Root, steps: tuple[str, ...]) -> bool:
        """Whether what stands there is a record."""
        places = [self._attributes[root]]
        found: list[Attribute] = []
        for step in steps:
            found = [attributes[step] for attributes in places if step in attributes]
            places = [behind.attributes for attribute in found for behind in self._schema.behind(attribute)]
        return any(isinstance(attribute.type, RecordType) for attribute in found)

    def _computed(self, expression: IdOf | Default | Call | Sum) -> ast.expr:
        match expression:
            case IdOf(reference):
                value = self.settled(reference)
                return py.choose(self.is_known(reference), py.attribute(value, "id"), value)
            case Default(path, otherwise):
                value = self.settled(path)
                broken = py.choose(py.attribute(value, "is_broken"), value, self.value(otherwise))
                return py.choose(self.is_known(path), value, broken)
            case Call():
                return self.apply(expression.function, expression.arguments)
            case Sum():
                return self._sum(expression)

    def apply(self, function: str, arguments: tuple[Expression, ...]) -> ast.expr:
        """A call of a function of the closed table."""
        table = self.frame.constant
        return py.call(table(runtime.apply), table(FUNCTIONS[function].call), *map(self.value, arguments))

    def _sum(self, total: Sum) -> ast.expr:
        """The terms of nested sums added up, if all are known."""
        terms: list[tuple[Expression, bool]] = []
        waiting: list[tuple[Expression, bool]] = [(total, False)]
        while waiting:
            expression, is_minus = waiting.pop()
            if isinstance(expression, Sum):
                waiting.append((expression.right, is_minus is not expression.is_minus))
                waiting.append((expression.left, is_minus))
            else:
                terms.append((expression, is_minus))
        tests = [self.is_known(term) for term, _ in terms]
        added = self.settled(terms[0][0])
        for term, is_minus in terms[1:]:
            added = py.add(added, self.settled(term), is_minus=is_minus)
        return py.choose(py.every(*tests), added, self.frame.constant(BAD_VALUE))


def _key(root: Root, steps: tuple[str, ...]) -> Hashable:
    return (root, steps)
