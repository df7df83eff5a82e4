"""Tells which attributes the rules compare with each other, and with which literals."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from policy_lang.reviewing.imagined import NOW_FIELD, declared_at
from policy_lang.reviewing.weighing import Side
from policy_lang.schema import Attribute
from policy_lang.typed import (
    Call,
    Compare,
    Constant,
    Default,
    Expression,
    IdOf,
    InList,
    InNetworks,
    InRange,
    InSet,
    Like,
    Overlap,
    Path,
    Root,
    Sum,
    Test,
    Under,
)
from policy_lang.types import RefType
from policy_lang.values import Record, Scalar
from policy_lang.walk import Node

Key = tuple[str, str]
"""A type, or "" for the context, and an attribute; a type and "" for the principal and the resource themselves."""

_CLOCKS: Final = frozenset({"hour", "time_of_day", "weekday"})


@dataclass(slots=True)
class Compared:
    """Attributes that are compared with each other, the literals among them, what is added, what their sizes meet."""

    keys: set[Key] = field(default_factory=set)
    values: set[Scalar] = field(default_factory=set)
    offsets: set[int] = field(default_factory=set)
    sizes: set[int] = field(default_factory=set)
    clocks: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    ids: set[str] = field(default_factory=set)

    def take(self, other: "Compared") -> None:
        """Takes in all of another."""
        self.keys |= other.keys
        self.values |= other.values
        self.offsets |= other.offsets
        self.sizes |= other.sizes
        self.ids |= other.ids
        for clock, numbers in other.clocks.items():
            self.clocks[clock] |= numbers


class Collector:
    """Takes in which attributes meet which literals and each other."""

    def __init__(self, side: Side, classes: dict[Key, Compared]) -> None:
        self._side = side
        self._classes = classes

    def meet(self, node: Node) -> None:
        """Takes in what one node compares."""
        match node:
            case Compare():
                self._unite(node.left, node.right)
            case Default():
                self._unite(node.path, node.otherwise)
            case InList():
                self._unite(node.needle, *node.items)
            case InRange():
                self._unite(node.needle, node.low, node.high)
            case InSet():
                self._unite(node.needle, node.set)
            case InNetworks():
                self._unite(node.needle, *node.networks)
            case Overlap():
                among = node.among if isinstance(node.among, tuple) else (node.among,)
                self._unite(node.set, *among)
            case Under():
                self._unite(node.low)
                self._unite(node.high)
            case Like():
                self._unite(node.text).values.update(matching(node.pattern))
            case Test():
                self._test(node)
            case Path() if node.steps:
                self._unite(node)
            case _:
                pass

    def _test(self, node: Test) -> None:
        found = self._unite(node.arguments[0])
        for argument in node.arguments[1:]:
            if isinstance(argument, Constant) and isinstance(argument.value, str):
                text = argument.value
                found.values |= {text, f"{text}-x", f"x-{text}"}
            else:
                self._unite(node.arguments[0], argument).values |= {"part", "part-x", "x-part"}

    def _unite(self, *expressions: Expression) -> Compared:
        """One class for all that is compared."""
        merged = Compared()
        for expression in sorted(expressions, key=lambda each: isinstance(each, Call)):  # what calls meet comes first
            self._add(expression, merged)
        for key in tuple(merged.keys):
            if key in self._classes and self._classes[key] is not merged:
                merged.take(self._classes[key])
        for key in merged.keys:
            self._classes[key] = merged
        return merged

    def _add(self, expression: Expression, into: Compared) -> None:
        match expression:
            case Constant(value=frozenset() as values):
                into.values.update(values)
            case Constant(value=value) if not isinstance(value, frozenset | Record):
                into.values.add(value)
            case Path():
                into.keys.update(self._keys(expression))
            case IdOf():
                self._add(expression.reference, into)
                into.ids |= {value for value in into.values if isinstance(value, str)}
            case Default():
                self._add(expression.path, into)
                self._add(expression.otherwise, into)
            case Sum():
                self._add(expression.left, into)
                if isinstance(expression.right, Constant) and isinstance(expression.right.value, int):
                    into.offsets.add(expression.right.value)
                else:
                    self._add(expression.right, into)
            case Call(function=clock) if clock in _CLOCKS:
                numbers = {value for value in into.values if isinstance(value, int)}
                for key in self._keys(expression.arguments[0]):
                    self._clock(key, clock, numbers)
            case Call(function="size"):
                self._unite(expression.arguments[0]).sizes |= {each for each in into.values if isinstance(each, int)}
            case Call():
                for argument in expression.arguments:
                    self._add(argument, into)
                into.values |= {value.upper() for value in into.values if isinstance(value, str)}

    def _clock(self, key: Key, clock: str, numbers: Iterable[int]) -> None:
        found = self._classes.setdefault(key, Compared({key}))
        found.clocks[clock] |= set(numbers)

    def _keys(self, expression: Expression) -> set[Key]:
        """The attributes that a path may end at."""
        if not isinstance(expression, Path):
            return set()
        schema, case = self._side.schema, self._side.case
        start = case.principal_type if expression.root is Root.PRINCIPAL else case.resource_type
        is_context = expression.root is Root.CONTEXT
        context: Mapping[str, Attribute] = {**schema.context, "now": NOW_FIELD}
        at = {("", "")} if is_context else {(start, "")}
        for step in expression.steps:
            ends: set[Key] = set()
            for type_, way in at:
                found = declared_at(schema.types[type_].attributes if type_ else context, way)
                targets = found.type.targets if found is not None and isinstance(found.type, RefType) else ()
                ends |= {(target, step) for target in targets} or {(type_, f"{way}.{step}" if way else step)}
            at = ends
        return at


def matching(pattern: str) -> set[str]:
    """Texts that a pattern matches, with nothing and with something for its stars, and one that it does not."""
    return {pattern.replace("*", ""), pattern.replace("*", "x"), f"no {pattern.replace('*', 'x')} no"}
