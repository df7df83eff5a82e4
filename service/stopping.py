"""Ends a batch at the first answer that settles it, for callers that want no more: what comes after was never asked.

Law: what counts is what the caller is answered, which in log-only mode is not what was decided.
"""

from collections.abc import Sequence

from policy_lang.decision import Decision, Effect
from service.model import Asked, Known


def ended_at(
    until: Effect, known: Known, decisions: Sequence[Decision], effects: Sequence[Effect]
) -> tuple[Known, Sequence[Decision]]:
    """What is known, and the decisions, up to the first that is answered so; who gets no answer at all is denied.

    `effects` are what each decision will be answered with.
    """
    decided = 0
    for at, item in enumerate(known.items, start=1):
        effect = Effect.DENY
        if isinstance(item, Asked):
            effect = effects[decided]
            decided += 1
        if effect is until:
            return Known(known.items[:at], known.facts[:decided], known.revision), decisions[:decided]
    return known, decisions
