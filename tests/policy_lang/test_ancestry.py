"""The way up: sixteen steps, no further; rows that are missing leave it open."""

import pytest

from policy_lang.ancestry import DEPTH_LIMIT, climb
from policy_lang.values import Cause, Ref


def team(number: int) -> Ref:
    return Ref("Team", f"t{number}")


def tower(height: int) -> dict[Ref, tuple[Ref, ...]]:
    """Teams above one another; the last has no parents."""
    return {team(at): (team(at + 1),) if at < height else () for at in range(height + 1)}


@pytest.mark.parametrize(
    ("height", "causes"),
    [(0, set()), (1, set()), (DEPTH_LIMIT, set()), (DEPTH_LIMIT + 1, {Cause.TOO_DEEP}), (40, {Cause.TOO_DEEP})],
)
def test_what_is_higher_than_the_limit_is_not_known(height: int, causes: set[Cause]) -> None:
    ancestors, found = climb(team(0), tower(height))
    assert found == causes
    assert ancestors == {team(at) for at in range(min(height, DEPTH_LIMIT) + 1)}


def test_a_parent_without_a_row_is_an_ancestor_above_which_nothing_is_known() -> None:
    ancestors, causes = climb(team(0), {team(0): (team(1),)})
    assert ancestors == {team(0), team(1)}
    assert causes == {Cause.NO_ROW}


def test_a_start_without_a_row_is_its_own_ancestor() -> None:
    assert climb(team(0), {}) == (frozenset({team(0)}), frozenset({Cause.NO_ROW}))


def test_a_circle_ends() -> None:
    ancestors, causes = climb(team(0), {team(0): (team(1),), team(1): (team(0), team(1))})
    assert ancestors == {team(0), team(1)}
    assert not causes


def test_several_ways_up_are_all_taken() -> None:
    parents = {team(0): (team(1), team(2)), team(1): (team(3),), team(2): (team(3),), team(3): ()}
    assert climb(team(0), parents).ancestors == {team(0), team(1), team(2), team(3)}
