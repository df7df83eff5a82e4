"""Lints rules beside each other: one that never applies, that a deny rule always beats, that repeats another.

Rules are compared by what they consist of, looked up by hash: the time grows with the number of rules, not its square.
"""

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Final

from policy_lang.decision import Effect
from policy_lang.diagnostics import Diagnostic, warning
from policy_lang.linting.conjuncts import conjuncts, signature
from policy_lang.linting.contradictions import conflict
from policy_lang.linting.settled import is_settled
from policy_lang.linting.subject import Subject
from policy_lang.typed import Path, Rule

_Signature = frozenset[Hashable]
_Entry = tuple[str, str, Rule, _Signature]
"""A rule's id, a type of resource, the rule as it stands for that, and what it asks for."""
_SHOWN: Final = 3


def lint_rules(subject: Subject) -> Iterator[Diagnostic]:
    """What is wrong with whole rules."""
    rules = subject.rules
    yield from _grants_nothing(subject, rules)
    dead = {id_ for id_, by_type in rules.items() if all(_never_applies(rule) for rule in by_type.values())}
    for id_ in sorted(dead):
        help_ = next(filter(None, map(_never_applies, rules[id_].values())))
        yield warning("W201", f"rule `{_short(id_)}` never applies", subject.place(id_), help_)
    alive = {id_: by_type for id_, by_type in rules.items() if id_ not in dead}
    signatures = {id_: {type_: signature(rule) for type_, rule in each.items()} for id_, each in alive.items()}
    yield from _beaten(subject, alive, signatures)
    yield from _repeated(subject, alive, signatures)


def _grants_nothing(subject: Subject, rules: Mapping[str, object]) -> Iterator[Diagnostic]:
    for id_ in subject.symbols.rules:
        if id_ not in rules:
            message = f"rule `{_short(id_)}` never applies: no role grants an action there"
            yield warning("W201", message, subject.place(id_), "grant something, or name the actions")


def _never_applies(rule: Rule) -> str:
    """Why no data makes all of a rule true; nothing where some may."""
    parts = conjuncts(rule)
    if any(is_settled(condition, _is_there) is (not is_true) for condition, is_true in parts):
        return "a part of it is never true"
    about = conflict(parts)
    return f"what it asks of {about} contradicts itself" if about else ""


def _is_there(_: Path) -> bool:
    """What is there, or not, makes no rule apply or not apply to everything."""
    return False


def _beaten(
    subject: Subject, rules: Mapping[str, Mapping[str, Rule]], signatures: Mapping[str, Mapping[str, _Signature]]
) -> Iterator[Diagnostic]:
    """Allow rules that never decide, since where they are true a deny rule is."""
    denies = _Cover(each for each in _entries(rules, signatures) if _is_live(each[2], Effect.DENY))
    for id_, by_type in rules.items():
        if not all(_is_live(rule, Effect.ALLOW) for rule in by_type.values()):
            continue
        found = [denies.of(type_, rule, signatures[id_][type_]) for type_, rule in by_type.items()]
        by = [names for names in found if names is not None]
        if len(by) == len(found):
            message = f"rule `{_short(id_)}` never decides: where it allows, {_named(frozenset().union(*by))} denies"
            yield warning("W202", message, subject.place(id_), "a deny beats every allow")


def _repeated(
    subject: Subject, rules: Mapping[str, Mapping[str, Rule]], signatures: Mapping[str, Mapping[str, _Signature]]
) -> Iterator[Diagnostic]:
    """Rules that add nothing: all that they decide, others decide the same way."""
    kinds: dict[Hashable, list[_Entry]] = defaultdict(list)
    for entry in _entries(rules, signatures):
        kinds[_answer(entry[2])].append(entry)
    covered: dict[str, dict[str, frozenset[str]]] = defaultdict(dict)
    for same in kinds.values():
        cover = _Cover(same)
        for id_, type_, rule, sign in same:
            by = cover.of(type_, rule, sign)
            if by is not None:
                covered[id_][type_] = by
    for id_, found in sorted(covered.items()):
        if len(found) < len(rules[id_]):
            continue
        by = frozenset(name for names in found.values() for name in names)
        message = f"rule `{_short(id_)}` adds nothing to {_named(by)}"
        yield warning("W203", message, subject.place(id_), "all that it decides is decided without it")


def _answer(rule: Rule) -> Hashable:
    """What a rule tells its caller, besides the reason."""
    return rule.effect, rule.is_shadow, rule.code, rule.hide, rule.obligations


def _entries(
    rules: Mapping[str, Mapping[str, Rule]], signatures: Mapping[str, Mapping[str, _Signature]]
) -> Iterator[_Entry]:
    for id_, by_type in rules.items():
        for type_, rule in by_type.items():
            yield id_, type_, rule, signatures[id_][type_]


def _is_live(rule: Rule, effect: Effect) -> bool:
    return rule.effect is effect and not rule.is_shadow


class _Cover:
    """Rules by what they ask for, to find those that ask for no more than another.

    Each is filed under its rarest conjunct: another that asks for as much or more has that one too.
    """

    def __init__(self, rules: Iterable[_Entry]) -> None:
        found = list(rules)
        counts = Counter((type_, part) for _, type_, _, sign in found for part in sign)
        self._actions: dict[tuple[str, _Signature], dict[str, str]] = defaultdict(dict)
        self._filed: dict[tuple[str, Hashable], dict[_Signature, None]] = defaultdict(dict)
        for id_, type_, rule, sign in sorted(found, key=lambda each: (-len(each[2].actions), each[0])):
            rarest = min(sign, key=lambda part: counts[type_, part], default=None)
            self._filed[type_, rarest][sign] = None
            for action in rule.actions:
                self._actions[type_, sign].setdefault(action, id_)

    def of(self, type_: str, rule: Rule, sign: _Signature) -> frozenset[str] | None:
        """Rules that together hold for every action whenever this one does; None where there are none."""
        missing, by = set(rule.actions), set[str]()
        for part in (None, *sign):
            for other in self._filed.get((type_, part), ()):
                if not other <= sign:
                    continue
                claimed = self._actions[type_, other]
                holding = {action: claimed[action] for action in missing if claimed.get(action, rule.id) != rule.id}
                missing -= holding.keys()
                by |= set(holding.values())
                if not missing:
                    return frozenset(by)
        return None


def _named(ids: Iterable[str]) -> str:
    names = [f"`{_short(id_)}`" for id_ in sorted(ids)]
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _short(id_: str) -> str:
    return id_.partition(".")[2]
