"""Concludes a decision from the verdicts of the rules in play: the decision's eight lines.

Law (language.md, Decision): the first line that applies, whatever the order of rules. Line 1 is behind every question.
Both evaluators conclude here, so that they can differ in verdicts alone.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from policy_lang import decision as codes
from policy_lang.decision import Decision, Effect, MissingInput, Obligation, Reason
from policy_lang.facts import Facts
from policy_lang.judging.kleene import Causes, Truth
from policy_lang.schema import Schema
from policy_lang.typed import Rule

NO_PRINCIPAL: Final = Decision(Effect.DENY, codes.NO_PRINCIPAL)
"""Line 2."""
NO_RESOURCE: Final = Decision(Effect.DENY, codes.NO_RESOURCE, hide=True)
"""Line 3, where there is no row."""
RESOURCE_EXISTS: Final = Decision(Effect.DENY, codes.RESOURCE_EXISTS)
"""Line 3, where there should be none."""
NO_MATCH: Final = Decision(Effect.DENY, codes.NO_MATCH)
"""Line 8."""

_LINES: Final[tuple[tuple[Effect, Truth], ...]] = (
    (Effect.DENY, True),
    (Effect.DENY, None),
    (Effect.ALLOW, True),
    (Effect.ALLOW, None),
)


class Verdict(NamedTuple):
    """What a rule came to: its truth, why it is unknown, and what it obliges to.

    `obligations` is None where a parameter is unknown; an allow rule is unknown then. `reason` is what the rule says.
    """

    rule: Rule
    truth: Truth
    causes: Causes = frozenset()
    obligations: tuple[Obligation, ...] | None = ()
    reason: str = ""


def refuse(schema: Schema, facts: Facts) -> Decision | None:
    """Lines 2 and 3: the decision where a row is missing, or there against the action; None to go on."""
    question = facts.question
    if facts.principal_cells is None:
        return NO_PRINCIPAL
    if schema.makes_row(question.resource.type, question.action):
        return RESOURCE_EXISTS if question.resource in facts.rows else None
    return NO_RESOURCE if facts.resource_cells is None else None


def conclude(verdicts: Sequence[Verdict]) -> Decision:
    """Lines 4 to 8 over the rules in play, shadow rules among them, in any order."""
    live = [verdict for verdict in verdicts if not verdict.rule.is_shadow]
    decided = _answer(live)
    if len(live) == len(verdicts):
        return replace(decided, shadow_effect=decided.effect)
    return replace(decided, shadow_effect=_answer(verdicts).effect)


def determining(verdicts: Sequence[Verdict]) -> tuple[Verdict, ...]:
    """The verdicts that made one of the lines 4 to 7 apply, by full id; none for line 8."""
    for effect, truth in _LINES:
        if found := [verdict for verdict in verdicts if verdict.rule.effect is effect and verdict.truth is truth]:
            return tuple(sorted(found, key=lambda verdict: verdict.rule.id))
    return ()


def _answer(verdicts: Sequence[Verdict]) -> Decision:
    found = determining(verdicts)
    if not found:
        return NO_MATCH
    effect, is_known = found[0].rule.effect, found[0].truth is not None
    return Decision(
        effect=effect if is_known else Effect.DENY,
        code=_code(found) if is_known else codes.UNDETERMINED,
        reasons=tuple(_reason(verdict) for verdict in found),
        missing=() if is_known else _missing(found),
        obligations=_obligations(found) if is_known else (),
        hide=effect is Effect.DENY and any(verdict.rule.hide for verdict in found),
    )


def _code(found: Sequence[Verdict]) -> str:
    if found[0].rule.effect is Effect.ALLOW:
        return codes.ALLOWED
    first = min(found, key=lambda verdict: (not verdict.rule.hide, bool(verdict.obligations), verdict.rule.id))
    return first.rule.code or codes.DENIED


def _obligations(found: Sequence[Verdict]) -> tuple[Obligation, ...]:
    """Of all; of denials only if each has one, as a caller that fulfils them must then be free to go."""
    if found[0].rule.effect is Effect.DENY and not all(verdict.obligations for verdict in found):
        return ()
    unique = {repr(obligation): obligation for verdict in found for obligation in verdict.obligations or ()}
    return tuple(unique.values())


def _missing(found: Iterable[Verdict]) -> tuple[MissingInput, ...]:
    causes = frozenset[MissingInput]().union(*(verdict.causes for verdict in found))
    return tuple(sorted(causes, key=lambda cause: (cause.path, cause.cause)))


def _reason(verdict: Verdict) -> Reason:
    rule = verdict.rule
    return Reason(rule.id, rule.span.location, verdict.reason, rule.code)
