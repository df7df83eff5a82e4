"""Law: of any text, parser, checker and formatter make a program or diagnostics that can be shown, nothing else."""

import random
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_lang.diagnostics import PolicyError
from policy_lang.folder import read_file
from policy_lang.formatting.formatter import format_policy
from policy_lang.limits import FILE_LIMIT
from policy_lang.loading import load
from policy_lang.source import SourceFile

ROOT: Final = Path(__file__).parents[2]
REAL: Final = tuple(
    path.read_text(encoding="utf-8") for path in sorted(ROOT.rglob("*.policy")) if ".venv" not in path.parts
)
"""Every policy file of the project, the faulty ones of the golden tests too."""
TRICKS: Final = (
    "\0", "\ufeff", "\r", "\r\n", "\u2028", "\u202e", "\u200d", "\ud800", "\udfff", "\uff11", "\u0663", "\u212a",
    "\u017f", "\u00e9", "e\u0301", "\t", "\v", "\x1b[31m", '"', "\\", "\\u", "\\ud800", "#", "# allow", "{", "}", "(",
    ")", "[", "]", "<", ">", ",", ";", ":", "::", ".", "..", "??", "|", "=", "==", "-", "+", "/", "0", "00", "1.5",
    "1.", "1d", "2026-01-05T", "::ffff:1.2.3.4/33", "9" * 400, "a" * 400, " and ", " or ", " not ", " has ", " in ",
    " any in ", " under ", "rule", "test", "role", "type", "{resource.region}", "principal", "resource.",
    "context.", "__class__",
)  # fmt: skip
MODULE: Final = "module t\ntype R {}\nactions R { read }\nprincipal type U {}\n"


def come_through(text: str) -> None:
    """Loads and formats the text; what it says of faults can be shown, what it formats says the same."""
    try:
        load({"t.policy": text})
    except PolicyError as error:
        assert error.diagnostics
        assert_shows(str(error))
    try:
        formatted = format_policy(SourceFile("t.policy", text))
    except PolicyError as error:
        assert_shows(str(error))
    else:
        assert format_policy(SourceFile("t.policy", formatted)) == formatted


def assert_shows(said: str) -> None:
    """What is said of a text steers no terminal and hides nothing, whatever stands in the text."""
    assert said
    assert [char for char in said if not char.isprintable() and char not in "\n\t"] == []


def mutated(choice: random.Random) -> str:
    """A real file with stretches of it cut, doubled, moved or replaced by something hostile."""
    text = choice.choice(REAL)
    for _ in range(choice.randint(1, 4)):
        start = choice.randrange(len(text) + 1)
        end = min(len(text), start + choice.choice((0, 0, 1, 2, 10, 200)))
        piece = text[start:end]
        other = choice.randrange(len(text) + 1)
        match choice.randint(0, 4):
            case 0:
                text = text[:start] + text[end:]
            case 1:
                text = text[:start] + piece * 2 + text[end:]
            case 2:
                text = text[:other] + piece + text[other:]
            case _:
                text = text[:start] + choice.choice(TRICKS) + text[end:]
    return text


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 2**64))
def test_a_real_policy_with_something_wrong_in_it(seed: int) -> None:
    come_through(mutated(random.Random(seed)))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.sampled_from(TRICKS), max_size=30))
def test_tricks_one_behind_the_other(tricks: list[str]) -> None:
    come_through(MODULE + "let a = " + "".join(tricks))


@pytest.mark.parametrize("char", ["\0", "\x1b", "\x9b", "\u202e", "\u200b", "\u2028"])
def test_what_would_steer_a_terminal_is_shown_as_a_mark(char: str) -> None:
    with pytest.raises(PolicyError) as refused:
        load({f"{char}.policy": f'{MODULE}let a = missing == "{char}"'})
    assert_shows(str(refused.value))
    assert "\N{REPLACEMENT CHARACTER}.policy:" in str(refused.value)


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=300))
def test_bytes_behind_a_good_beginning(content: bytes) -> None:
    come_through(MODULE + content.decode("utf-8", "surrogateescape"))


DEEP: Final = {
    "brackets left open": "let a = " + "(" * 20_000,
    "brackets": "let a = " + "(" * 10_000 + "true" + ")" * 10_000,
    "denials": "let a = " + "not " * 20_000 + "true",
    "lists": "let a = 1 in " + "[" * 20_000,
    "sums": "let a = 1" + " + 1" * 10_000 + " == 2",
    "connectives": "let a = true" + " and true" * 3_000,
    "defaults": "let a = " + "principal.a ?? " * 10_000 + "1",
    "steps": "let a = " + "a." * 3_000 + "b",
    "types": "type X { b: " + "{a:" * 10_000 + "int" + "}" * 10_000 + "}",
    "rows": 'fixture f = U "u" ' + "{a:" * 10_000 + "1" + "}" * 10_000,
    "lets": "let a0 = true\n" + "".join(f"let a{at + 1} = a{at} and a{at}\n" for at in range(1_000)),
    "roles": "role a0 {}\n" + "".join(f"role a{at + 1} includes a{at} {{}}\n" for at in range(1_000)),
    "roles backwards": "".join(f"role a{at + 1} includes a{at} {{}}\n" for at in reversed(range(1_000)))
    + "role a0 {}\n",
}


@pytest.mark.parametrize("text", DEEP.values(), ids=DEEP)
def test_what_is_nested_deep_breaks_nothing(text: str) -> None:
    come_through(MODULE + text)


LARGE: Final = {
    "spaces": " " * FILE_LIMIT,
    "lines": "\n" * FILE_LIMIT,
    "NUL": "\0" * FILE_LIMIT,
    "quotes": '"' * FILE_LIMIT,
    "a string": '"' + "x" * FILE_LIMIT,
    "a name": "x" * FILE_LIMIT,
    "a number": "let a = " + "9" * FILE_LIMIT,
    "a comment": "#" * FILE_LIMIT,
    "colons": "let a = " + "1:" * FILE_LIMIT,
    "hexadecimals": "let a = " + "a:" * FILE_LIMIT,
    "tricks": "".join(TRICKS) * (FILE_LIMIT // 800),
}


@pytest.mark.parametrize("text", LARGE.values(), ids=LARGE)
def test_a_file_of_the_largest_size_is_read(text: str) -> None:
    come_through((MODULE + text)[: FILE_LIMIT - 100])


def test_a_larger_file_is_refused_unread() -> None:
    with pytest.raises(PolicyError) as refused:
        load({"t.policy": MODULE + " " * FILE_LIMIT})
    assert [fault.code for fault in refused.value.diagnostics] == ["E401"]


def test_line_ends_of_windows_are_line_ends() -> None:
    assert load({"t.policy": MODULE.replace("\n", "\r\n")}).program.schema.actions == {"R": {"read": False}}


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "t.policy").write_bytes(b"\xef\xbb\xbf" + MODULE.encode())
    assert read_file(tmp_path / "t.policy") == MODULE


@pytest.mark.parametrize(
    "name",
    ["\u0430lice", "\uff55ser", "user\u200b", "\u212a", "e\u0301"],
    ids=["cyrillic", "wide", "zero width", "kelvin", "combining"],
)
def test_names_that_only_look_like_others_are_refused(name: str) -> None:
    with pytest.raises(PolicyError):
        load({"t.policy": f"{MODULE}let {name} = true"})
