"""Lays the rules of two bundles for one kind of question side by side, and tells which of them say the same."""

from collections.abc import Iterator
from dataclasses import dataclass

from policy_lang.compiler import Key
from policy_lang.fold import FoldedRule
from policy_lang.reviewing.contents import attribute_line
from policy_lang.reviewing.weighing import Side, roots, side_of
from policy_lang.reviewing.wording import Wording
from policy_lang.schema import Attribute
from policy_lang.typed import HoldsRole, Path, Program, Related, Root, Rule, Under
from policy_lang.walk import nodes

Face = tuple[object, ...]


@dataclass(frozen=True, slots=True)
class Pair:
    """The two sides of one kind of question; `alike` are the ids of rules that say the same of the same inputs."""

    old: Side
    new: Side
    alike: frozenset[str]

    @property
    def differing(self) -> frozenset[str]:
        """The ids of the others."""
        return frozenset(self.old.rules.keys() | self.new.rules.keys()) - self.alike


def keys_of(program: Program) -> set[Key]:
    """Every kind of question that can be asked: principal type, resource type, action."""
    schema = program.schema
    principals = [name for name, declared in schema.types.items() if declared.is_principal]
    return {
        (principal, type_, action)
        for principal in principals
        for type_, actions in schema.actions.items()
        for action in actions
    }


def common_keys(old: Program, new: Program) -> list[Key]:
    """Those that can be asked of both."""
    return sorted(keys_of(old) & keys_of(new))


def pair_of(old: Program, new: Program, key: Key) -> Pair | None:
    """The two sides of a kind of question; None where they answer it alike, whatever it is."""
    first, second = side_of(old, key), side_of(new, key)
    if _frame(first) != _frame(second):
        return Pair(first, second, frozenset())
    faces, others = _faces(first), _faces(second)
    if faces == others:
        return None
    return Pair(first, second, frozenset(id_ for id_ in faces.keys() & others.keys() if faces[id_] == others[id_]))


def telling_roles(pair: Pair) -> tuple[str, ...]:
    """Of the roles that count alike wherever rules ask for one, and are given at one type, one each: the least."""
    asked = sorted(pair.old.role_sets | pair.new.role_sets, key=sorted)
    telling: dict[Face, str] = {}
    for side in (pair.new, pair.old):
        for name, role in sorted(side.schema.roles.items(), key=lambda entry: (len(entry[1].included), entry[0])):
            counts = tuple(name in roles for roles in asked)
            if any(counts):
                telling.setdefault((role.on, *counts), name)
    return tuple(sorted(telling.values()))


def says(rule: Rule) -> Face:
    """What of a rule the answer depends on, besides what it comes to; the words of its reason are not among it."""
    return (rule.effect, rule.is_shadow, rule.code, rule.hide)


def _frame(side: Side) -> Face:
    """What else than rules the answer depends on."""
    types, case = side.schema.types, side.case
    return (side.makes_row, types[case.principal_type].rows, types[case.resource_type].rows)


def _faces(side: Side) -> dict[str, Face]:
    wording = Wording(side.schema)
    return {id_: _face(side, folded, wording) for id_, folded in side.rules.items()}


def _face(side: Side, folded: FoldedRule, wording: Wording) -> Face:
    """All that a rule says, and all that is declared of what it reads."""
    duties = tuple(sorted(map(wording.obligation, folded.rule.obligations)))
    declared = {line for node in nodes(*roots(folded)) for line in _declared(side, node)}
    return (says(folded.rule), wording.condition(folded.condition), duties, frozenset(declared))


def _declared(side: Side, node: object) -> Iterator[str]:
    schema = side.schema
    match node:
        case Path():
            yield from (f"{node}: {attribute_line(each)}" for each in _on_the_way(side, node))
        case HoldsRole():
            yield from (f"{role} on {schema.roles[role].on}" for role in node.roles or () if role in schema.roles)
        case Related():
            yield from (f"{key}: {each.subjects}" for key, each in schema.relations.items() if key[0] == node.relation)
    if isinstance(node, Under | Related) or (isinstance(node, HoldsRole) and node.over):
        yield from (f"{type_.name} in {sorted(type_.parents)} from {type_.rows}" for type_ in schema.types.values())


def _on_the_way(side: Side, path: Path) -> Iterator[Attribute]:
    """The declarations of the attributes that a path leads through."""
    types, case = side.schema.types, side.case
    match path.root:
        case Root.CONTEXT:
            declared = [side.schema.context]
        case Root.PRINCIPAL:
            declared = [types[case.principal_type].attributes]
        case Root.RESOURCE:
            declared = [types[case.resource_type].attributes]
    for step in path.steps:
        found = [attributes[step] for attributes in declared if step in attributes]
        yield from found
        declared = [behind.attributes for each in found for behind in side.schema.behind(each)]
