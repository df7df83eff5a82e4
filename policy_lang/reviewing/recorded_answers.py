"""Answers a recorded question by one bundle's rules, as far as its record tells."""

from policy_lang.decision import Decision
from policy_lang.reviewing.goals import Label, Weights, certain_answer, effect_of
from policy_lang.reviewing.replayed import LeftOut
from policy_lang.reviewing.weighing import Open, Scales


def weights_of(scales: Scales) -> Weights:
    """What each rule comes to, by id."""
    return {id_: scales.rule(folded) for id_, folded in scales.side.rules.items()}


def effect_for_certain(scales: Scales, weights: Weights) -> Label:
    """The effect, whatever was not recorded; LeftOut where it depends on that."""
    effect = effect_of(scales, weights)
    if effect is None:
        missing = sorted(str(weight.waits_for) for weight in weights.values() if weight.waits_for is not None)
        raise LeftOut(missing[0] if missing else "it is open")
    return effect


def decision_for_certain(scales: Scales, weights: Weights) -> Decision | None:
    """All that is decided but the shadow effect and the words of reasons; None where that depends on what is open."""
    try:
        return certain_answer(scales, weights)
    except Open:
        return None
