"""A folder gives policies in force, or says why not."""

from pathlib import Path

import pytest

from policy_lang.diagnostics import PolicyError
from service.errors import ConfigError
from service.policies.folder import activate, load_bundle, read_texts

POLICY = (
    "module m\nprincipal type User {}\ntype Note {}\nactions Note { read }\nrule all: allow read on Note to anyone\n"
)


def test_a_folder_becomes_policies_in_force(tmp_path: Path) -> None:
    (tmp_path / "m.policy").write_text(POLICY)
    active = activate(read_texts(tmp_path))
    assert active.digest == load_bundle(tmp_path).digest
    assert set(active.bundle.program.schema.types) == {"User", "Note"}


def test_a_folder_without_policies_is_a_configuration_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no `\*\.policy` file in"):
        load_bundle(tmp_path)
    with pytest.raises(ConfigError, match="no policy folder at"):
        load_bundle(tmp_path / "nowhere")


def test_a_file_that_cannot_be_read_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "a.policy").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        load_bundle(tmp_path)
    (tmp_path / "a.policy").unlink()
    (tmp_path / "a.policy").symlink_to(tmp_path / "nowhere")
    with pytest.raises(ConfigError, match="cannot read"):
        load_bundle(tmp_path)


def test_text_that_may_not_be_loaded_keeps_its_diagnostics(tmp_path: Path) -> None:
    (tmp_path / "m.policy").write_text(POLICY + "rule bad: allow write on Note to anyone\n")
    with pytest.raises(PolicyError) as failed:
        load_bundle(tmp_path)
    assert "m.policy:6" in str(failed.value)
