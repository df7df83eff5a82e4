"""The names that a bundle has to offer, kind by kind, as they are written in one module."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from policy_lang.checking.entity_types import BUILT_IN
from policy_lang.checking.templates import NameKind
from policy_lang.decision import RESERVED_CODES
from policy_lang.editing.attributes import attributes_of, given_attributes
from policy_lang.editing.cases import entity_type, types_of
from policy_lang.editing.describe import attribute_text, describe
from policy_lang.editing.index import Index
from policy_lang.editing.names import Kind, symbol
from policy_lang.editing.scope import Scope, Types, elements, targets
from policy_lang.editing.templates import kinds_of
from policy_lang.functions import FUNCTIONS
from policy_lang.schema import Attribute
from policy_lang.syntax import cases
from policy_lang.syntax.ast import EntityLiteral, Name
from policy_lang.syntax.unfinished import Mark
from policy_lang.types import EnumType, RefType

_ROOTS = ("principal", "resource", "context")


@dataclass(frozen=True, slots=True)
class Candidate:
    """A word that fits, what it is (None: a word of the language), and its declaration in short."""

    text: str
    kind: Kind | None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Candidates:
    """What may be offered in a scope."""

    index: Index
    scope: Scope

    def keywords(self, words: Iterable[str]) -> Iterator[Candidate]:
        """Words of the language."""
        return (Candidate(word, None) for word in words)

    def types(self) -> Iterator[Candidate]:
        """Every type."""
        return (self._of(Kind.TYPE, name) for name in sorted(self.scope.symbols.schema.types))

    def types_with_actions(self) -> Iterator[Candidate]:
        """The types that rules can be on."""
        return (self._of(Kind.TYPE, name) for name in sorted(self.scope.symbols.schema.actions))

    def scalars(self) -> Iterator[Candidate]:
        """The built-in types."""
        return (Candidate(name, Kind.SCALAR) for name in BUILT_IN)

    def actions(self, types: Iterable[str]) -> Iterator[Candidate]:
        """The actions of these types, and their groups."""
        symbols = self.scope.symbols
        for type_ in types:
            yield from (self._of(Kind.ACTION, type_, name) for name in symbols.schema.actions.get(type_, ()))
            yield from (self._of(Kind.GROUP, type_, name) for name in symbols.groups.get(type_, ()))

    def roles(self) -> Iterator[Candidate]:
        """Every role."""
        return self._owned(Kind.ROLE)

    def fixtures(self) -> Iterator[Candidate]:
        """Every fixture."""
        return self._owned(Kind.FIXTURE)

    def templates(self) -> Iterator[Candidate]:
        """Every template."""
        return (self._full(Kind.TEMPLATE, full) for full in sorted(self.scope.symbols.templates))

    def parameters(self, template: str) -> Iterator[Candidate]:
        """The parameters of a template, by its name as it is written here."""
        full = self._whole(template)
        return (self._of(Kind.PARAMETER, full, name) for name in kinds_of(full, self.scope))

    def arguments(self, template: str, parameter: str) -> Iterator[Candidate]:
        """What a parameter takes that has a name: types, actions, roles, members of an enum."""
        kind = kinds_of(self._whole(template), self.scope).get(parameter)
        match kind:
            case None:
                return
            case NameKind.TYPES:
                yield from self.types()
            case NameKind.ACTIONS:
                yield from self.actions(self.scope.resources)
            case NameKind.ROLE:
                yield from self.roles()
            case _:
                yield from self.members((kind,))
                yield from (self._of(Kind.TYPE, target) for target in targets((kind,)))

    def rules(self) -> Iterator[Candidate]:
        """Every rule."""
        return (self._full(Kind.RULE, full) for full in sorted(self.scope.symbols.rules))

    def relations(self) -> Iterator[Candidate]:
        """The relations on the types of the resource."""
        for full, type_ in self._relations():
            if type_ in self.scope.resources:
                yield self._full(Kind.RELATION, full, type_)

    def all_relations(self) -> Iterator[Candidate]:
        """Every stored relation."""
        return (self._full(Kind.RELATION, full, type_) for full, type_ in sorted(self.scope.symbols.schema.relations))

    def codes(self) -> Iterator[Candidate]:
        """The codes of rules, and those that decisions have of themselves."""
        own = {found.statement.code.text for found in self.scope.symbols.rules.values() if found.statement.code}
        return (Candidate(code, Kind.CODE) for code in sorted(own | RESERVED_CODES))

    def obligations(self) -> Iterator[Candidate]:
        """The obligations of rules."""
        rules = self.scope.symbols.rules.values()
        names = {obligation.name.text for found in rules for obligation in found.statement.obligations}
        return (Candidate(name, Kind.OBLIGATION) for name in sorted(names))

    def members(self, types: Types) -> Iterator[Candidate]:
        """The members of enums among these types."""
        for type_ in elements(types):
            if isinstance(type_, EnumType):
                yield from (Candidate(member, Kind.MEMBER, str(type_)) for member in type_.members)

    def operands(self) -> Iterator[Candidate]:
        """What a condition or a value may begin with."""
        yield from self.paths()
        yield from self.relations()
        yield from (self._of(Kind.FUNCTION, name) for name in sorted(FUNCTIONS))
        yield from self.types()

    def paths(self) -> Iterator[Candidate]:
        """What a path may begin with."""
        yield from (Candidate(name, Kind.ROOT) for name in _ROOTS)
        yield from self._owned(Kind.LET)

    def behind(self, name: Name, *, is_rule: bool) -> Iterator[Candidate]:
        """What may follow a dotted name and a dot: attributes, context fields, names of a module."""
        if name.text == "context":
            yield from self._attributes(Kind.FIELD, given_attributes(self.scope.symbols.schema))
            return
        *_, last = self.scope.steps(name)
        for found in self.scope.behind(last).values():
            meant, attribute = found[0]
            yield self._of(meant.kind, *meant.way[:-1], attribute.name)
        if targets(last.types):
            yield Candidate("id", Kind.ROOT, "id: string")
        if len(name.parts) == 1 and name.text in self.scope.symbols.modules and not last.types:
            yield from self._in_module(name.text, is_rule=is_rule)

    def cells(self, parts: Sequence[object]) -> Iterator[Candidate]:
        """The attributes that the innermost row among these parts may still give."""
        start = max(at for at, part in enumerate(parts) if _is_brace(part))
        written = {part.name.text for part in parts[start:] if isinstance(part, cases.WrittenCell)}
        attributes = self._row(parts)
        yield from self._attributes(
            Kind.ATTRIBUTE, {name: found for name, found in attributes.items() if name not in written}
        )

    def values(self, parts: Sequence[object], name: str) -> Iterator[Candidate]:
        """What the cell of that name may hold: members, fixtures and types of entities."""
        attribute = self._row(parts).get(name)
        types = () if attribute is None else elements((attribute.type,))
        yield from self.members(types)
        for type_ in types:
            if isinstance(type_, RefType):
                yield from (one for one in self.fixtures() if self._fixture_type(one.text) in type_.targets)
                yield from (self._of(Kind.TYPE, target) for target in type_.targets)

    def tested(self, parts: Iterable[object]) -> tuple[str, ...]:
        """The types of what a test asks about."""
        entities: list[cases.WrittenEntity] = []
        for part in parts:
            if isinstance(part, cases.Asks) and not part.is_principal:
                entities.append(part.entity)
            elif isinstance(part, tuple):
                entities += [each for each in part if isinstance(each, cases.WrittenEntity)]
        return types_of(entities, self.scope)

    def _relations(self) -> list[tuple[str, str]]:
        return sorted({*self.scope.symbols.computed, *self.scope.symbols.schema.relations})

    def _owned(self, kind: Kind) -> Iterator[Candidate]:
        known = self.scope.symbols.kinds
        return (self._full(kind, full) for full in sorted(known) if known[full] == kind.value)

    def _in_module(self, module: str, *, is_rule: bool) -> Iterator[Candidate]:
        known = dict.fromkeys(self.scope.symbols.rules, "rule") if is_rule else self.scope.symbols.kinds
        for full, kind in sorted(known.items()):
            if full.startswith(f"{module}."):
                yield Candidate(full.removeprefix(f"{module}."), Kind(kind))

    def _of(self, kind: Kind, *way: str) -> Candidate:
        return Candidate(way[-1], kind, describe(symbol(kind, *way), self.index).signature.partition("\n")[0])

    def _full(self, kind: Kind, full: str, *rest: str) -> Candidate:
        """A module's own name, as it is written in this module."""
        detail = describe(symbol(kind, full, *rest), self.index).signature
        return Candidate(full.removeprefix(f"{self.scope.module}."), kind, detail)

    def _attributes(self, kind: Kind, found: Mapping[str, Attribute]) -> Iterator[Candidate]:
        return (Candidate(name, kind, attribute_text(attribute)) for name, attribute in found.items())

    def _row(self, parts: Sequence[object]) -> Mapping[str, Attribute]:
        """What the innermost row among the parts may hold: an entity's, the context's, a record's in one of them."""
        found: Mapping[str, Attribute] = {}
        for at, part in enumerate(parts):
            if not _is_brace(part) or not at:
                continue
            before = parts[at - 1]
            if isinstance(before, Name | EntityLiteral):
                found = attributes_of(entity_type(before, self.scope) or "", self.scope.symbols.schema)
            elif isinstance(before, Mark) and before.terminal == "CONTEXT":
                found = given_attributes(self.scope.symbols.schema)
            elif isinstance(before, Mark) and before.terminal == "COLON":
                found = _inside(parts[at - 2], found)
            else:
                found = {}
        return found

    def _whole(self, written: str) -> str:
        return written if "." in written else f"{self.scope.module}.{written}"

    def _fixture_type(self, written: str) -> str | None:
        found = self.scope.symbols.fixtures.get(self._whole(written))
        return None if found is None else entity_type(found.statement.entity.subject, self.scope)


def _is_brace(part: object) -> bool:
    return isinstance(part, Mark) and part.terminal == "LBRACE"


def _inside(name: object, attributes: Mapping[str, Attribute]) -> Mapping[str, Attribute]:
    """The fields of the record that a cell of that name holds."""
    attribute = attributes.get(name.text) if isinstance(name, Mark) else None
    inside = None if attribute is None else attribute.inside
    return {} if inside is None else inside.attributes
