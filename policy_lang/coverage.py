"""Measures what questions showed of a bundle's rules: whether each held, and which values its conditions came to.

It reads the typed rules as the interpreter does. A value counts as possible unless the types alone rule it out, and
unknown only where something may be absent although nothing is broken.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import product

from policy_lang.bundle import Bundle
from policy_lang.compiler import case_of
from policy_lang.conclude import refuse
from policy_lang.facts import Facts
from policy_lang.fold import fold
from policy_lang.interpreter import Interpreter
from policy_lang.judging.conditions import judge
from policy_lang.judging.kleene import Truth
from policy_lang.probes import Probe
from policy_lang.schema import Schema
from policy_lang.source import Span
from policy_lang.typed import Always, ClauseKind, Program, Rule

VALUES: tuple[Truth, ...] = (True, False, None)
"""What a condition may come to, in the order of reports."""


@dataclass(frozen=True, slots=True)
class RuleCoverage:
    """A rule, and whether it held for some question."""

    rule: Rule
    has_held: bool


@dataclass(frozen=True, slots=True)
class ConditionCoverage:
    """A clause of a rule, an item of its `to` or a test in it: the values that it may come to, and those it came to."""

    rule: str
    kind: ClauseKind
    span: Span
    possible: tuple[Truth, ...]
    seen: tuple[Truth, ...]

    @property
    def missing(self) -> tuple[Truth, ...]:
        """The values that no question showed."""
        return tuple(value for value in self.possible if value not in self.seen)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    covered: int
    total: int

    @property
    def percent(self) -> int:
        """Rounded down, so that 100 means all; 100 of nothing."""
        return 100 * self.covered // self.total if self.total else 100


@dataclass(frozen=True)
class Coverage:
    """What was seen, in the order of the files."""

    rules: tuple[RuleCoverage, ...]
    conditions: tuple[ConditionCoverage, ...]

    @cached_property
    def rule_share(self) -> Share:
        """The rules that held, of all."""
        return Share(sum(each.has_held for each in self.rules), len(self.rules))

    @cached_property
    def value_share(self) -> Share:
        """The values that conditions came to, of all possible ones."""
        total = sum(len(each.possible) for each in self.conditions)
        return Share(total - sum(len(each.missing) for each in self.conditions), total)

    @property
    def percent(self) -> int:
        """The lower of the two shares."""
        return min(self.rule_share.percent, self.value_share.percent)


_Key = tuple[str, int, str, int, int]
"""Rule, clause and place: what is one condition whatever the type of the resource."""


_Probes = Mapping[tuple[str, str], Sequence[Probe]]
"""(Resource type, rule) → its conditions."""


def measure(bundle: Bundle, asked: Iterable[Facts]) -> Coverage:
    """What these questions showed."""
    program, probes = bundle.program, _by_rule(bundle)
    interpreter = Interpreter(program)
    held: set[str] = set()
    seen: dict[_Key, set[Truth]] = {}
    for facts in asked:
        held.update(trace.rule.id for trace in interpreter.explain(facts) if trace.truth)
        for probe, truth in _values(program, probes, facts):
            seen.setdefault(_key(probe), set()).add(truth)
    rules = {rule.id: rule for found in program.rules.values() for rule in found}
    return Coverage(
        rules=tuple(RuleCoverage(rule, rule.id in held) for rule in sorted(rules.values(), key=_place_of)),
        conditions=tuple(_conditions(program, probes, seen)),
    )


def _by_rule(bundle: Bundle) -> _Probes:
    found: dict[tuple[str, str], list[Probe]] = {}
    for type_, probes in bundle.probes.items():
        for probe in probes:
            found.setdefault((type_, probe.rule), []).append(probe)
    return found


def _values(program: Program, probes: _Probes, facts: Facts) -> Iterator[tuple[Probe, Truth]]:
    """What each condition in play came to; nothing where no rule was asked."""
    schema, question = program.schema, facts.question
    if refuse(schema, facts) is not None:
        return
    type_, action = question.resource.type, question.action
    granting = schema.granting(type_, action)
    for rule in program.in_play[type_, action]:
        for probe in probes.get((type_, rule.id), ()):
            yield probe, judge(probe.condition, facts, granting).truth


def _conditions(program: Program, probes: _Probes, seen: Mapping[_Key, set[Truth]]) -> Iterator[ConditionCoverage]:
    first: dict[_Key, Probe] = {}
    possible: dict[_Key, set[Truth]] = {}
    for type_, rules in program.rules.items():
        for rule in rules:
            for probe in probes.get((type_, rule.id), ()):
                first.setdefault(_key(probe), probe)
                possible.setdefault(_key(probe), set()).update(_possible(probe, type_, rule, program.schema))
    for key in sorted(first, key=lambda key: (key[2:4], key[0], key[1], -key[4])):
        probe, came = first[key], seen.get(key, set())
        if len(possible[key]) > 1:
            may, has_come = (tuple(value for value in VALUES if value in found) for found in (possible[key], came))
            yield ConditionCoverage(probe.rule, probe.kind, probe.span, may, has_come)


def _possible(probe: Probe, type_: str, rule: Rule, schema: Schema) -> set[Truth]:
    """What the condition may come to, by who asks for what; one value where the types settle it."""
    principals = [each.name for each in schema.types.values() if each.is_principal]
    found: set[Truth] = {None} if probe.may_be_unknown else set()
    for principal, action in product(principals, rule.actions):
        folded = fold(probe.condition, case_of((principal, type_, action), schema))
        found |= {folded.value} if isinstance(folded, Always) else {True, False}
    return found


def _key(probe: Probe) -> _Key:
    return (probe.rule, probe.clause, probe.span.file.path, probe.span.start, probe.span.end)


def _place_of(rule: Rule) -> tuple[str, int, str]:
    return (rule.span.file.path, rule.span.start, rule.id)
