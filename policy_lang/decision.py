"""What a decision says: effect, code, reasons, missing inputs, obligations."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

from policy_lang.stages import stage
from policy_lang.types import Json


class Effect(Enum):
    """What a rule gives, and what is decided."""

    ALLOW = "allow"
    DENY = "deny"

    # There is one object of each. `Enum` hashes by name, in Python, and tables are asked for it with every decision.
    __hash__ = object.__hash__


ALLOWED: Final = "ALLOWED"
DENIED: Final = "DENIED"
UNDETERMINED: Final = "UNDETERMINED"
NO_MATCH: Final = "NO_MATCH"
NO_PRINCIPAL: Final = "NO_PRINCIPAL"
NO_RESOURCE: Final = "NO_RESOURCE"
RESOURCE_EXISTS: Final = "RESOURCE_EXISTS"

RESERVED_CODES: Final = frozenset({ALLOWED, DENIED, UNDETERMINED, NO_MATCH, NO_PRINCIPAL, NO_RESOURCE, RESOURCE_EXISTS})
"""Codes that no rule may have (language.md, Decision)."""


@dataclass(frozen=True, slots=True)
class Reason:
    """A determining rule: its full id, where it stands, the author's words, its own code ("" for none)."""

    rule_id: str
    location: str
    text: str
    code: str


@dataclass(frozen=True, slots=True)
class MissingInput:
    """An input that left a rule unknown: its path and why."""

    path: str
    cause: str


@dataclass(frozen=True, slots=True)
class Obligation:
    """What the caller must do: a name, and parameters in the given form, sorted by name."""

    type: str
    parameters: tuple[tuple[str, Json], ...]


@stage
class Decision:
    """The answer. `shadow_effect` is the effect had every shadow rule been live."""

    effect: Effect
    code: str
    reasons: tuple[Reason, ...] = ()
    missing: tuple[MissingInput, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    hide: bool = False
    shadow_effect: Effect = Effect.DENY

    def __bool__(self) -> bool:
        return self.effect is Effect.ALLOW
