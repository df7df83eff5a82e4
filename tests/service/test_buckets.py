"""A bucket lets through its burst and what flows in, and never more, however it is asked."""

from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.buckets import Bucket, Buckets
from service.rate import Rate

RATE = Rate(per_minute=60, burst=10)


def test_a_pause_is_worth_its_burst_and_no_more() -> None:
    bucket = Bucket(RATE, 0.0)
    assert bucket.take(10, 3600.0)
    assert not bucket.take(1, 3600.0)
    assert bucket.wait(1, 3600.0) == pytest.approx(1.0)
    assert bucket.take(1, 3601.0)


def test_more_than_the_burst_is_never_let_through() -> None:
    assert Bucket(RATE, 0.0).wait(11, 0.0) is None


def test_what_is_given_back_can_be_taken_once() -> None:
    bucket = Bucket(RATE, 0.0)
    assert bucket.take(10, 0.0)
    bucket.give_back(3)
    assert bucket.take(3, 0.0)
    assert not bucket.take(1, 0.0)


def test_a_narrower_rate_holds_at_once() -> None:
    buckets = Buckets(4)
    assert buckets.of("key", RATE, 0.0).level(0.0) == 10
    assert buckets.of("key", Rate(60, 2), 0.0).level(0.0) == 2


def test_a_clock_that_goes_back_lets_nothing_more_through() -> None:
    bucket = Bucket(RATE, 100.0)
    assert bucket.take(10, 100.0)
    assert not bucket.take(1, 50.0)
    assert not bucket.take(1, 100.5)


@given(
    st.integers(1, 600),
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0, 30, allow_nan=False), st.integers(1, 20)), max_size=60),
)
def test_no_stretch_of_time_gives_more_than_the_burst_and_what_flowed_in(
    per_minute: int, burst: int, asked: list[tuple[float, int]]
) -> None:
    bucket = Bucket(Rate(per_minute, burst), 0.0)
    times = list(accumulate(pause for pause, _ in asked))
    taken = [(at, amount) for at, (_, amount) in zip(times, asked, strict=True) if bucket.take(amount, at)]
    for first, (start, _) in enumerate(taken):
        for last in range(first, len(taken)):
            amount = sum(each for _, each in taken[first : last + 1])
            assert amount <= burst + (taken[last][0] - start) * per_minute / 60 + 1e-6
