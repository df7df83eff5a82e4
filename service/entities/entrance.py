"""Lets callers in to change facts: whoever may do so nowhere learns nothing, not even of the policies."""

from dataclasses import dataclass

from policy_lang.schema import Schema
from service.model import Caller
from service.permits import Act
from service.ports import Gate, Policies, Visitor


@dataclass(frozen=True, slots=True)
class Entrance:
    """The way in, by the policies in force."""

    gate: Gate
    policies: Policies

    def enter(self, caller: Caller, *acts: Act) -> tuple[Visitor, Schema]:
        """The caller, where it may do each of those somewhere, and what is declared; else PermissionDenied."""
        visitor = self.gate.admit(caller)
        for act in acts:
            visitor.require_somewhere(act)
        return visitor, self.policies.active().bundle.program.schema
