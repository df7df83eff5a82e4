"""Climbs from an entity to its ancestors, along the parents of rows.

Law (language.md, `under`): parents are edges of rows; a missing row on the way, or more than 16 steps, leaves open what
else is above. A parent is an ancestor even if its own row is missing.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

from policy_lang.values import Cause, Ref

DEPTH_LIMIT: Final = 16
"""Steps up to the farthest ancestor."""


class Ascent(NamedTuple):
    """All that is known above an entity, itself included, and why there may be more (nothing if all is known)."""

    ancestors: frozenset[Ref]
    causes: frozenset[Cause]


def climb(start: Ref, parents: Mapping[Ref, tuple[Ref, ...]]) -> Ascent:
    """The ancestors of `start`; a node that `parents` leaves out has no row."""
    if parents.get(start) == ():
        return Ascent(frozenset((start,)), frozenset())
    found, level, causes = {start}, [start], set[Cause]()
    for steps in range(DEPTH_LIMIT + 1):
        above = []
        for node in level:
            edges = parents.get(node)
            if edges is None:
                causes.add(Cause.NO_ROW)
            else:
                above += [edge for edge in edges if edge not in found]
        if above and steps == DEPTH_LIMIT:
            causes.add(Cause.TOO_DEEP)
            break
        level = list(dict.fromkeys(above))
        found.update(level)
    return Ascent(frozenset(found), frozenset(causes))
