"""Says which single clause, had it come to something else, would have flipped the answer.

Each is tried: the rule's verdict with that clause's value replaced, concluded anew beside the verdicts of all others.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from policy_lang.conclude import Verdict, conclude
from policy_lang.decision import Effect
from policy_lang.interpreter import ClauseTrace, RuleTrace
from policy_lang.judging.kleene import Judgement, Truth, conjunction, negation

OBLIGE = "oblige"
"""The kind of a clause that says what an allow rule obliges to: known, or unknown."""
_UNLESS = "unless"


@dataclass(frozen=True, slots=True)
class Flip:
    """A clause of a rule, by its place among those traced, and what it would have to come to, as written."""

    rule: str
    clause: int
    becomes: bool


def flips_in(traces: Sequence[RuleTrace]) -> tuple[Flip, ...]:
    """Every single change of a clause to true or false that flips the answer, in the order of the traces."""
    live = [trace for trace in traces if not trace.rule.is_shadow]
    others = _Others(live)
    effect = others.effect_with(None)
    return tuple(
        Flip(trace.rule.id, at, becomes)
        for trace in live
        for at, clause in enumerate(trace.clauses)
        for becomes in _other_values(clause)
        if others.effect_with(Verdict(trace.rule, _truth_with(trace, at, becomes=becomes))) is not effect
    )


def _other_values(clause: ClauseTrace) -> Iterator[bool]:
    if clause.truth is not True:
        yield True
    if clause.truth is not False and clause.kind != OBLIGE:  # what an obligation says is known or unknown, never false
        yield False


def _truth_with(trace: RuleTrace, at: int, *, becomes: bool) -> Truth:
    """What the rule comes to with one of its clauses replaced."""
    return conjunction(
        _counted(clause.kind, becomes if place == at else clause.truth)
        for place, clause in enumerate(trace.clauses)
        if clause.kind != OBLIGE or trace.rule.effect is Effect.ALLOW
    ).truth


def _counted(kind: str, truth: Truth) -> Judgement:
    return negation(Judgement(truth)) if kind == _UNLESS else Judgement(truth)


class _Others:
    """The verdicts of all rules, of which two of each kind stand for the rest: one is not the changed rule's."""

    def __init__(self, traces: Sequence[RuleTrace]) -> None:
        kinds: dict[tuple[Effect, Truth], list[Verdict]] = {}
        for trace in traces:
            kind = kinds.setdefault((trace.rule.effect, trace.truth), [])
            if len(kind) < 2:
                kind.append(Verdict(trace.rule, trace.truth))
        self._verdicts = [verdict for kind in kinds.values() for verdict in kind]

    def effect_with(self, changed: Verdict | None) -> Effect:
        """What is decided with that verdict in place of the rule's own."""
        if changed is None:
            return conclude(self._verdicts).effect
        rest = [verdict for verdict in self._verdicts if verdict.rule.id != changed.rule.id]
        return conclude([*rest, changed]).effect
