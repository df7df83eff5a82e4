"""The three-valued logic of conditions, each unknown with its causes.

Law (language.md): `and`, `or` and `not` are Kleene's; the causes are the union over the operands left unknown.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from policy_lang.decision import MissingInput

Truth = bool | None
"""True, false, or None: unknown."""

Causes = frozenset[MissingInput]
"""Why something is unknown; empty for what is known."""


class Judgement(NamedTuple):
    """What a condition comes to, and the causes if that is unknown."""

    truth: Truth
    causes: Causes = frozenset()


TRUE: Final = Judgement(True)
FALSE: Final = Judgement(False)


def known(truth: bool) -> Judgement:
    """The judgement of what is not unknown."""
    return TRUE if truth else FALSE


def conjunction(judgements: Iterable[Judgement]) -> Judgement:
    """`and`: false if one is false, else unknown if one is unknown; true over nothing."""
    return _settle(list(judgements), decisive=FALSE, otherwise=TRUE)


def disjunction(judgements: Iterable[Judgement]) -> Judgement:
    """`or`: true if one is true, else unknown if one is unknown; false over nothing."""
    return _settle(list(judgements), decisive=TRUE, otherwise=FALSE)


def negation(judgement: Judgement) -> Judgement:
    """`not`: unknown stays unknown."""
    return judgement if judgement.truth is None else known(not judgement.truth)


def _settle(judgements: list[Judgement], *, decisive: Judgement, otherwise: Judgement) -> Judgement:
    if any(judgement.truth is decisive.truth for judgement in judgements):
        return decisive
    if all(judgement.truth is otherwise.truth for judgement in judgements):
        return otherwise
    return Judgement(None, frozenset().union(*(judgement.causes for judgement in judgements)))
