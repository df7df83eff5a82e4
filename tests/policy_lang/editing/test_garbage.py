"""Law: whatever stands in the files, every question of an editor has an answer, and positions lie in the text."""

import random
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy_lang.editing.completion import complete
from policy_lang.editing.fixes import fix_for, related
from policy_lang.editing.hover import hover
from policy_lang.editing.outline import outline
from policy_lang.editing.project import Project
from policy_lang.editing.rename import CannotRename, rename
from tests.policy_lang.editing.places import example

WORDS = "\n".join(example().texts.values()).split()


def ask(found: Project, path: str, offset: int) -> None:
    """Asks everything there is to ask about a place."""
    length = len(found.texts[path])
    for name in found.index.occurrences(path):
        assert 0 <= name.span.start < name.span.end <= length
    for entry in outline(found, path):
        assert 0 <= entry.whole.start <= entry.span.start <= entry.span.end <= entry.whole.end <= length
    hover(found, path, offset)
    completion = complete(found, path, offset)
    assert completion is None or 0 <= completion.start <= offset
    with suppress(CannotRename):
        rename(found, path, offset, "renamed")
    for finding in found.faults[path]:
        fix_for(finding)
        related(finding, found)


@settings(deadline=None, max_examples=25)
@given(st.text(), st.floats(0, 1))
def test_any_text_can_be_asked_about(text: str, where: float) -> None:
    ask(Project().with_texts({"t.policy": text}), "t.policy", int(len(text) * where))


@settings(deadline=None, max_examples=50)
@given(st.lists(st.sampled_from(WORDS), max_size=30), st.floats(0, 1))
def test_any_words_of_the_language_can_be_asked_about(words: list[str], where: float) -> None:
    text = f"module docs\n{' '.join(words)}"
    others = {path: text for path, text in example().texts.items() if path == "types.policy"}
    ask(Project().with_texts({**others, "t.policy": text}), "t.policy", int(len(text) * where))


@pytest.mark.parametrize("seed", range(20))
def test_a_damaged_example_can_be_asked_about(seed: int) -> None:
    """Words of a file left out, doubled or exchanged for others; asked at every place where that happened."""
    choice = random.Random(seed)
    path = choice.choice(sorted(example().readings))
    lines = example().texts[path].splitlines()
    touched = []
    for _ in range(3):
        at = choice.randrange(len(lines))
        words = lines[at].split(" ")
        place = choice.randrange(len(words))
        words[place] = choice.choice(["", words[place] * 2, choice.choice(WORDS), choice.choice('{}[]()".:,')])
        lines[at] = " ".join(words)
        touched.append(at)
    damaged = example().with_texts({**example().texts, path: "\n".join(lines)})
    for at in touched:
        ask(damaged, path, len("\n".join(lines[: at + 1])))


@pytest.mark.parametrize(
    "text",
    [
        f"module a\nlet x = {'not ' * 5_000}true\n",
        f"module a\nlet x = {'(' * 5_000}",
        f"module a\nlet x = {'a ?? ' * 5_000}true\n",
        f"module a\nlet x = resource{'.a' * 5_000}\n",
        f"module a\ntype A {{ a: {'{ a: ' * 2_000}int {'}' * 2_000} }}\n",
        "module a\n" + "".join(f"let a{number} = a{number + 1}\n" for number in range(1_000)),
        "module a\n" + "rule r: allow\n" * 2_000,
    ],
    ids=["nots", "brackets", "defaults", "steps", "records", "a chain of lets", "half statements"],
)
def test_text_that_goes_deep_or_on_and_on_can_be_asked_about(text: str) -> None:
    ask(Project().with_texts({"t.policy": text}), "t.policy", len(text) - 1)
