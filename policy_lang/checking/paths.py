"""Types paths, step by step, and says where one may be absent."""

from collections.abc import Mapping
from dataclasses import dataclass

from policy_lang.checking.kinds import with_article
from policy_lang.checking.known import Key, Known
from policy_lang.checking.symbols import Faults, Symbols
from policy_lang.diagnostics import did_you_mean
from policy_lang.limits import STEP_LIMIT
from policy_lang.schema import NOW, Attribute, EntityType, Origin
from policy_lang.syntax import ast
from policy_lang.syntax.ast import Word
from policy_lang.typed import Path, Root
from policy_lang.types import RecordType, RefType, SetType, Type


class DiffersByPrincipal(Exception):
    """An attribute has another type for another type of principal: each is checked by itself."""


@dataclass(frozen=True, slots=True)
class ReadPath:
    """A typed path, its type as narrowed here, and whether it is there unless something is broken."""

    path: Path
    type: Type
    is_definite: bool


class PathReader:
    """Reads the paths of one rule, for one type of resource."""

    def __init__(self, symbols: Symbols, faults: Faults, type_: str) -> None:
        self._symbols = symbols
        self._faults = faults
        self._resource = type_
        self._context = EntityType("context", "", {**symbols.schema.context, NOW.name: NOW})

    def targets(self, key: Key) -> frozenset[str]:
        """The types that a reference may have, nothing being known; empty for what is no reference."""
        root, *steps = key
        if root == "context" and not steps:
            return frozenset()
        types = self._start(root, Known())
        for count, step in enumerate(steps, start=1):
            found = [attribute for type_ in types if (attribute := type_.attributes.get(step)) is not None]
            reached = {target for attribute in found for target in _targets(attribute.type)}
            if count == len(steps):
                return frozenset(reached)
            inside = (attribute.inside for attribute in found)
            types = (*self._types(frozenset(reached)), *(type_ for type_ in inside if type_ is not None))
        return frozenset(type_.name for type_ in types)

    def read(self, node: ast.Path, known: Known) -> ReadPath | None:
        """The typed path; None where a fault was noted. DiffersByPrincipal where the principal's type must be told."""
        types = self._start(node.root, known)
        if not node.steps:
            return self._whole(node, types)
        is_definite, references, is_row = True, 0, False
        too_far: Word | None = None
        for count, step in enumerate(node.steps, start=1):
            key = node.key[: count + 1]
            found = self._attributes(step, types, node, count)
            if found is not None and is_row and not self._are_stored(step, found):
                return None
            type_ = (
                None if found is None else self._common(step, found, may_differ=count == 1 and node.root == "principal")
            )
            if found is None or type_ is None:
                return None
            is_definite &= key in known.present or not any(attribute.is_optional for attribute in found.values())
            narrowed = _narrow(type_, known.types.get(key))
            if count == len(node.steps) and too_far is not None:
                message = f"a path has at most {STEP_LIMIT} steps through references (this one has {references})"
                self._faults.refuse(
                    "E407", message, too_far.span, "what stands above at any depth is asked with `under`"
                )
                return None
            if count == len(node.steps):
                path = Path(Root(node.root), tuple(word.text for word in node.steps), type_)
                return ReadPath(path, narrowed, is_definite)
            is_row = isinstance(narrowed, RefType)
            references += is_row
            too_far = too_far or (node.steps[count] if references > STEP_LIMIT else None)
            if not isinstance(narrowed, RefType | RecordType):
                self._refuse_step(node.steps[count], step, narrowed)
                return None
            types = self._behind(narrowed, found)
        return None

    def _behind(self, type_: RefType | RecordType, found: Mapping[str, Attribute]) -> tuple[EntityType, ...]:
        """The types that a reference leads to, or the fields of a record, which are the same for all that have it."""
        if isinstance(type_, RefType):
            return self._types(frozenset(type_.targets))
        inside = next(iter(found.values())).inside
        return () if inside is None else (inside,)

    def _whole(self, node: ast.Path, types: tuple[EntityType, ...]) -> ReadPath | None:
        if node.root == "context":
            self._faults.refuse("E302", "`context` is no value", node.span, "name one of its fields")
            return None
        everyone = self._symbols.principals if node.root == "principal" else (self._resource,)
        type_ = RefType(everyone)
        return ReadPath(Path(Root(node.root), (), type_), RefType(tuple(t.name for t in types)), is_definite=True)

    def _start(self, root: str, known: Known) -> tuple[EntityType, ...]:
        match root:
            case "context":
                return (self._context,)
            case "principal":
                everyone = frozenset(self._symbols.principals)
                return self._types(known.types.get(("principal",), everyone) or everyone)
            case _:
                return self._types(frozenset({self._resource}))

    def _types(self, names: frozenset[str]) -> tuple[EntityType, ...]:
        known = self._symbols.schema.types
        return tuple(known[name] for name in sorted(names) if name in known)

    def _attributes(
        self, step: Word, types: tuple[EntityType, ...], node: ast.Path, count: int
    ) -> Mapping[str, Attribute] | None:
        """The attribute of that name, of every type that the place may have."""
        found: dict[str, Attribute] = {}
        for type_ in types:
            attribute = type_.attributes.get(step.text)
            if attribute is None:
                self._refuse_unknown(step, type_, types, node, count)
                return None
            found[type_.name] = attribute
        return found or None

    def _refuse_unknown(
        self, step: Word, type_: EntityType, types: tuple[EntityType, ...], node: ast.Path, count: int
    ) -> None:
        if type_ is self._context:
            self._faults.unknown("E214", "context field", step, type_.attributes)
            return
        others = [other.name for other in types if step.text in other.attributes]
        place = ".".join(node.key[:count])
        help_ = f"add `{place} is {others[0]}`" if others else did_you_mean(step.text, type_.attributes)
        self._faults.refuse("E203", f"unknown attribute `{step.text}` of `{type_.name}`", step.span, help_)

    def _are_stored(self, step: Word, found: Mapping[str, Attribute]) -> bool:
        """Whether a row behind a reference holds the attribute, of whichever type it is."""
        for name, attribute in found.items():
            if not self._symbols.schema.types[name].is_stored:
                self._faults.refuse("E304", f"`{name}` has no rows to step into", step.span)
                return False
            if attribute.origin is not Origin.STORE:
                self._faults.refuse(
                    "E304",
                    f"`{step.text}` of `{name}` is not stored",
                    step.span,
                    "behind a reference, only what is stored can be read",
                )
                return False
        return True

    def _common(self, step: Word, found: Mapping[str, Attribute], *, may_differ: bool) -> Type | None:
        types = [attribute.type for attribute in found.values()]
        if all(type_ == types[0] for type_ in types):
            return types[0]
        targets = [target for type_ in types if isinstance(type_, RefType) for target in type_.targets]
        if all(isinstance(type_, RefType) for type_ in types):
            return RefType(tuple(dict.fromkeys(targets)))
        if may_differ:
            raise DiffersByPrincipal
        self._faults.refuse(
            "E301",
            f"`{step.text}` has not the same type in {' and '.join(f'`{name}`' for name in found)}",
            step.span,
            "narrow with `is`",
        )
        return None

    def _refuse_step(self, step: Word, before: Word, type_: Type) -> None:
        if isinstance(type_, SetType):
            self._faults.refuse("E304", f"no step leads through the set `{before.text}`", step.span)
        else:
            self._faults.refuse(
                "E304", f"`{before.text}` is {with_article(type_)}: nothing stands behind it", step.span
            )


def _targets(type_: Type) -> tuple[str, ...]:
    return type_.targets if isinstance(type_, RefType) else ()


def _narrow(type_: Type, left: frozenset[str] | None) -> Type:
    if left is None or not isinstance(type_, RefType):
        return type_
    targets = tuple(target for target in type_.targets if target in left)
    return RefType(targets) if targets else type_
