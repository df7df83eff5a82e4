"""What may differ between two answers, and how far it can be told while some rules are still open."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from policy_lang.decision import Decision, Effect
from policy_lang.reviewing.pairing import Pair
from policy_lang.reviewing.weighing import FALSE, TRUE, Scales, Weight

Weights = Mapping[str, Weight]
Label = tuple[object, ...]
"""What of an answer is compared."""


class What(Enum):
    """What differs about an answer."""

    NOW_ALLOWED = "now allowed"
    NOW_DENIED = "now denied"
    SHADOW = "other shadow effect"
    ANSWER = "other answer"
    """Its code, what it obliges to, or whether it hides the resource."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A difference to look for.

    `label` is what of a side's answer is compared, None while it is open; it may raise Undecided. `differences` are
    those that two labels, one of them perhaps open, leave possible.
    """

    finds: frozenset[What]
    label: Callable[[Scales, Weights], Label | None]
    differences: Callable[[Label | None, Label | None], frozenset[What]]
    is_worth: Callable[[Pair, Collection[What]], bool]


def answer_of(decision: Decision) -> Label:
    """What a caller acts on: effect, code, hiding, obligations."""
    return (decision.effect, decision.code, decision.hide, frozenset(map(repr, decision.obligations)))


def difference(old: Decision, new: Decision) -> What | None:
    """The most telling way in which two decisions differ; None where a caller can do the same with both."""
    if old.effect is not new.effect:
        return What.NOW_ALLOWED if new else What.NOW_DENIED
    if answer_of(old) != answer_of(new):
        return What.ANSWER
    return What.SHADOW if old.shadow_effect is not new.shadow_effect else None


def effect_of(scales: Scales, weights: Weights) -> tuple[Effect] | None:
    """The effect, as soon as it is certain."""
    return _effect(weights, _ids(scales, Effect.DENY), _ids(scales, Effect.ALLOW))


def _shadow_effect(scales: Scales, weights: Weights) -> Label | None:
    """The effect were every shadow rule live."""
    denials = _ids(scales, Effect.DENY) + _ids(scales, Effect.DENY, is_shadow=True)
    return _effect(weights, denials, _ids(scales, Effect.ALLOW) + _ids(scales, Effect.ALLOW, is_shadow=True))


def _effect(weights: Weights, denials: list[str], permissions: list[str]) -> tuple[Effect] | None:
    if any(not weights[id_].mask & FALSE for id_ in denials):
        return (Effect.DENY,)
    if not any(weights[id_].mask & TRUE for id_ in permissions):
        return (Effect.DENY,)
    if all(weights[id_].mask == FALSE for id_ in denials) and any(weights[id_].mask == TRUE for id_ in permissions):
        return (Effect.ALLOW,)
    return None


def certain_answer(scales: Scales, weights: Weights) -> Decision | None:
    """What live rules decide, when those that it comes from are settled; Open where one obliges to what is open."""
    denials = _ids(scales, Effect.DENY)
    if not all(weights[id_].is_settled for id_ in denials):
        return None
    counting = denials
    if all(weights[id_].mask == FALSE for id_ in denials):
        counting = _ids(scales, Effect.ALLOW)
        if not all(weights[id_].is_settled for id_ in counting):
            return None
    return scales.conclude({id_: weights[id_].truth for id_ in counting})


def _answer(scales: Scales, weights: Weights) -> Label | None:
    """All that a caller acts on."""
    decision = certain_answer(scales, weights)
    return None if decision is None else answer_of(decision)


def _ids(scales: Scales, effect: Effect, *, is_shadow: bool = False) -> list[str]:
    rules = ((id_, folded.rule) for id_, folded in scales.side.rules.items())
    return [id_ for id_, rule in rules if rule.effect is effect and rule.is_shadow is is_shadow]


_EFFECTS: Final = frozenset((What.NOW_ALLOWED, What.NOW_DENIED))


def _turns(old: Label | None, new: Label | None) -> frozenset[What]:
    found = _EFFECTS if old is None or old != new else frozenset()
    if old == (Effect.ALLOW,) or new == (Effect.DENY,):
        found -= {What.NOW_ALLOWED}
    if old == (Effect.DENY,) or new == (Effect.ALLOW,):
        found -= {What.NOW_DENIED}
    return found


def _or_none(what: What) -> Callable[[Label | None, Label | None], frozenset[What]]:
    return lambda old, new: frozenset((what,)) if None in (old, new) or old != new else frozenset()


def _has_shadow(pair: Pair, found: Collection[What]) -> bool:
    rules = [side.rules[id_].rule for side in (pair.old, pair.new) for id_ in pair.differing if id_ in side.rules]
    return not found and any(rule.is_shadow for rule in rules)


GOALS: Final = (
    Goal(_EFFECTS, effect_of, _turns, lambda *_: True),
    Goal(frozenset((What.ANSWER,)), _answer, _or_none(What.ANSWER), lambda _, found: not found),
    Goal(frozenset((What.SHADOW,)), _shadow_effect, _or_none(What.SHADOW), _has_shadow),
)
"""What is looked for, the most telling first."""
