"""What compiled rules call: conditions that are no single Python expression, each True, False or a gap (unknown)."""

from collections.abc import Callable, Sequence, Set
from typing import Final

from policy_lang.ancestry import climb
from policy_lang.facts import Assignment, Facts, Link
from policy_lang.patterns import matches
from policy_lang.values import BAD_VALUE, NO_ROW, Cell, Gap, Network, Ref

UNKNOWN: Final = BAD_VALUE
"""Stands for an unknown condition where the cause does not matter."""

Members = Set[Cell] | Gap


def apply(function: Callable[..., Cell], *arguments: Cell) -> Cell:
    """The function's result, or unknown where an argument is."""
    for argument in arguments:
        if argument.__class__ is Gap:
            return UNKNOWN
    return function(*arguments)


def like(pattern: str, text: Cell) -> Cell:
    """Whether the text fits the pattern."""
    return matches(pattern, text) if isinstance(text, str) else UNKNOWN


def in_networks(address: Cell, networks: Sequence[Cell]) -> Cell:
    """Whether one of the networks, or of a set of them, contains the address."""
    is_open = False
    for network in (each for item in networks for each in (item if isinstance(item, frozenset) else (item,))):
        if not isinstance(network, Network) or isinstance(address, Gap):
            is_open = True
        elif address in network:
            return True
    return UNKNOWN if is_open else False


def any_in_set(elements: Members, members: Members) -> Cell:
    """Whether one of the elements is a member."""
    if isinstance(elements, Gap):
        return UNKNOWN
    if not elements:
        return False
    return UNKNOWN if isinstance(members, Gap) else not elements.isdisjoint(members)


def all_in_set(elements: Members, members: Members) -> Cell:
    """Whether each of the elements is a member."""
    if isinstance(elements, Gap):
        return UNKNOWN
    if not elements:
        return True
    return UNKNOWN if isinstance(members, Gap) else elements <= members


def any_in_list(elements: Members, items: Sequence[Cell]) -> Cell:
    """Whether one of the elements is an item; items may be gaps."""
    if isinstance(elements, Gap):
        return UNKNOWN
    if not elements or not elements.isdisjoint(items):
        return bool(elements)
    return UNKNOWN if _has_gap(items) else False


def all_in_list(elements: Members, items: Sequence[Cell]) -> Cell:
    """Whether each of the elements is an item; items may be gaps."""
    if isinstance(elements, Gap):
        return UNKNOWN
    if elements <= frozenset(items):
        return True
    return UNKNOWN if _has_gap(items) else False


def under(low: Cell, high: Cell, facts: Facts) -> Cell:
    """Whether `high` is `low` or an ancestor of it."""
    if not isinstance(low, Ref) or not isinstance(high, Ref):
        return UNKNOWN
    ancestors, causes = climb(low, facts.parents)
    if high in ancestors:
        return True
    return NO_ROW if causes else False


def principal_under(high: Cell, facts: Facts) -> Cell:
    """Whether `high` is the principal or an ancestor of it."""
    if high in facts.ancestors:
        return True
    return False if facts.is_ancestry_known and isinstance(high, Ref) else UNKNOWN


def holds(rows: Sequence[Assignment], roles: frozenset[str], facts: Facts) -> Cell:
    """Whether one of the assignments of one place gives one of the roles to the principal."""
    ancestors, now, is_open = facts.ancestors, facts.question.now, False
    for subject, role, _, expires_at, _ in rows:
        if role in roles and (expires_at is None or now < expires_at):
            if subject in ancestors:
                return True
            is_open = True
    return UNKNOWN if is_open and not facts.is_ancestry_known else False


def holds_over(place: Cell, roles: frozenset[str], facts: Facts) -> Cell:
    """Whether one of the roles is given to the principal at a place or an ancestor of it."""
    if not isinstance(place, Ref):
        return UNKNOWN
    ancestors, causes = climb(place, facts.parents)
    is_open = bool(causes)
    for ancestor in ancestors:
        found = holds(facts.assignments.get(ancestor, ()), roles, facts)
        if found is True:
            return True
        is_open = is_open or found is not False
    return UNKNOWN if is_open else False


def tied(rows: Sequence[Link], facts: Facts) -> Cell:
    """Whether one of the rows of one relation leads to the principal."""
    ancestors, now, is_open = facts.ancestors, facts.question.now, False
    for _, _, subject, expires_at in rows:
        if expires_at is None or now < expires_at:
            if subject in ancestors:
                return True
            is_open = True
    return UNKNOWN if is_open and not facts.is_ancestry_known else False


def _has_gap(items: Sequence[Cell]) -> bool:
    return any(isinstance(item, Gap) for item in items)
