"""Judges membership in lists, sets, ranges and networks: the law in code.

Law (language.md, Operators): `x in [a, b]` is `x == a or x == b`, and so is `x in s` over a set; `s any in t` is the
`or`, `s all in t` the `and`, over the elements of s, of `x in t`; `x in a..b` is `a <= x and x <= b`.
"""

from collections.abc import Iterable
from operator import contains, eq, le
from typing import assert_never

from policy_lang.facts import Facts
from policy_lang.judging.expressions import Reading, compare, evaluate
from policy_lang.judging.kleene import Judgement, conjunction, disjunction
from policy_lang.typed import InList, InNetworks, InRange, InSet, Overlap, Quantifier
from policy_lang.values import Cell

Membership = InList | InSet | InRange | InNetworks | Overlap


def judge_membership(condition: Membership, facts: Facts) -> Judgement:
    """What a membership comes to."""
    match condition:
        case InList():
            needle = evaluate(condition.needle, facts)
            return _among(needle, (evaluate(item, facts) for item in condition.items))
        case InSet():
            return _in_set(evaluate(condition.needle, facts), evaluate(condition.set, facts))
        case InRange():
            needle, low, high = (evaluate(part, facts) for part in (condition.needle, condition.low, condition.high))
            return conjunction([compare(le, low, needle), compare(le, needle, high)])
        case InNetworks():
            needle = evaluate(condition.needle, facts)
            networks = (each for item in condition.networks for each in _networks(evaluate(item, facts)))
            return disjunction(compare(contains, network, needle) for network in networks)
        case Overlap():
            return _overlap(condition, facts)
        case _:
            assert_never(condition)


def _networks(reading: Reading) -> Iterable[Reading]:
    """A network, or every one of a set."""
    return _elements(reading.cell) if isinstance(reading.cell, frozenset) else (reading,)


def _among(needle: Reading, items: Iterable[Reading]) -> Judgement:
    return disjunction(compare(eq, needle, item) for item in items)


def _in_set(needle: Reading, members: Reading) -> Judgement:
    if not isinstance(members.cell, frozenset):
        return Judgement(None, members.causes | needle.causes)
    return _among(needle, _elements(members.cell))


def _overlap(condition: Overlap, facts: Facts) -> Judgement:
    elements = evaluate(condition.set, facts)
    if not isinstance(elements.cell, frozenset):
        return Judgement(None, elements.causes)
    among = condition.among
    if isinstance(among, tuple):
        items = [evaluate(item, facts) for item in among]
        judgements = (_among(element, items) for element in _elements(elements.cell))
    else:
        members = evaluate(among, facts)
        judgements = (_in_set(element, members) for element in _elements(elements.cell))
    return (disjunction if condition.quantifier is Quantifier.ANY else conjunction)(judgements)


def _elements(values: Iterable[Cell]) -> Iterable[Reading]:
    return (Reading(value) for value in values)
