"""A breaker opens after failures in a row, lets one probe through after its pause, and closes when that works."""

import pytest

from service.breaker import JITTER, LONGEST_SECONDS, Breaker
from service.errors import FactsUnavailable


class Time:
    """A clock that stands."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    """The time that the breaker goes by."""
    return Time()


@pytest.fixture
def breaker(time: Time) -> Breaker:
    """A breaker that three failures open, for a second at first."""
    return Breaker("the database `x`", 3, 1.0, clock=time)


def fail(breaker: Breaker, times: int = 1) -> None:
    for _ in range(times):
        breaker.failed(breaker.enter(), "it is gone")


def is_let_in(breaker: Breaker) -> bool:
    try:
        breaker.enter()
    except FactsUnavailable:
        return False
    return True


def test_failures_in_a_row_open_it_and_it_says_why(breaker: Breaker) -> None:
    fail(breaker, 3)
    with pytest.raises(FactsUnavailable, match="the database `x` is left alone after 3 failures: it is gone"):
        breaker.enter()
    assert (breaker.is_open, breaker.why, breaker.opened) == (True, "it is gone", 1)


def test_a_success_between_failures_keeps_it_closed(breaker: Breaker) -> None:
    fail(breaker, 2)
    breaker.succeeded(breaker.enter())
    fail(breaker, 2)
    assert not breaker.is_open


def test_when_the_pause_is_over_one_alone_is_let_in(breaker: Breaker, time: Time) -> None:
    fail(breaker, 3)
    time.now += 1 + JITTER
    assert [is_let_in(breaker) for _ in range(3)] == [True, False, False]


def test_a_probe_that_works_closes_it(breaker: Breaker, time: Time) -> None:
    fail(breaker, 3)
    time.now += 1 + JITTER
    breaker.succeeded(breaker.enter())
    assert (breaker.is_open, breaker.why) == (False, "")
    assert is_let_in(breaker)


def test_what_was_under_way_when_it_opened_does_not_close_it(breaker: Breaker) -> None:
    turn = breaker.enter()
    fail(breaker, 3)
    breaker.succeeded(turn)
    assert not is_let_in(breaker)


def test_what_began_before_it_opened_is_not_taken_for_the_end_of_the_probe(breaker: Breaker, time: Time) -> None:
    late = [breaker.enter() for _ in range(3)]
    fail(breaker, 3)
    time.now += 1 + JITTER
    probe = breaker.enter()
    breaker.failed(late[0], "late")
    breaker.gave_up(late[1])
    breaker.succeeded(late[2])
    assert (breaker.is_open, breaker.opened, is_let_in(breaker)) == (True, 1, False)
    breaker.succeeded(probe)
    assert not breaker.is_open


def test_a_probe_that_came_to_no_end_makes_room_for_another(breaker: Breaker, time: Time) -> None:
    fail(breaker, 3)
    time.now += 1 + JITTER
    breaker.gave_up(breaker.enter())
    assert [is_let_in(breaker) for _ in range(2)] == [True, False]


def test_each_probe_that_fails_doubles_the_pause_up_to_the_longest(breaker: Breaker, time: Time) -> None:
    fail(breaker, 3)
    for pause in (1.0, 2.0, 4.0, 8.0, 16.0, LONGEST_SECONDS, LONGEST_SECONDS):
        time.now += pause * (1 - JITTER) - 0.001
        assert not is_let_in(breaker)
        time.now += pause * 2 * JITTER + 0.002
        fail(breaker)


def test_pauses_of_breakers_that_open_together_do_not_end_together(time: Time) -> None:
    breakers = [Breaker("x", 1, 1.0, clock=time) for _ in range(50)]
    for each in breakers:
        fail(each)
    time.now += 1.0
    let_in = [is_let_in(each) for each in breakers]
    assert 0 < sum(let_in) < 50
