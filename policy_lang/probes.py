"""What coverage watches: the conditions of rules, each with where it stands and the values that it may come to."""

from dataclasses import dataclass

from policy_lang.source import Span
from policy_lang.typed import ClauseKind, Condition


@dataclass(frozen=True, slots=True)
class Probe:
    """A condition of a rule, for one resource type: a clause, an item of `to`, or a test that has no parts.

    `clause` counts the clauses that the text has, from 0. `may_be_unknown`: although nothing is broken.
    """

    rule: str
    clause: int
    kind: ClauseKind
    span: Span
    condition: Condition
    may_be_unknown: bool
