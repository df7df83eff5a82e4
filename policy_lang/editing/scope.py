"""Follows dotted names step by step: what each part stands for, and which types a value there may have.

Tolerant where the checker refuses: what is unknown is passed over, and no narrowing is asked for, so that a name is
understood in text that has faults elsewhere.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from policy_lang.checking.kinds import SUMS
from policy_lang.checking.symbols import Symbols, full_name
from policy_lang.editing.attributes import attributes_of, find_attribute, given_attributes, inner
from policy_lang.editing.names import Kind, Symbol, symbol
from policy_lang.functions import FUNCTIONS
from policy_lang.limits import NESTING_LIMIT
from policy_lang.schema import NOW, Attribute
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression, Name, Word
from policy_lang.types import BoolType, EnumType, RefType, SetType, StringType, Type

Types = tuple[Type, ...]
"""What a value may be; nothing where that is not known."""


@dataclass(frozen=True, slots=True)
class Value:
    """What a let comes to: its types, and the attributes whose record it may be."""

    types: Types = ()
    holders: frozenset[Symbol] = frozenset()


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a dotted name, what it stands for, what is there, and the attributes whose record that may be."""

    word: Word
    symbols: frozenset[Symbol] = frozenset()
    types: Types = ()
    holders: frozenset[Symbol] = frozenset()


