"""Ends a batch at the first answer that settles it, for callers that want no more: what comes after was never asked."""

from collections.abc import Sequence

from policy_lang.decision import Decision, Effect
from service.model import Asked, Known


def ended_at(until: Effect, known: Known, decisions: Sequence[Decision]) -> tuple[Known, Sequence[Decision]]:
    """What is known, and the decisions, up to the first of that effect; who is not answered at all is denied."""
    decided = 0
    for at, item in enumerate(known.items, start=1):
        effect = Effect.DENY
        if isinstance(item, Asked):
            effect = decisions[decided].effect
            decided += 1
        if effect is until:
            return Known(known.items[:at], known.facts[:decided], known.revision), decisions[:decided]
    return known, decisions
