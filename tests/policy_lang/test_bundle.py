"""A bundle is a folder of files: all of them, or a clear error."""

from pathlib import Path

import pytest

from policy_lang.diagnostics import PolicyError
from policy_lang.folder import BundleError
from policy_lang.loading import load, load_folder

TEXT = "module m\nprincipal type User {}\n"


def test_a_folder_is_read_with_all_below_it(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "m.policy").write_text(TEXT, encoding="utf-8")
    (tmp_path / "a" / "b" / "n.policy").write_text("\ufeffmodule m\ntype T {}", encoding="utf-8")
    (tmp_path / "notes.txt").write_text("not a policy", encoding="utf-8")
    (tmp_path / ".hidden").mkdir()
    (tmp_path / ".hidden" / "m.policy").write_text(TEXT, encoding="utf-8")
    bundle = load_folder(tmp_path)
    assert [file.path for file in bundle.files] == ["a/b/n.policy", "m.policy"]
    assert set(bundle.program.schema.types) == {"T", "User"}


def test_the_digest_is_that_of_paths_and_texts() -> None:
    digest = load({"a": TEXT, "b": "module n"}).digest
    assert len(digest) == 64
    assert load({"b": "module n", "a": TEXT}).digest == digest
    assert load({"c": TEXT, "b": "module n"}).digest != digest
    assert load({"a": TEXT + " ", "b": "module n"}).digest != digest
    assert load({"a": TEXT}).digest != digest


def test_an_absent_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no policy folder at"):
        load_folder(tmp_path / "nowhere")


def test_an_empty_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"no `\*\.policy` file in"):
        load_folder(tmp_path)


def test_a_file_that_is_not_utf_8_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "m.policy").write_bytes(b"module m\xff")
    with pytest.raises(BundleError, match=r"m\.policy` is not UTF-8 \(byte 8\)"):
        load_folder(tmp_path)


def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "m.policy").symlink_to(tmp_path / "gone")
    with pytest.raises(BundleError, match="cannot read"):
        load_folder(tmp_path)


def test_a_folder_named_like_a_policy_holds_policies(tmp_path: Path) -> None:
    (tmp_path / "all.policy").mkdir()
    (tmp_path / "all.policy" / "m.policy").write_text(TEXT, encoding="utf-8")
    assert [file.path for file in load_folder(tmp_path).files] == ["all.policy/m.policy"]


def test_the_faults_of_all_files_are_told_at_once() -> None:
    with pytest.raises(PolicyError) as caught:
        load({"b": "module m\ntype", "a": "module m\nlet = 3"})
    assert [found.span.file.path for found in caught.value.diagnostics] == ["a", "b"]
