"""Documents what a bundle declares: types, context, roles and what they grant, relations, named conditions."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

from policy_lang.documenting.markdown import code, codes, table
from policy_lang.schema import Attribute, EntityType, Origin, Role, Schema
from policy_lang.syntax.statements import ComputedRelation, File, GroupDeclaration, Let

Kind = TypeVar("Kind", ComputedRelation, Let, GroupDeclaration)

_ROWS: Final[Mapping[Origin, str]] = {
    Origin.STORE: "kept in the store",
    Origin.REQUEST: "described by the request",
    Origin.CLAIM: "described by the verified token",
}
_SOURCES: Final[Mapping[Origin, str]] = {
    Origin.STORE: "the store",
    Origin.REQUEST: "the request",
    Origin.CLAIM: "the token",
}


def types(schema: Schema) -> Iterator[str]:
    """Every type, with its attributes and where they come from."""
    yield from ("## Types", "")
    for name, declared in sorted(schema.types.items()):
        yield from (f"### {code(name)}", "", f"{_said_of(declared)}.", "")
        yield from _attributes(declared.attributes)
    if schema.context:
        yield from ("### The context of a request", "", "What a request says besides; `now` is always there.", "")
        yield from _attributes(schema.context)


def roles(schema: Schema, granted_by: Sequence[str]) -> Iterator[str]:
    """Every role, and a matrix of roles and actions for each type.

    `granted_by` are the rules that allow what roles grant.
    """
    if not schema.roles:
        return
    yield from ("## Roles", "")
    rows = [
        (code(name), f"at a {code(role.on)}" if role.on else "globally", codes(sorted(role.included - {name})))
        for name, role in sorted(schema.roles.items())
    ]
    yield from table(("role", "is given", "includes"), rows)
    for type_, actions in sorted(schema.actions.items()):
        granting = [role for _, role in sorted(schema.roles.items()) if role.grants.get(type_)]
        if granting:
            yield from (f"### Roles × actions on {code(type_)}", "")
            matrix = (
                [code(role.name), *(_grant(role, schema, type_, action) for action in actions)] for role in granting
            )
            yield from table(("role", *map(code, actions)), matrix)
    if granted_by:
        yield from (f"What a role grants is allowed by {codes(granted_by)}, where no rule denies it.", "")
    elif any(role.grants for role in schema.roles.values()):
        yield from ("No rule allows what is `granted`: roles count only where rules name them.", "")


def relations(schema: Schema, files: Sequence[File]) -> Iterator[str]:
    """Stored relations, computed ones, named conditions and groups of actions, in the order of their names."""
    stored = [
        (code(name), code(on), f"rows that lead to {codes(sorted(relation.subjects))}")
        for (name, on), relation in sorted(schema.relations.items())
    ]
    computed = [
        (code(full), code(each.on.text), f"where {code(each.body.span.text)}")
        for full, each in _named(files, ComputedRelation)
    ]
    if stored or computed:
        yield from ("## Relations", "")
        yield from table(("relation", "of a", "is"), sorted(stored + computed))
    lets = [(code(full), code(each.body.span.text)) for full, each in _named(files, Let)]
    if lets:
        yield from ("## Named conditions and values", "")
        yield from table(("name", "stands for"), lets)
    groups = [
        (code(each.name.text), code(each.type.text), codes(word.text for word in each.actions))
        for _, each in _named(files, GroupDeclaration)
    ]
    if groups:
        yield from ("## Groups of actions", "")
        yield from table(("group", "on", "actions"), groups)


def _named(files: Sequence[File], kind: type[Kind]) -> list[tuple[str, Kind]]:
    """The statements of a kind by their full names, sorted."""
    found = [
        (f"{file.module.text}.{each.name.text}", each)
        for file in files
        for each in file.statements
        if isinstance(each, kind)
    ]
    return sorted(found, key=lambda entry: (entry[0], entry[1].name.span.start))


def _said_of(declared: EntityType) -> str:
    """What a type is, in one sentence."""
    said = []
    if declared.is_tenant:
        said.append("a tenant")
    if declared.is_principal:
        said.append("may ask")
    if declared.parents:
        said.append(f"stands in {codes(sorted(declared.parents))}")
    said.append(_ROWS[declared.rows])
    if declared.is_listable:
        said.append("can be listed")
    sentence = "; ".join(said)
    return sentence[0].upper() + sentence[1:]


def _attributes(attributes: Mapping[str, Attribute]) -> list[str]:
    rows = [
        (
            code(name) + (" (sensitive)" if each.is_sensitive else ""),
            code(str(each.type)),
            "may be left out" if each.is_optional else "always",
            _source(each),
        )
        for name, each in sorted(attributes.items())
    ]
    return table(("attribute", "type", "set", "from"), rows)


def _source(attribute: Attribute) -> str:
    if attribute.claim:
        return f"{_SOURCES[attribute.origin]}, claim {code('.'.join(attribute.claim))}"
    return _SOURCES[attribute.origin]


def _grant(role: Role, schema: Schema, type_: str, action: str) -> str:
    """Whether a role grants an action, and through which included role, the least first."""
    if action not in role.grants.get(type_, ()):
        return ""
    included = (schema.roles[name] for name in sorted(role.included - {role.name}))
    through = [other for other in included if action in other.grants.get(type_, ())]
    least = min(through, key=lambda other: (len(other.included), other.name), default=None)
    return "yes" if least is None else f"by {code(least.name)}"
