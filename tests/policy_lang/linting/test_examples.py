"""What we show to authors has no lint: the examples and the starter."""

from pathlib import Path

import pytest

from policy_lang.folder import read_folder
from policy_lang.linting.linter import check

ROOT = Path(__file__).parents[3]
FOLDERS = sorted(
    folder for pattern in ("examples/*/policies", "service/cli/starter/policies") for folder in ROOT.glob(pattern)
)


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: str(folder.relative_to(ROOT)))
def test_what_we_show_has_no_lint(folder: Path) -> None:
    assert [each.render() for each in check(read_folder(folder)).diagnostics] == []


def test_there_is_something_to_show() -> None:
    assert len(FOLDERS) > 4
