"""What is remembered of tokens is bounded, and found by the whole token alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.authn.cache import TokenCache, digest_of


def test_the_least_recently_used_goes_first() -> None:
    cache: TokenCache[int] = TokenCache(2)
    cache.keep(b"a", 1)
    cache.keep(b"b", 2)
    assert cache.find(b"a") == 1
    cache.keep(b"c", 3)
    assert (cache.find(b"a"), cache.find(b"b"), cache.find(b"c")) == (1, None, 3)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=60), st.integers(1, 5))
def test_it_never_holds_more_than_it_may_and_never_another_entry(steps: list[tuple[bool, int]], capacity: int) -> None:
    cache: TokenCache[int] = TokenCache(capacity)
    for is_kept, number in steps:
        digest = digest_of(str(number))
        if is_kept:
            cache.keep(digest, number)
        assert cache.find(digest) in (number, None)
        assert len(cache) <= capacity


def test_the_digest_takes_any_text() -> None:
    assert digest_of("a.b.c") != digest_of("a.b.d")
    assert digest_of("\udc80") != digest_of("\udc81")


def test_a_cache_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="at least"):
        TokenCache[int](0)
