"""A masked value never stands in the record as it is; a gap is no value and stays."""

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from policy_lang.types import Json
from service.model import Masking
from service.record_settings import MaskSettings
from service.recording.masks import REMOVED, Removed, hash_value, mask_of, truncate

KEY = bytes(range(32))
GAPS: tuple[Json, ...] = ({"gap": "absent"}, {"gap": "not_given", "broken": True})


def mac(text: str) -> str:
    """The MAC as an operator would work it out."""
    return "hmac-sha256:" + hmac.new(KEY, text.encode(), hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("Ada", "Ada"),
        (42, "42"),
        (True, "true"),
        ({"type": "User", "id": "ada"}, "User:ada"),
        ({"zip": "75001", "city": "Paris"}, '{"city":"Paris","zip":"75001"}'),
        ({"gap": "a field of that name"}, '{"gap":"a field of that name"}'),
    ],
    ids=str,
)
def test_a_hash_is_the_mac_of_the_values_text(value: Json, text: str) -> None:
    assert hash_value(KEY, value) == mac(text)


def test_the_elements_of_a_set_are_hashed_alone_and_lose_their_order() -> None:
    assert hash_value(KEY, ["b", "a"]) == hash_value(KEY, ["a", "b"]) == sorted([mac("a"), mac("b")])


@pytest.mark.parametrize(
    ("value", "left"),
    [
        ("Ada Lovelace", "Ada"),
        ("Al", "Al"),
        ("", ""),
        (["Ada Lovelace", "Ada Byron", "Bob"], ["Ada", "Bob"]),
        (12345, REMOVED),
        ({"type": "User", "id": "ada"}, REMOVED),
        ({"city": "Paris"}, REMOVED),
    ],
    ids=str,
)
def test_truncating_leaves_the_first_characters_of_strings_and_nothing_else(value: Json, left: Json | Removed) -> None:
    assert truncate(3, value) == left


@pytest.mark.parametrize("gap", GAPS, ids=str)
def test_a_gap_is_no_value_and_stays(gap: Json) -> None:
    assert hash_value(KEY, gap) == truncate(1, gap) == gap


@given(st.text(min_size=4), st.binary(min_size=32, max_size=32))
def test_equal_values_hash_alike_under_one_key_alone(text: str, other: bytes) -> None:
    assert hash_value(KEY, text) == hash_value(KEY, text)
    assert (hash_value(KEY, text) == hash_value(other, text)) == (other == KEY)


@pytest.mark.parametrize(
    ("settings", "how"),
    [
        (MaskSettings(path="resource.title", how="remove"), Masking.REMOVED),
        (MaskSettings(path="resource.title", how="hash"), Masking.HASHED),
        (MaskSettings(path="resource.title", how="truncate", characters=3), Masking.TRUNCATED),
    ],
    ids=["remove", "hash", "truncate"],
)
def test_the_record_says_how(settings: MaskSettings, how: Masking) -> None:
    mask = mask_of(settings, KEY)
    assert mask.how is how
    assert mask.change("a title that is long") != "a title that is long"
