"""How each rule came to its part of an answer, as values."""

from dataclasses import dataclass
from enum import Enum

from magistrate_client.decision import Decision, Effect, MissingInput
from magistrate_client.values import Value


class Truth(Enum):
    """What a condition came to; true for TRUE alone."""

    TRUE = "true"
    FALSE = "false"
    UNKNOWN = "unknown"

    def __bool__(self) -> bool:
        return self is Truth.TRUE


@dataclass(frozen=True, slots=True)
class InputRead:
    """One input and its value; None where there is none, and `cause` says why (`sensitive` among them)."""

    path: str
    value: Value | None
    cause: str


@dataclass(frozen=True, slots=True)
class RowChange:
    """A role that is held or a relation that is there, `User:alice is docs.editor of Tenant:t1`; or no longer."""

    row: str
    is_added: bool


FactChange = InputRead | RowChange
"""A fact as it would have to be: an input with another value, or a row more or less."""


@dataclass(frozen=True, slots=True)
class ClauseExplanation:
    """One clause (`to`, `when`, `unless` or `oblige`) as it is written, what it came to, and what it read."""

    kind: str
    text: str
    truth: Truth
    inputs: tuple[InputRead, ...]
    missing: tuple[MissingInput, ...] = ()
    """Why it is unknown."""
    flips_when: Truth | None = None
    """What this clause alone would have to come to for the opposite answer; None where nothing would do."""
    changes: tuple[FactChange, ...] = ()
    """Single changes of facts, of those that were tried, that each make it so and the answer the opposite one."""
    rows: tuple[str, ...] = ()
    """What makes roles and relations in it hold, such as `User:alice is docs.editor of Tenant:t1`."""


@dataclass(frozen=True, slots=True)
class RuleExplanation:
    """One rule and what became of it."""

    rule_id: str
    location: str
    effect: Effect
    """What the rule gives when it holds."""
    is_shadow: bool
    truth: Truth
    is_determining: bool
    clauses: tuple[ClauseExplanation, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision, recorded like any other, and every rule in play; as true as its decision."""

    decision: Decision
    rules: tuple[RuleExplanation, ...]

    def __bool__(self) -> bool:
        return bool(self.decision)
