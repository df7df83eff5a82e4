"""Projects for the tests of editing, and places in them, found by the text that stands there."""

from functools import cache
from pathlib import Path

from policy_lang.editing.project import Project
from policy_lang.folder import read_folder

EXAMPLES = Path(__file__).parents[3] / "examples"
FOLDERS = sorted(EXAMPLES.glob("*/policies"))


@cache
def example(name: str = "documents") -> Project:
    """The project of an example."""
    return Project().with_texts(read_folder(EXAMPLES / name / "policies"))


def project(**texts: str) -> Project:
    """A project of these files, by name without the suffix."""
    return Project().with_texts({f"{name}.policy": text for name, text in texts.items()})


def place(found: Project, path: str, before: str, behind: str = "") -> int:
    """Where `behind` begins, that follows `before`, in a file: both stand there once together."""
    text = found.texts[path]
    assert text.count(before + behind) == 1, f"`{before}{behind}` stands {text.count(before + behind)} times in {path}"
    return text.index(before + behind) + len(before)
