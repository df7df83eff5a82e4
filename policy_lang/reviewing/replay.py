"""Decides recorded questions by two bundles, and tells where the answers differ."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from policy_lang.bundle import Bundle
from policy_lang.compiler import Key
from policy_lang.conclude import NO_PRINCIPAL, NO_RESOURCE, RESOURCE_EXISTS
from policy_lang.decision import Effect
from policy_lang.reviewing.goals import GOALS, Label, Weights, What, effect_of
from policy_lang.reviewing.pairing import Pair, common_keys, pair_of, says
from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.recorded_facts import NOTHING_KNOWN, Known, flattened, known_to, scales_of
from policy_lang.reviewing.weighing import SETTLED_FALSE, Open, Scales

EXAMPLES: Final = 3
"""Records that are named of each group."""

_NO_RULE: Final = frozenset({NO_PRINCIPAL.code, NO_RESOURCE.code, RESOURCE_EXISTS.code})


@dataclass(slots=True)
class Flips:
    """Records that are now decided differently, because of the same rules; the first few are named."""

    what: What
    rules: tuple[str, ...]
    count: int = 0
    examples: list[Recorded] = field(default_factory=list)


@dataclass(slots=True)
class Replayed:
    """What became of all records: how many are decided alike, which flip, how many are left out and why."""

    alike: int = 0
    flips: dict[tuple[What, tuple[str, ...]], Flips] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """How many records there are."""
        return self.alike + sum(each.count for each in self.flips.values()) + sum(self.left_out.values())

    def note(self, recorded: Recorded, outcome: What | None, rules: tuple[str, ...]) -> None:
        """Takes in one record that was decided again."""
        if outcome is None:
            self.alike += 1
            return
        flips = self.flips.setdefault((outcome, rules), Flips(outcome, rules))
        flips.count += 1
        if len(flips.examples) < EXAMPLES:
            flips.examples.append(recorded)

    def leave_out(self, reason: str) -> None:
        """Takes in one record that cannot be decided again."""
        self.left_out[reason] = self.left_out.get(reason, 0) + 1


def replay(records: Iterable[Recorded | None], old: Bundle, new: Bundle) -> Replayed:
    """What became of each record under the two bundles; None stands for a refusal."""
    replayer = _Replayer(old, new)
    replayed = Replayed()
    for recorded in records:
        if recorded is None:
            replayed.leave_out("a refusal, on which no rule was asked")
            continue
        try:
            outcome, rules = replayer.outcome(recorded)
        except _LeftOut as reason:
            replayed.leave_out(str(reason))
        else:
            replayed.note(recorded, outcome, rules)
    return replayed


class _LeftOut(Exception):
    """A record that cannot be decided again; says why."""


class _Replayer:
    """Decides records again."""

    def __init__(self, old: Bundle, new: Bundle) -> None:
        self._old, self._new = old, new
        self._common = frozenset(common_keys(old.program, new.program))
        self._pairs: dict[Key, Pair | None] = {}

    def outcome(self, recorded: Recorded) -> tuple[What | None, tuple[str, ...]]:
        """How the answers differ, and the rules that make them differ."""
        pair = self._pair(recorded.key)
        if pair is None or recorded.code in _NO_RULE:
            return None, ()
        known = self._known(pair, recorded)
        old, new = scales_of(pair.old, recorded, known), scales_of(pair.new, recorded, known)
        weights = _weights(old), _weights(new)
        before, after = _effect(old, weights[0]), _effect(new, weights[1])
        if before != (Effect(recorded.effect),):
            raise _LeftOut("the old policies decide it otherwise than was recorded")
        rules = tuple(sorted(id_ for id_ in pair.differing if _differs(id_, (old, new), weights)))
        if before != after:
            return (What.NOW_ALLOWED if after == (Effect.ALLOW,) else What.NOW_DENIED), rules
        return (What.ANSWER if _answers_differ((old, new), weights) else None), rules

    def _pair(self, key: Key) -> Pair | None:
        if key not in self._common:
            raise _LeftOut(f"not both declare `{key[2]}` on `{key[1]}` for a `{key[0]}`")
        if key not in self._pairs:
            pair = pair_of(self._old.program, self._new.program, key)
            self._pairs[key] = None if pair is None else Pair(flattened(pair.old), flattened(pair.new), pair.alike)
        return self._pairs[key]

    def _known(self, pair: Pair, recorded: Recorded) -> Known:
        """What was looked up when the record was made."""
        if recorded.policy_digest == self._old.digest:
            return known_to(pair.old, recorded)
        return known_to(pair.new, recorded) if recorded.policy_digest == self._new.digest else NOTHING_KNOWN


def _weights(scales: Scales) -> Weights:
    return {id_: scales.rule(folded) for id_, folded in scales.side.rules.items()}


def _effect(scales: Scales, weights: Weights) -> Label:
    """The effect, whatever was not recorded; left out where it depends on that."""
    effect = effect_of(scales, weights)
    if effect is None:
        missing = sorted(str(weight.waits_for) for weight in weights.values() if weight.waits_for is not None)
        raise _LeftOut(f"{missing[0]} is not in the record" if missing else "it is open")
    return effect


def _answers_differ(scales: tuple[Scales, Scales], weights: tuple[Weights, Weights]) -> bool:
    """Whether code, hiding or obligations differ, as far as that is known."""
    try:
        old, new = (GOALS[1].label(each, weighed) for each, weighed in zip(scales, weights, strict=True))
    except Open:
        return False
    return None not in (old, new) and old != new


def _differs(id_: str, scales: tuple[Scales, Scales], weights: tuple[Weights, Weights]) -> bool:
    """Whether a rule comes to something else, or says something else."""
    old, new = (each.get(id_, SETTLED_FALSE) for each in weights)
    if old.mask != new.mask:
        return True
    rules = [each.side.rules[id_].rule for each in scales if id_ in each.side.rules]
    return old != SETTLED_FALSE and len({says(rule) for rule in rules}) > 1
