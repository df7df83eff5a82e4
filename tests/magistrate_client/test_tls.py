"""Transport credentials are made of files, or not at all."""

from pathlib import Path

import pytest

from magistrate_client import tls_credentials


@pytest.mark.parametrize("given", [{"certificate_file": "own.pem"}, {"key_file": "own.key"}])
def test_a_certificate_comes_with_its_key(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="expected `certificate_file` and `key_file` together"):
        tls_credentials(**given)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.pem"):
        tls_credentials(tmp_path / "none.pem")