@dataclass(frozen=True)
class Scope:
    """Where an expression stands: its module, and the types that `resource` and `principal` may have there.

    `known` are the types of lets, found once for all scopes that share it.
    """

    symbols: Symbols
    module: str
    resources: tuple[str, ...]
    principals: tuple[str, ...]
    depth: int = 0
    known: dict[tuple[str, tuple[str, ...]], Value] = field(default_factory=dict)

    def within(self, module: str) -> "Scope":
        """The same, in another module."""
        return replace(self, module=module)

    def steps(self, name: Name, expected: Types = ()) -> Iterator[Step]:
        """Each part of a name. `expected` is what stands opposite, for a bare member of an enum."""
        head, *rest = name.parts
        if head.text in ("principal", "resource"):
            types = self.principals if head.text == "principal" else self.resources
            step = Step(head, _one(Kind.ROOT, head.text), (RefType(types),) if types else ())
            yield step
            yield from self._lead_on(step, rest)
        elif head.text == "context":
            yield Step(head, _one(Kind.ROOT, "context"))
            yield from self._context(rest)
        else:
            yield from self._declared(name, expected)

    def types_of(self, node: Expression, expected: Types = ()) -> Types:
        """What the value of an expression may be; a condition is a bool."""
        if node.depth > NESTING_LIMIT:
            return ()
        match node:
            case ast.Literal():
                return (node.type,)
            case Name():
                *_, last = self.steps(node, expected)
                return last.types
            case ast.EntityLiteral():
                return (RefType((node.type.text,)),)
            case ast.Coalesce():
                return self.types_of(node.path)
            case ast.Call():
                function = FUNCTIONS.get(node.function.text)
                return () if function is None else (function.result,)
            case ast.Sum():
                return self._sum(node)
            case ast.ListLiteral() | ast.Range():
                return ()
            case _:
                return (BoolType(),)

    def behind(self, step: Step) -> dict[str, list[tuple[Symbol, Attribute]]]:
        """Name → the attributes so called that may follow: of what references lead to, and of records."""
        found: dict[str, list[tuple[Symbol, Attribute]]] = {}
        schema = self.symbols.schema
        for owner in targets(step.types):
            for name, attribute in attributes_of(owner, schema).items():
                found.setdefault(name, []).append((symbol(Kind.ATTRIBUTE, owner, name), attribute))
        for holder in step.holders:
            record = find_attribute(holder, schema)
            inside = None if record is None else record.inside
            for name, attribute in ({} if inside is None else inside.attributes).items():
                found.setdefault(name, []).append((inner(holder, name), attribute))
        return found

    def relation(self, name: Name, places: Iterable[str]) -> frozenset[Symbol]:
        """The relations of that name on those types."""
        full = full_name(name, self.module)
        return frozenset(symbol(Kind.RELATION, full, type_) for type_ in places if self._is_relation(full, type_))

    def _is_relation(self, full: str, type_: str) -> bool:
        return (full, type_) in self.symbols.computed or (full, type_) in self.symbols.schema.relations

    def _lead_on(self, step: Step, rest: Iterable[Word]) -> Iterator[Step]:
        """The steps behind a value."""
        for word in rest:
            found = self.behind(step).get(word.text, [])
            if not found and word.text == "id" and targets(step.types):
                step = Step(word, _one(Kind.ROOT, "id"), (StringType(),))
            else:
                symbols = frozenset(meant for meant, _ in found)
                step = Step(word, symbols, _distinct(attribute.type for _, attribute in found), symbols)
            yield step

    def _context(self, rest: list[Word]) -> Iterator[Step]:
        if not rest:
            return
        first, *others = rest
        attribute = given_attributes(self.symbols.schema).get(first.text)
        if first.text == NOW.name:
            step = Step(first, _one(Kind.ROOT, NOW.name), (NOW.type,))
        elif attribute is not None:
            symbols = _one(Kind.FIELD, first.text)
            step = Step(first, symbols, (attribute.type,), symbols)
        else:
            step = Step(first)
        yield step
        yield from self._lead_on(step, others)

    def _declared(self, name: Name, expected: Types) -> Iterator[Step]:
        """A name that a module declares, a type's, or an enum's."""
        head = name.parts[0]
        kinds = self.symbols.kinds
        own = f"{self.module}.{head.text}"
        if own in kinds:
            yield from self._of_kind(own, head, name.parts[1:])
        elif len(name.parts) == 1:
            yield self._bare(head, expected)
        else:
            full = f"{head.text}.{name.parts[1].text}"
            is_module = head.text in self.symbols.modules
            yield Step(head, _one(Kind.MODULE, head.text) if is_module else frozenset())
            if full in kinds:
                yield from self._of_kind(full, name.parts[1], name.parts[2:])
            else:
                yield from map(Step, name.parts[1:])

    def _of_kind(self, full: str, word: Word, rest: tuple[Word, ...]) -> Iterator[Step]:
        match self.symbols.kinds[full]:
            case "let":
                body = self._let(full)
                step = Step(word, _one(Kind.LET, full), body.types, body.holders)
                yield step
                yield from self._lead_on(step, rest)
            case "relation":
                places = frozenset(
                    symbol(Kind.RELATION, full, type_) for type_ in self.resources if self._is_relation(full, type_)
                )
                yield Step(word, places, (BoolType(),))
                yield from map(Step, rest)
            case kind:
                yield Step(word, _one(Kind(kind), full))
                yield from map(Step, rest)

    def _let(self, full: str) -> Value:
        """What a let stands for; nothing where it comes back to itself, or lies deeper than a rule may lead."""
        key = full, self.resources
        if key in self.known or self.depth > NESTING_LIMIT:
            return self.known.get(key, Value())
        self.known[key] = Value()
        let = self.symbols.lets[full]
        scope, body = replace(self, module=let.module, depth=self.depth + 1), let.statement.body
        if isinstance(body, Name):
            *_, last = scope.steps(body)
            self.known[key] = Value(last.types, last.holders)
        else:
            self.known[key] = Value(scope.types_of(body))
        return self.known[key]

    def _bare(self, word: Word, expected: Types) -> Step:
        if word.text in self.symbols.schema.types:
            return Step(word, _one(Kind.TYPE, word.text), (BoolType(),))
        enums = [type_ for type_ in elements(expected) if isinstance(type_, EnumType) and word.text in type_.members]
        return Step(word, frozenset(symbol(Kind.MEMBER, *enum.members, word.text) for enum in enums), tuple(enums))

    def _sum(self, node: ast.Sum) -> Types:
        types = self.types_of(node.first)
        for is_minus, term in node.rest:
            found = {SUMS.get((is_minus, type(left), type(right))) for left in types for right in self.types_of(term)}
            types = _distinct(type_ for type_ in found if type_ is not None)
        return types


def targets(types: Types) -> tuple[str, ...]:
    """The types that references of these types may lead to."""
    return tuple(dict.fromkeys(name for type_ in types if isinstance(type_, RefType) for name in type_.targets))


def elements(types: Types) -> Types:
    """Sets replaced by the types of their elements."""
    return tuple(type_.element if isinstance(type_, SetType) else type_ for type_ in types)


def _one(kind: Kind, *way: str) -> frozenset[Symbol]:
    return frozenset({symbol(kind, *way)})


def _distinct(types: Iterable[Type]) -> Types:
    return tuple(dict.fromkeys(types))
