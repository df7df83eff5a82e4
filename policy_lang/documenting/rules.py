"""Documents who may do what: for each type and action the rules that allow and deny, in sentences."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from policy_lang.decision import Effect
from policy_lang.documenting.markdown import code, codes, plain, table
from policy_lang.reviewing.wording import Wording
from policy_lang.typed import ClauseKind, HoldsRole, Program, Rule
from policy_lang.walk import nodes

_WORDS: Final[Mapping[ClauseKind, str]] = {ClauseKind.WHEN: "if", ClauseKind.UNLESS: "unless"}


def permissions(program: Program) -> Iterator[str]:
    """For each type the actions, those with the same rules together."""
    yield from ("## Who may do what", "")
    yield from ("A request is allowed where a rule allows it and none denies it. What is unknown is not allowed.", "")
    wording = Wording(program.schema)
    for type_, actions in sorted(program.schema.actions.items()):
        yield from (f"### On {code(type_)}", "")
        for rules, named in _together(program, type_, actions):
            said = [
                f"{code(name)} (makes it)" if program.schema.makes_row(type_, name) else code(name) for name in named
            ]
            yield from (f"#### {', '.join(said)}", "")
            if granting := _granting(program, rules, type_, named[0]):
                yield from (f"Roles that grant it: {codes(granting)}.", "")
            yield from _section("Allowed", rules, wording, effect=Effect.ALLOW)
            yield from _section("Denied all the same", rules, wording, effect=Effect.DENY)
            shadows = [_sentence(rule, wording) for rule in rules if rule.is_shadow]
            yield from ("Only recorded, as if they counted:", "", *shadows, "") if shadows else ()


def obligations(program: Program) -> Iterator[str]:
    """What callers are obliged to, and the codes that they are told."""
    rules = {rule.id: rule for found in program.rules.values() for rule in found}
    wording = Wording(program.schema)
    duties = sorted({(wording.obligation(each), rule.id) for rule in rules.values() for each in rule.obligations})
    told = sorted({(rule.code, rule.id) for rule in rules.values() if rule.code})
    if duties:
        yield from ("## Obligations", "", "A caller that cannot do what it is obliged to must deny.", "")
        yield from table(("obligation", "of rule"), ((code(duty), code(id_)) for duty, id_ in duties))
    if told:
        yield from ("## Codes", "")
        yield from table(
            ("code", "of rule", "because"), ((code(text), code(id_), plain(rules[id_].reason)) for text, id_ in told)
        )


def _together(program: Program, type_: str, actions: Iterable[str]) -> list[tuple[tuple[Rule, ...], list[str]]]:
    """The actions in their order, each beside the first that the same rules are about."""
    groups: dict[tuple[str, ...], tuple[tuple[Rule, ...], list[str]]] = {}
    for action in actions:
        rules = program.in_play[type_, action]
        granting = _granting(program, rules, type_, action)
        key = (*(rule.id for rule in rules), str(program.schema.makes_row(type_, action)), *granting)
        groups.setdefault(key, (rules, []))[1].append(action)
    return list(groups.values())


def _granting(program: Program, rules: Iterable[Rule], type_: str, action: str) -> list[str]:
    """The roles that grant an action, where a rule allows what roles grant."""
    conditions = (clause.condition for rule in rules for clause in rule.clauses)
    is_granted = any(isinstance(node, HoldsRole) and node.roles is None for node in nodes(*conditions))
    return sorted(program.schema.granting(type_, action)) if is_granted else []


def _section(title: str, rules: Iterable[Rule], wording: Wording, *, effect: Effect) -> Iterator[str]:
    found = [_sentence(rule, wording) for rule in rules if rule.effect is effect and not rule.is_shadow]
    if found:
        yield from (f"{title}:", "", *found, "")
    elif effect is Effect.ALLOW:
        yield from ("Nobody may.", "")


def _sentence(rule: Rule, wording: Wording) -> str:
    """A rule: to whom, if what, unless what; its reason, code and obligations."""
    to = [clause.text for clause in rule.clauses if clause.kind is ClauseKind.TO]
    subject = f"{code(to[0])}" if to else "anyone"
    parts = [f"{_WORDS[each.kind]} {code(each.text)}" for each in rule.clauses if each.kind in _WORDS]
    verb = "denied to" if rule.effect is Effect.DENY else "allowed to"
    said = f"- {code(rule.id)}: {verb} {subject}{''.join(f', {part}' for part in parts)}."
    if rule.reason:
        said += f" Because {plain(rule.reason)}."
    if rule.code:
        said += f" Code {code(rule.code)}."
    if rule.hide:
        said += " The resource is hidden: the caller should answer “not found”."
    if rule.obligations:
        said += f" Obliges to {codes(map(wording.obligation, rule.obligations))}."
    return said
