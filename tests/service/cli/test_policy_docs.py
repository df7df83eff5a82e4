"""`magistrate policy docs` prints, writes and checks the page of a folder."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from service.cli import main

POLICY = "module m\nprincipal type User {}\nactions User { see }\nrule r: allow see on User to User\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "a.policy").write_text(POLICY)
    return tmp_path


def docs(*arguments: Path | str) -> Result:
    return CliRunner().invoke(main, ["policy", "docs", *map(str, arguments)])


def test_the_page_is_printed_or_written(folder: Path) -> None:
    file = folder / "POLICIES.md"
    printed, written = docs(folder), docs(folder, "--output", file)
    assert printed.stdout.startswith("# Policies\n")
    assert (written.exit_code, written.stdout, file.read_text()) == (0, "", printed.stdout)


@pytest.mark.parametrize(("change", "code"), [("", 0), ("more", 1)])
def test_a_page_that_is_not_of_these_policies_fails_the_check(folder: Path, change: str, code: int) -> None:
    file = folder / "POLICIES.md"
    docs(folder, "--output", file)
    with file.open("a") as page:
        page.write(change)
    before = file.read_text()
    assert docs(folder, "--output", file, "--check").exit_code == code
    assert file.read_text() == before


def test_a_page_that_is_not_there_fails_the_check(folder: Path) -> None:
    assert docs(folder, "--output", folder / "none.md", "--check").exit_code == 1


def test_a_check_needs_a_page(folder: Path) -> None:
    assert docs(folder, "--check").exit_code == 2
