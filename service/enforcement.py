"""Answers allow in place of what was decided, where the settings say that decisions are only recorded.

Laws: the record says what was decided, and that it was not enforced; the answer says what it would have been, as far as
its caller may see that. An error stays an error, and acts on the service itself are never answered here.
"""

from dataclasses import replace

from policy_lang.decision import ALLOWED, Decision, Effect
from service.enforcement_settings import EnforcementSettings
from service.model import Answer, DecisionRecord


class LogOnly:
    """The log-only mode."""

    def __init__(self, types: frozenset[str]) -> None:
        """`types` are those of the resources that it is for; none are all of them."""
        self._types = types

    @classmethod
    def of(cls, settings: EnforcementSettings) -> "LogOnly | None":
        """As the settings have it; None where every decision is enforced."""
        return cls(frozenset(settings.types)) if settings.is_log_only else None

    def covers(self, resource_type: str) -> bool:
        """Whether decisions on such resources are not enforced."""
        return not self._types or resource_type in self._types

    def effect(self, resource_type: str, decided: Effect) -> Effect:
        """What is answered where that was decided on such a resource."""
        return Effect.ALLOW if self.covers(resource_type) else decided

    def waive(self, answer: Answer, record: DecisionRecord) -> tuple[Answer, DecisionRecord]:
        """The answer that is given instead, and the record that says so: obligations go too, which bind like a deny."""
        decided = answer.decision
        if decided.effect is Effect.ALLOW and not decided.obligations:
            return replace(answer, log_only=decided), record
        return replace(answer, decision=_ALLOWED, log_only=decided), replace(record, enforced=False)


_ALLOWED = Decision(Effect.ALLOW, ALLOWED)
