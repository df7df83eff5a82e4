"""Law: whatever stands in a policy file, loading it gives a program or diagnostics that can be shown, nothing else."""

import random
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_lang.diagnostics import PolicyError
from policy_lang.folder import BundleError, read_folder
from policy_lang.linting.linter import check
from policy_lang.loading import load_folder

EXAMPLE = read_folder(Path(__file__).parents[2] / "examples" / "documents" / "policies")
WHOLE = "\n".join(("module docs", *(text.replace("module docs", "") for text in EXAMPLE.values())))
TOKENS = WHOLE.split()


def shown(texts: dict[str, str]) -> str:
    """All that is found, as it is shown; a bundle that does not load has faults."""
    checked = check(texts)
    assert checked.bundle is not None or checked.diagnostics
    return "\n".join(found.render() for found in checked.diagnostics)


@settings(deadline=None)
@given(st.text())
def test_any_text_is_a_program_or_a_diagnostic(text: str) -> None:
    shown({"t.policy": text})


@settings(deadline=None)
@given(st.text(max_size=60))
def test_any_text_after_a_module_is_a_program_or_a_diagnostic(text: str) -> None:
    shown({"t.policy": f"module t\n{text}"})


@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(TOKENS), max_size=40))
def test_any_words_of_the_language_are_a_program_or_a_diagnostic(words: Sequence[str]) -> None:
    shown({"t.policy": f"module t {' '.join(words)}"})


@pytest.mark.parametrize("seed", range(30))
def test_a_damaged_example_is_a_program_or_a_diagnostic(seed: int) -> None:
    """Words of the example left out, doubled, exchanged or changed for others of it."""
    choice = random.Random(seed)
    lines = WHOLE.splitlines()
    for _ in range(choice.randint(1, 3)):
        at = choice.randrange(len(lines))
        words = lines[at].split(" ")
        place = choice.randrange(len(words))
        words[place] = choice.choice(["", words[place] * 2, choice.choice(words), choice.choice(TOKENS)])
        lines[at] = " ".join(words)
    shown({"t.policy": "\n".join(lines)})


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None)
def test_any_bytes_are_a_program_or_a_clear_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.mktemp("policies")
    (folder / "t.policy").write_bytes(content)
    try:
        load_folder(folder)
    except BundleError as error:
        assert "not UTF-8" in str(error)
    except PolicyError as error:
        assert str(error)
