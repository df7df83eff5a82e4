"""Decides recorded questions by two bundles, and tells where the answers differ."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from policy_lang.bundle import Bundle
from policy_lang.compiler import Key
from policy_lang.conclude import NO_PRINCIPAL, NO_RESOURCE, RESOURCE_EXISTS
from policy_lang.decision import Effect
from policy_lang.reviewing.goals import Weights, What, answer_of
from policy_lang.reviewing.pairing import common_keys, pair_of, says
from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.recorded_answers import decision_for_certain, effect_for_certain, weights_of
from policy_lang.reviewing.recorded_facts import NOTHING_KNOWN, FlatSide, Known, flattened, known_to, scales_of
from policy_lang.reviewing.replayed import LeftOut, Outcome, Replayed, decide_again
from policy_lang.reviewing.weighing import SETTLED_FALSE, Scales

_NO_RULE: Final = frozenset({NO_PRINCIPAL.code, NO_RESOURCE.code, RESOURCE_EXISTS.code})


def replay(records: Iterable[Recorded | str], old: Bundle, new: Bundle) -> Replayed:
    """What became of each record under the two bundles; a string is what is no decision of policies."""
    return decide_again(records, _Replayer(old, new).outcome)


@dataclass(frozen=True, slots=True)
class _FlatPair:
    """Two sides as records read; `differing` are the ids of rules that do not say the same."""

    old: FlatSide
    new: FlatSide
    differing: frozenset[str]


class _Replayer:
    """Decides records again."""

    def __init__(self, old: Bundle, new: Bundle) -> None:
        self._old, self._new = old, new
        self._common = frozenset(common_keys(old.program, new.program))
        self._pairs: dict[Key, _FlatPair | None] = {}

    def outcome(self, recorded: Recorded) -> Outcome:
        """How the answers differ, and the rules that make them differ."""
        pair = self._pair(recorded.key)
        if pair is None or recorded.code in _NO_RULE:
            return None, ()
        known = self._known(pair, recorded)
        old, new = scales_of(pair.old, recorded, known), scales_of(pair.new, recorded, known)
        weights = weights_of(old), weights_of(new)
        before, after = effect_for_certain(old, weights[0]), effect_for_certain(new, weights[1])
        if before != (Effect(recorded.effect),):
            raise LeftOut("the old policies decide it otherwise than was recorded")
        rules = tuple(sorted(id_ for id_ in pair.differing if _differs(id_, (old, new), weights)))
        if before != after:
            return (What.NOW_ALLOWED if after == (Effect.ALLOW,) else What.NOW_DENIED), rules
        return (What.ANSWER if _answers_differ((old, new), weights) else None), rules

    def _pair(self, key: Key) -> "_FlatPair | None":
        if key not in self._common:
            raise LeftOut(f"not both declare `{key[2]}` on `{key[1]}` for a `{key[0]}`")
        if key not in self._pairs:
            pair = pair_of(self._old.program, self._new.program, key)
            self._pairs[key] = (
                None if pair is None else _FlatPair(flattened(pair.old), flattened(pair.new), pair.differing)
            )
        return self._pairs[key]

    def _known(self, pair: "_FlatPair", recorded: Recorded) -> Known:
        """What was looked up when the record was made."""
        if recorded.policy_digest == self._old.digest:
            return known_to(pair.old, recorded)
        return known_to(pair.new, recorded) if recorded.policy_digest == self._new.digest else NOTHING_KNOWN


def _answers_differ(scales: tuple[Scales, Scales], weights: tuple[Weights, Weights]) -> bool:
    """Whether code, hiding or obligations differ, as far as that is known."""
    old, new = (decision_for_certain(each, weighed) for each, weighed in zip(scales, weights, strict=True))
    return old is not None and new is not None and answer_of(old) != answer_of(new)


def _differs(id_: str, scales: tuple[Scales, Scales], weights: tuple[Weights, Weights]) -> bool:
    """Whether a rule comes to something else, or says something else."""
    old, new = (each.get(id_, SETTLED_FALSE) for each in weights)
    if old.mask != new.mask:
        return True
    rules = [each.side.rules[id_].rule for each in scales if id_ in each.side.rules]
    return old != SETTLED_FALSE and len({says(rule) for rule in rules}) > 1
