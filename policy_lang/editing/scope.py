"""Follows dotted names step by step: what each part stands for, and which types a value there may have.

Tolerant where the checker refuses: what is unknown is passed over, and no narrowing is asked for, so that a name is
understood in text that has faults elsewhere.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from policy_lang.checking.kinds import SUMS
from policy_lang.checking.symbols import Symbols, full_name
from policy_lang.editing.names import Kind, Symbol, symbol
from policy_lang.functions import FUNCTIONS
from policy_lang.limits import NESTING_LIMIT
from policy_lang.schema import Attribute
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Expression, Name, Word
from policy_lang.types import BoolType, EnumType, RefType, SetType, StringType, TimestampType, Type

Types = tuple[Type, ...]
"""What a value may be; nothing where that is not known."""


@dataclass(frozen=True, slots=True)
class Step:
    """A part of a dotted name, what it stands for, and what is there."""

    word: Word
    symbols: frozenset[Symbol] = frozenset()
    types: Types = ()


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
    known: dict[tuple[str, tuple[str, ...]], Types] = field(default_factory=dict)

    def steps(self, name: Name, expected: Types = ()) -> Iterator[Step]:
        """Each part of a name. `expected` is what stands opposite, for a bare member of an enum."""
        head, *rest = name.parts
        if head.text in ("principal", "resource"):
            types = self.principals if head.text == "principal" else self.resources
            yield Step(head, _one(Kind.ROOT, head.text), (RefType(types),) if types else ())
            yield from self._lead_on((RefType(types),), rest)
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

    def attributes(self, types: Types) -> dict[str, list[tuple[str, Attribute]]]:
        """Attribute → the types that have it, of all that references of these types may lead to."""
        found: dict[str, list[tuple[str, Attribute]]] = {}
        for owner in targets(types):
            declared = self.symbols.schema.types.get(owner)
            for name, attribute in ({} if declared is None else declared.attributes).items():
                found.setdefault(name, []).append((owner, attribute))
        return found

    def relation(self, name: Name, places: Iterable[str]) -> frozenset[Symbol]:
        """The relations of that name on those types."""
        full = full_name(name, self.module)
        return frozenset(symbol(Kind.RELATION, full, type_) for type_ in places if self._is_relation(full, type_))

    def _is_relation(self, full: str, type_: str) -> bool:
        return (full, type_) in self.symbols.computed or (full, type_) in self.symbols.schema.relations

    def _lead_on(self, types: Types, rest: Iterable[Word]) -> Iterator[Step]:
        """The steps behind a value."""
        for word in rest:
            found = self.attributes(types).get(word.text, [])
            if not found and word.text == "id" and targets(types):
                yield Step(word, _one(Kind.ROOT, "id"), (StringType(),))
                types = ()
                continue
            types = _distinct(attribute.type for _, attribute in found)
            yield Step(word, frozenset(symbol(Kind.ATTRIBUTE, owner, word.text) for owner, _ in found), types)

    def _context(self, rest: list[Word]) -> Iterator[Step]:
        if not rest:
            return
        first, *others = rest
        attribute = self.symbols.schema.context.get(first.text)
        if first.text == "now":
            yield Step(first, _one(Kind.ROOT, "now"), (TimestampType(),))
        elif attribute is not None:
            yield Step(first, _one(Kind.FIELD, first.text), (attribute.type,))
            yield from self._lead_on((attribute.type,), others)
        else:
            yield Step(first)

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
                types = self._let(full)
                yield Step(word, _one(Kind.LET, full), types)
                yield from self._lead_on(types, rest)
            case "relation":
                places = frozenset(
                    symbol(Kind.RELATION, full, type_) for type_ in self.resources if self._is_relation(full, type_)
                )
                yield Step(word, places, (BoolType(),))
                yield from map(Step, rest)
            case kind:
                yield Step(word, _one(Kind(kind), full))
                yield from map(Step, rest)

    def _let(self, full: str) -> Types:
        """What a let stands for; nothing where it comes back to itself, or lies deeper than a rule may lead."""
        key = full, self.resources
        if key in self.known or self.depth > NESTING_LIMIT:
            return self.known.get(key, ())
        self.known[key] = ()
        let = self.symbols.lets[full]
        self.known[key] = replace(self, module=let.module, depth=self.depth + 1).types_of(let.statement.body)
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
