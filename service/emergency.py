"""Tells the emergency grant that an allow hangs on, by deciding on the same facts without it."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from policy_lang.decision import Decision, Effect
from policy_lang.facts import Facts


class Decides(Protocol):
    """Policies that decide."""

    def decide(self, facts: Facts) -> Decision:
        """What they decide."""
        ...


def needed_grant(policies: Decides, facts: Facts, decision: Decision) -> str:
    """The id of the grant without which it would not be allowed; empty where there is none.

    Of several the first that suffices alone; where only several together do, the first of them.
    """
    if decision.effect is not Effect.ALLOW:
        return ""
    grants = _grants(facts)
    if not grants or _is_allowed(policies, facts, ""):
        return ""
    return next((grant for grant in grants if _is_allowed(policies, facts, grant)), grants[0])


def _grants(facts: Facts) -> Sequence[str]:
    """Those that are in force, the oldest first."""
    emergencies = [each for held in facts.assignments.values() for each in held if each.emergency]
    if not emergencies:
        return ()
    now = facts.question.now
    return sorted({each.emergency for each in emergencies if each.expires_at is not None and now < each.expires_at})


def _is_allowed(policies: Decides, facts: Facts, kept: str) -> bool:
    """Whether they would allow it with no grant but that."""
    held = {place: [each for each in rows if each.emergency in ("", kept)] for place, rows in facts.assignments.items()}
    return policies.decide(replace(facts, assignments=held)).effect is Effect.ALLOW
