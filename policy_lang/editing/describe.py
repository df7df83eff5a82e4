"""Says what a name stands for: its declaration in short, and what a reader wants to know beside it."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from policy_lang.checking.symbols import Declared, Symbols
from policy_lang.editing.attributes import find_attribute
from policy_lang.editing.index import Index
from policy_lang.editing.names import Kind, Symbol
from policy_lang.functions import FUNCTIONS
from policy_lang.schema import Attribute, Origin
from policy_lang.syntax.ast import EntityLiteral, Expression
from policy_lang.syntax.statements import Rule, TemplateParameter
from policy_lang.types import EnumType

_WIDTH: Final = 200
"""How much of an expression is shown."""

_SCALARS: Final[Mapping[str, str]] = {
    "bool": "true or false",
    "int": "a whole number within ±(2^53−1)",
    "decimal": "a number with four places",
    "string": "text: equal only if identical, no order",
    "timestamp": "an instant in milliseconds UTC, written `2026-01-05T10:00:00Z`",
    "duration": "a length of time, written `15m`, `1d12h`",
    "timezone": "a name in the pinned tzdata, such as `Europe/Paris`",
    "ip": "one address; `::ffff:a.b.c.d` is read as IPv4",
    "network": "a network without host bits, such as `10.0.0.0/8`",
}
_ROOTS: Final[Mapping[str, str]] = {
    "principal": "who asks",
    "resource": "what the action is done to",
    "context": "what the request carries besides",
    "id": "the id of the entity, a string",
    "now": "the time of the request, set by the service",
}
_ORIGINS: Final[Mapping[Origin, str]] = {
    Origin.STORE: "stored",
    Origin.REQUEST: "from the request",
    Origin.CLAIM: "from the token's claims",
}


@dataclass(frozen=True, slots=True)
class Description:
    """A declaration in short, as policy text, and sentences about it."""

    signature: str
    facts: tuple[str, ...] = ()


def describe(meant: Symbol, index: Index) -> Description:
    """What a reader is told about a symbol."""
    return _BY_KIND[meant.kind](meant, index.symbols)


def attribute_text(attribute: Attribute) -> str:
    """`name: type`, with `?` where it is optional."""
    return f"{attribute.name}: {attribute.type}{'?' if attribute.is_optional else ''}"


def _module(meant: Symbol, _: Symbols) -> Description:
    return Description(f"module {meant.way[0]}")


def _type(meant: Symbol, symbols: Symbols) -> Description:
    type_ = symbols.schema.types.get(meant.way[0])
    if type_ is None:
        return Description(f"type {meant.way[0]}")
    marks = ("tenant " if type_.is_tenant else "") + ("principal " if type_.is_principal else "")
    listable = " listable" if type_.is_listable else ""
    parents = f" in {', '.join(type_.parents)}" if type_.parents else ""
    body = "".join(f"\n  {attribute_text(attribute)}," for attribute in type_.attributes.values())
    facts = () if type_.is_stored else (f"No rows: {_ORIGINS[type_.rows]}.",)
    return Description(
        f"{marks}type {type_.name}{listable}{parents} {{{body}\n}}"
        if body
        else f"{marks}type {type_.name}{parents} {{}}",
        facts,
    )


def _scalar(meant: Symbol, _: Symbols) -> Description:
    return Description(meant.way[0], _sentence(_SCALARS.get(meant.way[0], "")))


def _attribute(meant: Symbol, symbols: Symbols) -> Description:
    attribute = find_attribute(meant, symbols.schema)
    way = ("context", *meant.way) if meant.kind is Kind.FIELD else meant.way
    if attribute is None:
        return Description(".".join(way))
    return Description(".".join((*way[:-1], attribute_text(attribute))), _facts_of(attribute))


def _facts_of(attribute: Attribute) -> tuple[str, ...]:
    claim = " " + " ".join(f'"{step}"' for step in attribute.claim) if attribute.claim else ""
    words = [_ORIGINS[attribute.origin] + claim]
    words += ["optional"] if attribute.is_optional else []
    words += ["sensitive: never quoted, masked in the record"] if attribute.is_sensitive else []
    return _sentence(", ".join(words))


def _member(meant: Symbol, _: Symbols) -> Description:
    *members, member = meant.way
    return Description(member, (f"One of `{EnumType(tuple(members))}`.",))


def _action(meant: Symbol, symbols: Symbols) -> Description:
    type_, name = meant.way
    groups = [group for group, actions in symbols.groups.get(type_, {}).items() if name in actions]
    facts = [
        *(["Makes the resource, which has no row yet."] if symbols.schema.actions.get(type_, {}).get(name) else []),
        *([f"In {_listed(groups)}."] if groups else []),
        *_granted_by(sorted(symbols.schema.granting(type_, name))),
    ]
    return Description(f"action {name} on {type_}", tuple(facts))


def _granted_by(roles: list[str]) -> list[str]:
    return [f"Granted by {_listed(roles)}."] if roles else []


def _group(meant: Symbol, symbols: Symbols) -> Description:
    type_, name = meant.way
    actions = symbols.groups.get(type_, {}).get(name, frozenset())
    return Description(f"group {name} on {type_} = {', '.join(sorted(actions))}")


def _role(meant: Symbol, symbols: Symbols) -> Description:
    role = symbols.schema.roles.get(meant.way[0])
    if role is None:
        return Description(f"role {meant.way[0]}")
    grants = "; ".join(f"{type_}: {', '.join(sorted(actions))}" for type_, actions in sorted(role.grants.items()))
    others = sorted(role.included - {role.name})
    place = f" on {role.on}" if role.on else ""
    facts = [f"Includes {_listed(others)}."] if others else []
    return Description(
        f"role {role.name}{place} {{ {grants} }}" if grants else f"role {role.name}{place} {{}}",
        (*facts, *(() if role.on else ("Held globally.",))),
    )


def _relation(meant: Symbol, symbols: Symbols) -> Description:
    full, type_ = meant.way
    stored = symbols.schema.relations.get((full, type_))
    if stored is not None:
        return Description(f"relation {full} on {type_}: {', '.join(stored.subjects)}", ("Stored rows.",))
    computed = symbols.computed.get((full, type_))
    body = "" if computed is None else f" = {_shown(computed.statement.body)}"
    return Description(f"relation {full} on {type_}{body}", ("Computed.",))


def _let(meant: Symbol, symbols: Symbols) -> Description:
    let = symbols.lets.get(meant.way[0])
    return Description(f"let {meant.way[0]}" + ("" if let is None else f" = {_shown(let.statement.body)}"))


def _rule(meant: Symbol, symbols: Symbols) -> Description:
    found = symbols.rules.get(meant.way[0])
    if found is None:
        return Description(f"rule {meant.way[0]}")
    rule = found.statement
    shadow = "shadow " if rule.is_shadow else ""
    effect = "allow" if rule.is_allow else "deny"
    facts = () if rule.reason is None else (f'"{rule.reason.written.text}"',)
    return Description(f"{shadow}rule {meant.way[0]}: {effect} {_actions_of(rule)} on {_types_of(rule)}", facts)


def _template(meant: Symbol, symbols: Symbols) -> Description:
    found = symbols.templates.get(meant.way[0])
    if found is None:
        return Description(f"template {meant.way[0]}")
    rule = found.statement.rule
    parameters = ", ".join(_parameter_text(parameter) for parameter in found.statement.parameters)
    effect = "allow" if rule.is_allow else "deny"
    return Description(f"template {meant.way[0]}({parameters}): {effect} {_actions_of(rule)} on {_types_of(rule)}")


def _parameter(meant: Symbol, symbols: Symbols) -> Description:
    full, name = meant.way
    found = symbols.templates.get(full)
    parameters = () if found is None else found.statement.parameters
    text = next((_parameter_text(each) for each in parameters if each.name.text == name), name)
    return Description(text, (f"A parameter of `{full}`.",))


def _parameter_text(parameter: TemplateParameter) -> str:
    return " ".join(parameter.span.text.split())


def _actions_of(rule: Rule) -> str:
    if rule.actions is None:
        return "granted" if rule.is_granted else "any"
    return ", ".join(action.text for action in rule.actions)


def _types_of(rule: Rule) -> str:
    return "any" if rule.on is None else ", ".join(type_.text for type_ in rule.on)


def _fixture(meant: Symbol, symbols: Symbols) -> Description:
    found = symbols.fixtures.get(meant.way[0])
    written = None if found is None else found.statement.entity.subject
    entity = f' = {written.type.text} "{written.id.text}"' if isinstance(written, EntityLiteral) else ""
    return Description(f"fixture {meant.way[0]}{entity}")


def _code(meant: Symbol, symbols: Symbols) -> Description:
    givers = [full for full, found in symbols.rules.items() if _says(found, meant.way[0])]
    return Description(f"code {meant.way[0]}", (f"Of {_listed(sorted(givers))}.",) if givers else ())


def _says(found: Declared[Rule], code: str) -> bool:
    return found.statement.code is not None and found.statement.code.text == code


def _obligation(meant: Symbol, symbols: Symbols) -> Description:
    givers = [
        full
        for full, found in symbols.rules.items()
        if any(obligation.name.text == meant.way[0] for obligation in found.statement.obligations)
    ]
    return Description(f"oblige {meant.way[0]}", (f"Of {_listed(sorted(givers))}.",) if givers else ())


def _function(meant: Symbol, _: Symbols) -> Description:
    function = FUNCTIONS[meant.way[0]]
    return Description(f"{function.signature}: {function.result}")


def _root(meant: Symbol, _: Symbols) -> Description:
    return Description(meant.way[0], _sentence(_ROOTS[meant.way[0]]))


def _sentence(text: str) -> tuple[str, ...]:
    return (text[:1].upper() + text[1:] + ".",) if text else ()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _shown(body: Expression) -> str:
    text = " ".join(body.span.text.split())
    return text if len(text) <= _WIDTH else text[:_WIDTH] + "…"


_BY_KIND: Final[Mapping[Kind, Callable[[Symbol, Symbols], Description]]] = {
    Kind.MODULE: _module,
    Kind.TYPE: _type,
    Kind.SCALAR: _scalar,
    Kind.ATTRIBUTE: _attribute,
    Kind.MEMBER: _member,
    Kind.FIELD: _attribute,
    Kind.ACTION: _action,
    Kind.GROUP: _group,
    Kind.ROLE: _role,
    Kind.RELATION: _relation,
    Kind.LET: _let,
    Kind.RULE: _rule,
    Kind.TEMPLATE: _template,
    Kind.PARAMETER: _parameter,
    Kind.FIXTURE: _fixture,
    Kind.CODE: _code,
    Kind.OBLIGATION: _obligation,
    Kind.FUNCTION: _function,
    Kind.ROOT: _root,
}
