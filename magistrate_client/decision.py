"""The answer to a question, as a value.

Laws: a decision is true only if the effect is allow and every obligation that came with it is fulfilled; an effect that
this client does not know is a deny.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import Enum

from magistrate_client.values import Value


class Effect(Enum):
    """What was decided; true for ALLOW alone."""

    ALLOW = "allow"
    DENY = "deny"

    def __bool__(self) -> bool:
        return self is Effect.ALLOW


@dataclass(frozen=True, slots=True)
class Reason:
    """A rule that determined the answer: its full id, its `file:line`, its author's words, its code."""

    rule_id: str
    location: str
    text: str
    code: str


@dataclass(frozen=True, slots=True)
class Obligation:
    """Something to be done before acting on the answer; a parameter is None where the service could not tell it."""

    type: str
    parameters: Mapping[str, Value | None] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class MissingInput:
    """An input that left a rule unknown, and why: `absent`, `not_given`, `no_row`, `bad_value` or `too_deep`."""

    path: str
    cause: str


@dataclass(frozen=True, slots=True)
class Unenforced:
    """What a service in log-only mode would have answered; its fields are those of `Decision`."""

    effect: Effect
    code: str
    reasons: tuple[Reason, ...]
    obligations: tuple[Obligation, ...]
    missing: tuple[MissingInput, ...]
    hide: bool


@dataclass(frozen=True, slots=True)
class Decision:
    """Allow or deny, and why.

    True only when it is an allow without obligations, or when all of them have been fulfilled:

        decision = client.check("export", "Document:plan")
        if decision.fulfilling("watermark"):  # this code does watermark what it exports
            ...

    A caller that does not know its obligations so gets a deny, which the language demands of it.
    """

    effect: Effect
    code: str
    """Why in one word; not to be branched on for security: `bool(decision)` is the answer."""
    reasons: tuple[Reason, ...]
    obligations: tuple[Obligation, ...]
    """With an allow: to be done before acting. With a deny: what would have to be done to be allowed."""
    missing: tuple[MissingInput, ...]
    hide: bool
    """Answer your own caller "not found", so that it does not learn that the resource exists."""
    decision_id: str
    """The id of the decision's record."""
    policy_digest: str
    revision: str
    decided_at: datetime
    """In UTC."""
    request_id: str
    fulfilled: frozenset[str] = frozenset()
    """The types of obligations that the caller says are done."""
    log_only: Unenforced | None = None
    """Set where the service does not enforce what it decides: then this is an allow, and that is what was decided."""
    break_glass: str = ""
    """The emergency grant without which this had not been allowed; empty where there is none, or it is not shown."""

    def __bool__(self) -> bool:
        return self.effect is Effect.ALLOW and not self.outstanding

    @property
    def outstanding(self) -> tuple[Obligation, ...]:
        """The obligations that nobody has fulfilled yet."""
        if not self.obligations:
            return ()
        return tuple(each for each in self.obligations if each.type not in self.fulfilled)

    def fulfilling(self, *types: str) -> "Decision":
        """The same decision for a caller that has done, or does, what obligations of these types ask with their
        parameters. It never makes an allow out of a deny."""
        return replace(self, fulfilled=self.fulfilled.union(types))
