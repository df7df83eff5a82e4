"""The law of `like`: a star is any text, all else is literal, and matching takes no time to speak of."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_lang.patterns import matches

TEXTS = st.text(alphabet="ab.*", max_size=12)


@pytest.mark.parametrize(
    ("pattern", "text", "expected"),
    [
        ("", "", True),
        ("*", "", True),
        ("a*", "a", True),
        ("a*a", "a", False),
        ("*ab*", "xaby", True),
        ("a.c", "abc", False),
        ("a*\nb", "a\n\nb", True),
        ("/health*", "/healthz", True),
    ],
)
def test_a_star_is_any_text(pattern: str, text: str, expected: bool) -> None:
    assert matches(pattern, text) is expected


@given(pattern=TEXTS, text=TEXTS)
def test_it_matches_as_a_regular_expression_would(pattern: str, text: str) -> None:
    expression = ".*".join(map(re.escape, pattern.split("*")))
    assert matches(pattern, text) is (re.fullmatch(expression, text, re.DOTALL) is not None)


def test_many_stars_over_a_long_text_are_no_burden() -> None:
    assert not matches("*a*a*a*a*a*a*a*b", "a" * 4096)
