"""Finds what would have flipped an answer: each clause that does, and for it single changes of what is known.

A change is named only after it was tried: the question is decided anew on the changed facts. What facts were never
gathered for is not tried.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from policy_lang.counterfactual.changes import CellChange, Change, apply
from policy_lang.counterfactual.flips import Flip, flips_in
from policy_lang.counterfactual.proposals import Proposer
from policy_lang.decision import Decision
from policy_lang.facts import Facts
from policy_lang.interpreter import RuleTrace
from policy_lang.reads import Reads, reads_of
from policy_lang.schema import Schema
from policy_lang.typed import Clause, Expression, Path
from policy_lang.types import RefType
from policy_lang.walk import nodes, roots_of

CHANGED_FLIPS: Final = 20
"""Flips of an answer for which changes are looked for."""
CHANGES: Final = 3
"""Changes that are named for one flip."""
TRIES: Final = 12
"""Changes that are tried for one flip."""


@dataclass(frozen=True, slots=True)
class FoundFlip:
    """A flip, and single changes that each would make its clause so, and flip the answer."""

    flip: Flip
    changes: tuple[Change, ...] = ()


def find_flips(
    facts: Facts, traces: Sequence[RuleTrace], schema: Schema, decide: Callable[[Facts], Decision]
) -> tuple[FoundFlip, ...]:
    """Every flip of the answer whose rules were traced, in their order; of the first ones also what would do it."""
    flips = flips_in(traces)
    search = _Search(facts, traces, schema, decide) if flips else None
    return tuple(
        FoundFlip(flip, search.changes_for(flip) if search and at < CHANGED_FLIPS else ())
        for at, flip in enumerate(flips)
    )


class _Search:
    """Tries changes on the facts of one question."""

    def __init__(
        self, facts: Facts, traces: Sequence[RuleTrace], schema: Schema, decide: Callable[[Facts], Decision]
    ) -> None:
        self._facts, self._decide = facts, decide
        self._rules = {trace.rule.id: trace.rule for trace in traces}
        reads = reads_of(root for rule in self._rules.values() for root in roots_of(rule))
        self._behind = _behind(reads, facts)
        self._proposer = Proposer(facts, schema)
        self._effect = decide(facts).effect

    def changes_for(self, flip: Flip) -> tuple[Change, ...]:
        """Changes that flip the answer by making the clause come to what the flip says."""
        rule = self._rules[flip.rule]
        if flip.clause >= len(rule.clauses):
            return ()  # an obligation's parameter, of which it is not evident what it could be
        proposed = dict.fromkeys(islice(self._proposed(rule.clauses[flip.clause], becomes=flip.becomes), TRIES))
        return tuple(islice((change for change in proposed if self._flips(change)), CHANGES))

    def _proposed(self, clause: Clause, *, becomes: bool) -> Iterator[Change]:
        changes = self._proposer.changes(clause.condition, becomes=becomes)
        return (change for change in changes if not isinstance(change, CellChange) or self._may_try(change.path))

    def _flips(self, change: Change) -> bool:
        return self._decide(apply(change, self._facts)).effect is not self._effect

    def _may_try(self, path: Path) -> bool:
        """Whether all is known that would be read if this input were another."""
        return not (isinstance(path.type, RefType) and any(_leads_on(path, each) for each in self._behind))


def _behind(reads: Reads, facts: Facts) -> tuple[Expression, ...]:
    """What leads to rows, ancestors and relations, and perhaps roles, that are gathered for it alone."""
    ends = (end for _, end in reads.ends)
    places = () if facts.is_ancestry_known else (place for place in reads.places if place is not None)
    return (*(path for step in reads.steps for path in step), *reads.climbs, *reads.overs, *ends, *places)


def _leads_on(path: Path, reached: Expression) -> bool:
    """Whether what is reached is reached through the path."""
    found = (node for node in nodes(reached) if isinstance(node, Path))
    return any(each.root is path.root and each.steps[: len(path.steps)] == path.steps for each in found)
