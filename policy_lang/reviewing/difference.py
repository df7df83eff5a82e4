"""The difference between two bundles as it is shown and sent: what changes, and requests decided differently."""

from dataclasses import dataclass

from policy_lang.compiler import Key
from policy_lang.decision import Decision, Effect
from policy_lang.reviewing.changes import Change, changes
from policy_lang.reviewing.goals import What
from policy_lang.reviewing.pasting import written_test
from policy_lang.reviewing.search import GoOn, go_on_always
from policy_lang.reviewing.witness import Outcome, Witness, outcomes
from policy_lang.schema import Schema
from policy_lang.typed import Program


@dataclass(frozen=True, slots=True)
class ComparedDecision:
    """What of a decision is shown; `rules` are the ids of those that determine it."""

    effect: Effect
    code: str
    rules: tuple[str, ...]
    obligations: tuple[str, ...]
    hide: bool
    shadow_effect: Effect


@dataclass(frozen=True, slots=True)
class DifferingRequest:
    """A request that is decided differently, written as a test that holds under the newer bundle."""

    what: What
    old: ComparedDecision
    new: ComparedDecision
    test: str


@dataclass(frozen=True, slots=True)
class SearchedQuestion:
    """What searching one kind of question came to; `rules` are the ids of those that are not alike."""

    key: Key
    rules: tuple[str, ...]
    steps: int
    is_exhaustive: bool
    witnesses: tuple[DifferingRequest, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """What changes, in the order of kinds and names, and the kinds of question that other rules decide."""

    changes: tuple[Change, ...]
    searched: tuple[SearchedQuestion, ...]

    @property
    def is_any(self) -> bool:
        """Whether something changes."""
        return bool(self.changes)


def difference_of(old: Program, new: Program, steps: int, go_on: GoOn = go_on_always) -> Difference:
    """The difference; so many steps are searched for each kind of question, and `go_on` may end it at each."""
    searched = outcomes(old, new, steps, go_on) if steps else ()
    return Difference(changes(old, new), tuple(_searched(outcome, new.schema) for outcome in searched))


def _searched(outcome: Outcome, schema: Schema) -> SearchedQuestion:
    witnesses = tuple(_request(witness, schema) for witness in outcome.witnesses)
    return SearchedQuestion(outcome.key, outcome.differing, outcome.steps, outcome.is_exhaustive, witnesses)


def _request(witness: Witness, schema: Schema) -> DifferingRequest:
    return DifferingRequest(witness.what, _compared(witness.old), _compared(witness.new), written_test(witness, schema))


def _compared(decision: Decision) -> ComparedDecision:
    return ComparedDecision(
        decision.effect,
        decision.code,
        tuple(reason.rule_id for reason in decision.reasons),
        tuple(duty.type for duty in decision.obligations),
        hide=decision.hide,
        shadow_effect=decision.shadow_effect,
    )
