"""Judges where the principal stands: under whom, in which roles, in which relations: the law in code.

Law (language.md, `under` and who): a row counts while it has not expired and leads to an ancestor of the principal.
What is above the principal, or above a place, may be unknown; then a row that could count leaves the answer unknown.
"""

from collections.abc import Iterable, Iterator
from typing import assert_never

from policy_lang.ancestry import climb
from policy_lang.decision import MissingInput
from policy_lang.facts import Assignment, Facts, Link
from policy_lang.judging.expressions import describe, evaluate
from policy_lang.judging.kleene import FALSE, TRUE, Judgement, disjunction
from policy_lang.typed import HoldsRole, Related, Root, Under
from policy_lang.values import Cause, Ref
from policy_lang.walk import is_principal

Standing = Under | HoldsRole | Related


def judge_standing(condition: Standing, facts: Facts, granting: frozenset[str]) -> Judgement:
    """What a standing comes to; `granting` are the roles that grant the action asked about."""
    match condition:
        case Under():
            return _under(condition, facts)
        case HoldsRole():
            return _holds(condition, facts, granting if condition.roles is None else condition.roles)
        case Related():
            end = evaluate(condition.resource, facts)
            if not isinstance(end.cell, Ref):
                return Judgement(None, end.causes)
            return _through(facts.links.get((end.cell, condition.relation), ()), facts)
        case _:
            assert_never(condition)


def _under(condition: Under, facts: Facts) -> Judgement:
    low, high = evaluate(condition.low, facts), evaluate(condition.high, facts)
    if not isinstance(low.cell, Ref) or not isinstance(high.cell, Ref):
        return Judgement(None, low.causes | high.causes)
    if is_principal(condition.low):
        return _principal_under(high.cell, facts)
    ancestors, causes = climb(low.cell, facts.parents)
    if high.cell in ancestors:
        return TRUE
    return _open(describe(condition.low), causes)


def _principal_under(high: Ref, facts: Facts) -> Judgement:
    if high in facts.ancestors:
        return TRUE
    if facts.is_ancestry_known:
        return FALSE
    causes = climb(facts.question.principal, facts.parents).causes
    return _open(Root.PRINCIPAL.value, causes or {Cause.NO_ROW})


def _open(name: str, causes: Iterable[Cause]) -> Judgement:
    missing = frozenset(MissingInput(name, cause.value) for cause in causes)
    return Judgement(None, missing) if missing else FALSE


def _holds(condition: HoldsRole, facts: Facts, roles: frozenset[str]) -> Judgement:
    if condition.place is None:
        return _assigned(None, roles, facts)
    place = evaluate(condition.place, facts)
    if not isinstance(place.cell, Ref):
        return Judgement(None, place.causes)
    if not condition.over:
        return _assigned(place.cell, roles, facts)
    ancestors, causes = climb(place.cell, facts.parents)
    above = _open(describe(condition.place), causes)
    return disjunction([above, *(_assigned(ancestor, roles, facts) for ancestor in ancestors)])


def rows_that_count(
    condition: HoldsRole | Related, facts: Facts, granting: frozenset[str]
) -> Iterator[Assignment | Link]:
    """The rows that make a role held, or a relation hold: live, and to the principal or one of its ancestors."""
    match condition:
        case Related():
            end = evaluate(condition.resource, facts).cell
            rows: Iterable[Assignment | Link] = (
                facts.links.get((end, condition.relation), ()) if isinstance(end, Ref) else ()
            )
        case HoldsRole():
            roles = granting if condition.roles is None else condition.roles
            held = (row for place in _places(condition, facts) for row in facts.assignments.get(place, ()))
            rows = (row for row in held if row.role in roles)
        case _:
            assert_never(condition)
    yield from (row for row in rows if is_live(row, facts) and row.subject in facts.ancestors)


def _places(condition: HoldsRole, facts: Facts) -> Iterable[Ref | None]:
    if condition.place is None:
        return (None,)
    place = evaluate(condition.place, facts).cell
    if not isinstance(place, Ref):
        return ()
    return sorted(climb(place, facts.parents).ancestors) if condition.over else (place,)


def is_live(row: Assignment | Link, facts: Facts) -> bool:
    """Whether a row counts still."""
    return row.expires_at is None or facts.question.now < row.expires_at


def _assigned(place: Ref | None, roles: frozenset[str], facts: Facts) -> Judgement:
    return _through((row for row in facts.assignments.get(place, ()) if row.role in roles), facts)


def _through(rows: Iterable[Assignment | Link], facts: Facts) -> Judgement:
    return disjunction(_principal_under(row.subject, facts) for row in rows if is_live(row, facts))
