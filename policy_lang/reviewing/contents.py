"""Words all that a bundle declares, item by item: equal lines for what says the same, whatever its layout and order."""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from policy_lang.reviewing.wording import Wording, quoted
from policy_lang.schema import Attribute, EntityType, Origin, Role
from policy_lang.typed import Program, Rule

Lines = tuple[str, ...]


class Kind(Enum):
    """What an item is, in the order in which items are shown."""

    TYPE = "type"
    CONTEXT = "context"
    ACTIONS = "actions"
    ROLE = "role"
    RELATION = "relation"
    RULE = "rule"


@dataclass(frozen=True, slots=True)
class Item:
    """Something that is declared: a type, the context, the actions of a type, a role, a stored relation, a rule."""

    kind: Kind
    name: str

    def __str__(self) -> str:
        return self.kind.value if self.kind is Kind.CONTEXT else f"{self.kind.value} {self.name}"


def contents(program: Program) -> dict[Item, Lines]:
    """Every item of a bundle, by kind and name, with its lines."""
    schema = program.schema
    found = {Item(Kind.TYPE, name): type_lines(declared) for name, declared in schema.types.items()}
    if schema.context:
        found[Item(Kind.CONTEXT, "context")] = ("context", *_attributes(schema.context))
    for type_, actions in schema.actions.items():
        names = (f"  new {name}" if makes else f"  {name}" for name, makes in sorted(actions.items()))
        found[Item(Kind.ACTIONS, type_)] = (f"actions {type_}", *names)
    found |= {Item(Kind.ROLE, name): _role(role) for name, role in schema.roles.items()}
    for (name, on), relation in schema.relations.items():
        line = f"relation {name} on {on}: {', '.join(sorted(relation.subjects))}"
        found[Item(Kind.RELATION, f"{name} on {on}")] = (line,)
    found |= {Item(Kind.RULE, id_): lines for id_, lines in rules(program).items()}
    kinds = list(Kind)
    return dict(sorted(found.items(), key=lambda entry: (kinds.index(entry[0].kind), entry[0].name)))


def rules(program: Program) -> dict[str, Lines]:
    """The rules by full id; one that differs by type of resource has a head for each."""
    wording = Wording(program.schema)
    bodies: dict[str, dict[tuple[str, Lines], list[str]]] = defaultdict(lambda: defaultdict(list))
    for type_, found in sorted(program.rules.items()):
        for rule in found:
            actions = ", ".join(sorted(rule.actions))
            bodies[rule.id][actions, _body(rule, wording)].append(type_)
    effects = {rule.id: rule for found in program.rules.values() for rule in found}
    return {
        id_: tuple(
            line
            for (actions, body), types in parts.items()
            for line in (f"{_head(effects[id_])} {actions} on {', '.join(types)}", *body)
        )
        for id_, parts in bodies.items()
    }


def locations(program: Program) -> dict[Item, str]:
    """Rule → where it stands, as `PATH:LINE`."""
    return {Item(Kind.RULE, rule.id): rule.span.location for found in program.rules.values() for rule in found}


def type_lines(declared: EntityType) -> Lines:
    """A type and its attributes."""
    marks = {"tenant ": declared.is_tenant, "principal ": declared.is_principal}
    head = f"{''.join(mark for mark, is_set in marks.items() if is_set)}type {declared.name}"
    if declared.is_listable:
        head += " listable"
    if declared.parents:
        head += f" in {', '.join(sorted(declared.parents))}"
    if declared.rows is not Origin.STORE:
        head += f" from {'token' if declared.rows is Origin.CLAIM else 'request'}"
    return (head, *_attributes(declared.attributes))


def attribute_line(attribute: Attribute) -> str:
    """`mfa: bool?`."""
    line = f"{attribute.name}: {attribute.type}{'?' if attribute.is_optional else ''}"
    if attribute.origin is Origin.REQUEST:
        line += " from request"
    if attribute.origin is Origin.CLAIM and attribute.claim:
        line += f" from claim {' '.join(map(quoted, attribute.claim))}"
    return line + (" sensitive" if attribute.is_sensitive else "")


def _attributes(attributes: Mapping[str, Attribute]) -> Lines:
    return tuple(f"  {attribute_line(attribute)}" for _, attribute in sorted(attributes.items()))


def _role(role: Role) -> Lines:
    included = [f"  includes {name}" for name in sorted(role.included - {role.name})]
    grants = [f"  {type_}: {', '.join(sorted(actions))}" for type_, actions in sorted(role.grants.items()) if actions]
    return (f"role {role.name}{f' on {role.on}' if role.on else ''}", *included, *grants)


def _head(rule: Rule) -> str:
    return f"{'shadow ' if rule.is_shadow else ''}rule {rule.id}: {rule.effect.value}"


def _body(rule: Rule, wording: Wording) -> Lines:
    lines = [line for clause in rule.clauses for line in wording.clause(clause)]
    kinds = ("to", "when", "unless")
    lines = sorted(set(lines), key=lambda line: (kinds.index(line.partition(" ")[0]), line))
    lines += [f"reason {quoted(rule.reason)}"] if rule.reason else []
    lines += [f"code {rule.code}"] if rule.code else []
    lines += ["hide"] if rule.hide else []
    lines += [f"oblige {each}" for each in sorted(map(wording.obligation, rule.obligations))]
    return tuple(f"  {line}" for line in lines)
