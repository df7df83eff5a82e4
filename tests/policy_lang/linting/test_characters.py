"""Text that shows something else than it holds is reported, other people's alphabets are not."""

import unicodedata

import pytest

from tests.policy_lang.linting.linted import said


def in_string(text: str) -> list[str]:
    return said(f'rule r: deny read on Document when resource.region == "{text}"')


@pytest.mark.parametrize("word", ["\u0430dmin", "p\u0430ypal", "\u03bfwner", "\uff41dmin", "\U0001d5baadmin"])
def test_letters_that_look_like_others_are_reported(word: str) -> None:
    assert in_string(word) == [f"W501: `{word}` has letters of several alphabets that look alike"]
    assert said(f"# {word} is in charge") == [f"W501: `{word}` has letters of several alphabets that look alike"]


def test_a_string_that_looks_like_another_is_reported() -> None:
    text = 'rule a: deny read on Document when resource.region == "cop"\n'
    twin = 'rule b: deny edit on Document when resource.region == "\u0441\u043e\u0440"'
    assert said(text + twin) == ['W501: this string looks like "cop", and is another']


@pytest.mark.parametrize("text", ["Москва", "Αθήνα", "東京Tower", "café", "Straße", "naïve", "µs", "עברית", "\\u202e"])
def test_words_of_one_alphabet_are_not_reported(text: str) -> None:
    assert in_string(unicodedata.normalize("NFC", text)) == []


@pytest.mark.parametrize("char", ["\u202e", "\u2066", "\u200b", "\u00ad", "\ufeff", "\u00a0", "\u200d", "\u2028"])
def test_a_character_that_does_not_show_is_reported(char: str) -> None:
    name = unicodedata.name(char).lower()
    assert in_string(f"eu{char}") == [f"W502: U+{ord(char):04X} ({name}) stands here and does not show"]


@pytest.mark.parametrize("char", ["\x08", "\x0b", "\x0c", "\x1b", "\x7f"])
def test_a_control_character_among_plain_ones_is_reported_too(char: str) -> None:
    reported = f"W502: U+{ord(char):04X} (no name) stands here and does not show"
    assert in_string(f"eu{char}") == said(f"# the EU{char}") == [reported]


def test_letters_may_be_joined_in_comments() -> None:
    assert said("# \U0001f468\u200d\U0001f469 may read") == []


def test_text_that_is_not_in_normal_form_is_reported() -> None:
    assert in_string("cafe\u0301") == ["W503: this string is put together otherwise than keyboards do"]
