"""Turns the declarations of all files into the schema and the tables of names; refuses what is declared twice."""

from collections.abc import Iterable, Sequence
from typing import Final

from policy_lang.checking.entity_types import refuse_reserved, resolve_context, resolve_types
from policy_lang.checking.grants import RoleResolver, resolve_actions, resolve_groups
from policy_lang.checking.symbols import Declared, Faults, Symbols, statements_of
from policy_lang.functions import FUNCTIONS
from policy_lang.limits import RULE_LIMIT
from policy_lang.schema import EntityType, Schema, StoredRelation
from policy_lang.syntax.ast import Word
from policy_lang.syntax.cases import Fixture, Test
from policy_lang.syntax.statements import ComputedRelation, File, Let, RoleDeclaration, Rule, Template
from policy_lang.syntax.statements import StoredRelation as StoredDeclaration
from policy_lang.types import EnumType, RecordType, SetType


def resolve(files: Sequence[File], faults: Faults) -> Symbols:
    """The names of a bundle."""
    _refuse_reserved_modules(files, faults)
    types = resolve_types(files, faults)
    actions = resolve_actions(files, types, faults)
    groups = resolve_groups(files, types, actions, faults)
    kinds = _kinds(files, types, faults)
    schema = Schema(
        types=types,
        actions=actions,
        context=resolve_context(files, types, faults),
        roles=RoleResolver(files, types, actions=actions, groups=groups, faults=faults).resolve(),
        relations=_stored_relations(files, types, faults),
    )
    rules, doubled = _rules(files, faults)
    return Symbols(
        schema=schema,
        modules=frozenset(file.module.text for file in files),
        groups=groups,
        lets={_full(found.module, found.statement.name): found for found in statements_of(files, Let)},
        computed=_computed_relations(files, schema, faults),
        fixtures={_full(found.module, found.statement.name): found for found in statements_of(files, Fixture)},
        rules=rules,
        doubled=doubled,
        templates={_full(found.module, found.statement.name): found for found in statements_of(files, Template)},
        tests=tuple(statements_of(files, Test)),
        kinds=kinds,
        members=_enum_members(types),
    )


RESERVED_MODULE: Final = "magistrate"
"""The module that the service brings itself (identity.md): nobody's policies lock its admins out, or in."""


def _refuse_reserved_modules(files: Iterable[File], faults: Faults) -> None:
    for file in files:
        if file.module.text == RESERVED_MODULE:
            message = f"module `{RESERVED_MODULE}` is the service's own"
            faults.refuse("E211", message, file.module.span, "choose another name")


def _full(module: str, name: Word) -> str:
    return f"{module}.{name.text}"


_KINDS = {
    RoleDeclaration: "role",
    Let: "let",
    Fixture: "fixture",
    ComputedRelation: "relation",
    StoredDeclaration: "relation",
    Template: "template",
}


def _kinds(files: Iterable[File], types: dict[str, EntityType], faults: Faults) -> dict[str, str]:
    """Full name → what it is. One name is one thing; only a relation may be declared on several types."""
    kinds: dict[str, str] = {}
    members = _enum_members(types)
    for file in files:
        for statement in file.statements:
            kind = _KINDS.get(type(statement))
            if kind is None or not isinstance(
                statement, RoleDeclaration | Let | Fixture | ComputedRelation | StoredDeclaration | Template
            ):
                continue
            name, full = statement.name, _full(file.module.text, statement.name)
            if refuse_reserved(name, faults):
                continue
            if name.text in types or (name.text in FUNCTIONS and kind in {"let", "relation"}):
                other = "type" if name.text in types else "function"
                faults.refuse("E211", f"`{name.text}` is a {other} already", name.span, "choose another name")
            elif name.text in members and kind in {"let", "relation"}:
                faults.refuse("E211", f"`{name.text}` is an enum member already", name.span, "choose another name")
            elif full in kinds and kinds[full] != kind:
                faults.refuse("E211", f"`{name.text}` is a {kinds[full]} already", name.span, "choose another name")
            elif full in kinds and kind != "relation":
                faults.refuse("E210", f"{kind} `{name.text}` is declared twice", name.span)
            kinds.setdefault(full, kind)
    return kinds


def _enum_members(types: dict[str, EntityType]) -> frozenset[str]:
    waiting = [attribute.type for type_ in types.values() for attribute in type_.attributes.values()]
    found: set[str] = set()
    while waiting:
        match waiting.pop():
            case SetType(element):
                waiting.append(element)
            case RecordType(fields):
                waiting += (field.type for field in fields)
            case EnumType(members):
                found.update(members)
            case _:
                pass
    return frozenset(found)


def _stored_relations(
    files: Iterable[File], types: dict[str, EntityType], faults: Faults
) -> dict[tuple[str, str], StoredRelation]:
    relations: dict[tuple[str, str], StoredRelation] = {}
    reachable = _principals_and_above(types)
    for found in statements_of(files, StoredDeclaration):
        declaration = found.statement
        on = types.get(declaration.on.text)
        if on is None:
            faults.unknown("E202", "type", declaration.on, types)
            continue
        if not on.is_stored:
            faults.refuse("E305", f"`{on.name}` has no rows to relate", declaration.on.span)
        for subject in declaration.subjects:
            if subject.text not in types:
                faults.unknown("E202", "type", subject, types)
            elif subject.text not in reachable:
                faults.refuse("E305", f"no principal is a `{subject.text}` or in one", subject.span)
        key = (_full(found.module, declaration.name), on.name)
        if key in relations:
            faults.refuse("E210", f"relation `{declaration.name.text}` on `{on.name}` is declared twice",
                          declaration.name.span)  # fmt: skip
        relations[key] = StoredRelation(key[0], on.name, tuple(subject.text for subject in declaration.subjects))
    return relations


def _principals_and_above(types: dict[str, EntityType]) -> frozenset[str]:
    reached: set[str] = set()
    ahead = [name for name, type_ in types.items() if type_.is_principal]
    while ahead:
        name = ahead.pop()
        if name not in reached and name in types:
            reached.add(name)
            ahead.extend(types[name].parents)
    return frozenset(reached)


def _computed_relations(
    files: Iterable[File], schema: Schema, faults: Faults
) -> dict[tuple[str, str], Declared[ComputedRelation]]:
    relations: dict[tuple[str, str], Declared[ComputedRelation]] = {}
    for found in statements_of(files, ComputedRelation):
        on, name = found.statement.on, found.statement.name
        key = (_full(found.module, name), on.text)
        if on.text not in schema.types:
            faults.unknown("E202", "type", on, schema.types)
        elif key in relations or key in schema.relations:
            faults.refuse("E210", f"relation `{name.text}` on `{on.text}` is declared twice", name.span)
        else:
            relations[key] = found
    return relations


def _rules(files: Iterable[File], faults: Faults) -> tuple[dict[str, Declared[Rule]], tuple[Declared[Rule], ...]]:
    """The rules by full id, and those whose id another rule has."""
    rules: dict[str, Declared[Rule]] = {}
    doubled: list[Declared[Rule]] = []
    for found in statements_of(files, Rule):
        name = found.statement.id
        full = _full(found.module, name)
        if full in rules:
            first = rules[full].statement.id.span.location
            faults.refuse("E210", f"rule `{name.text}` is declared twice", name.span, f"it is declared in {first}")
            doubled.append(found)
            continue
        rules[full] = found
        if len(rules) == RULE_LIMIT + 1:
            faults.refuse("E405", f"a bundle has at most {RULE_LIMIT} rules", name.span)
    return rules, tuple(doubled)
