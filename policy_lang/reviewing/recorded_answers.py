"""Answers a recorded question by one bundle's rules, as far as its record tells."""

from policy_lang.decision import Decision, Effect
from policy_lang.reviewing.goals import Weights, certain_answer, effect_of
from policy_lang.reviewing.replayed import LeftOut
from policy_lang.reviewing.weighing import FALSE, Open, Scales


def weights_of(scales: Scales) -> Weights:
    """What each rule comes to, by id."""
    return {id_: scales.rule(folded) for id_, folded in scales.side.rules.items()}


def effect_for_certain(scales: Scales, weights: Weights) -> tuple[Effect]:
    """The effect, whatever was not recorded; LeftOut where it depends on that."""
    effect = effect_of(scales, weights)
    if effect is None:
        missing = sorted(str(weight.waits_for) for weight in weights.values() if weight.waits_for is not None)
        raise LeftOut(missing[0] if missing else "it is open")
    return effect


def ruling(scales: Scales, weights: Weights) -> list[str]:
    """The rules that deny for certain, where the rest of the answer is open."""
    rules = ((id_, folded.rule) for id_, folded in scales.side.rules.items())
    denials = [id_ for id_, rule in rules if rule.effect is Effect.DENY and not rule.is_shadow]
    return [id_ for id_ in denials if not weights[id_].mask & FALSE]


def decision_for_certain(scales: Scales, weights: Weights) -> Decision | None:
    """All that is decided but the shadow effect and the words of reasons; None where that depends on what is open."""
    try:
        return certain_answer(scales, weights)
    except Open:
        return None
