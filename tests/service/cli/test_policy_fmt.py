"""`magistrate policy fmt` writes the canonical layout, whole or not at all, and the project's own policies have it."""

import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from policy_lang.formatting.formatter import format_policy
from policy_lang.source import SourceFile
from service.cli import main
from tests.docs.blocks import blocks_of

ROOT = Path(__file__).parents[3]
LOOSE = "module m\nlet x=a # why\nlet y  = b"
TIDY = "module m\n\nlet x = a  # why\nlet y = b\n"
BROKEN = "module m\nlet = 1\n"


def fmt(*arguments: Path | str) -> Result:
    return CliRunner().invoke(main, ["policy", "fmt", *map(str, arguments)])


@pytest.fixture
def policies(tmp_path: Path) -> Path:
    """A folder with a loose file, a tidy one in a folder below, and what is no policy."""
    folder = tmp_path / "policies"
    (folder / "below").mkdir(parents=True)
    (folder / "loose.policy").write_text(LOOSE)
    (folder / "below" / "tidy.policy").write_text(TIDY)
    (folder / "notes.txt").write_text(LOOSE)
    return folder


def test_it_writes_what_differs_and_names_it(policies: Path) -> None:
    untouched = (policies / "below" / "tidy.policy").stat().st_mtime_ns
    result = fmt(policies)
    assert (result.exit_code, result.stdout) == (0, f"{policies / 'loose.policy'}\n")
    assert result.stderr == "1 file formatted, 1 file unchanged\n"
    assert (policies / "loose.policy").read_text() == TIDY
    assert (policies / "below" / "tidy.policy").stat().st_mtime_ns == untouched
    assert (policies / "notes.txt").read_text() == LOOSE
    assert sorted(path.name for path in policies.iterdir()) == ["below", "loose.policy", "notes.txt"]


def test_check_names_what_would_change_and_writes_nothing(policies: Path) -> None:
    result = fmt("--check", policies)
    assert (result.exit_code, result.stdout) == (1, f"{policies / 'loose.policy'}\n")
    assert (policies / "loose.policy").read_text() == LOOSE


def test_check_of_what_is_formatted_is_silent(policies: Path) -> None:
    fmt(policies)
    result = fmt("--check", policies)
    assert (result.exit_code, result.stdout) == (0, "")


def test_diff_shows_a_patch_that_formats_and_writes_nothing(policies: Path) -> None:
    result = fmt("--diff", policies)
    assert result.exit_code == 0
    assert (policies / "loose.policy").read_text() == LOOSE
    patch = ["git", "apply", "-p0", "--unsafe-paths", "-"]
    subprocess.run(patch, input=result.stdout, text=True, cwd="/", check=True)
    assert (policies / "loose.policy").read_text() == TIDY


def test_check_with_diff_shows_the_patch_and_fails(policies: Path) -> None:
    result = fmt("--check", "--diff", policies)
    assert result.exit_code == 1
    assert result.stdout.startswith("--- ")


def test_nothing_is_written_if_one_file_does_not_parse(policies: Path) -> None:
    (policies / "broken.policy").write_text(BROKEN)
    (policies / "worse.policy").write_text("")
    result = fmt(policies)
    assert (result.exit_code, result.stdout) == (1, "")
    assert f"{policies / 'broken.policy'}:2:5" in result.stderr
    assert f"{policies / 'worse.policy'}:1:1" in result.stderr
    assert (policies / "loose.policy").read_text() == LOOSE


def test_files_and_folders_are_given_together(policies: Path) -> None:
    assert fmt("--check", policies / "loose.policy", policies / "below").exit_code == 1
    assert fmt("--check", policies / "below" / "tidy.policy").exit_code == 0


def test_without_a_path_it_is_the_folder_policies(policies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(policies.parent)
    assert fmt().stdout == "policies/loose.policy\n"


def test_a_path_that_is_not_there_is_wrong_usage(tmp_path: Path) -> None:
    assert fmt(tmp_path / "nowhere").exit_code == 2


def test_a_folder_without_policies_is_wrong_usage(tmp_path: Path) -> None:
    assert fmt(tmp_path).exit_code == 2


def test_text_that_is_not_utf8_is_told_and_kept(policies: Path) -> None:
    file = policies / "latin.policy"
    file.write_bytes(b"module m # caf\xe9\n")
    result = fmt(file)
    assert (result.exit_code, file.read_bytes()) == (2, b"module m # caf\xe9\n")
    assert "not UTF-8" in result.stderr


def test_ends_of_lines_become_line_feeds(policies: Path) -> None:
    file = policies / "loose.policy"
    file.write_bytes(TIDY.replace("\n", "\r\n").encode())
    fmt(file)
    assert file.read_bytes() == TIDY.encode()


def test_a_file_keeps_its_mode_and_a_link_stays_one(policies: Path) -> None:
    file = policies / "loose.policy"
    file.chmod(0o640)
    link = policies.parent / "link.policy"
    link.symlink_to(file)
    fmt(link)
    assert link.is_symlink()
    assert file.read_text() == TIDY
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("folder", ["examples", "service/cli/starter"])
def test_the_policies_of_the_project_are_formatted(folder: str) -> None:
    result = fmt("--check", "--diff", ROOT / folder)
    assert result.exit_code == 0, result.stdout


def test_the_policies_of_the_documentation_are_formatted() -> None:
    blocks = [block for block in blocks_of(ROOT / "docs" / "language.md") if block.info == "policy"]
    assert len(blocks) > 5
    for block in blocks:
        head = "" if block.text.startswith("module") else "module m\n\n"
        assert format_policy(SourceFile(str(block), head + block.text)) == head + block.text


def test_what_is_not_there_is_said_as_by_the_other_commands(tmp_path: Path) -> None:
    result = fmt(tmp_path / "nowhere")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == f"error: cannot read `{tmp_path / 'nowhere'}`: no such file or directory\n"
