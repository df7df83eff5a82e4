"""A door for client certificates starts with files that fit, and keeps to them while others do not."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from service.authn.tls_files import load_tls_files
from service.certificate_settings import CertificateSettings
from service.errors import ConfigError
from tests.identity_provider.clients import ClientAuthority, host

AUTHORITY = ClientAuthority("authority")
HELD = AUTHORITY.holding(host("magistrate.test"))


def settings_in(folder: Path, **given: object) -> CertificateSettings:
    """Settings of three good files in the folder."""
    HELD.write(folder / "server.pem", folder / "server.key")
    (folder / "clients.pem").write_bytes(AUTHORITY.pem)
    files = {
        "certificate_file": folder / "server.pem",
        "key_file": folder / "server.key",
        "client_ca_file": folder / "clients.pem",
    }
    return CertificateSettings.model_validate({**files, "trust_domains": ["example.org"], **given})


def test_files_that_fit_are_read(tmp_path: Path) -> None:
    files = load_tls_files(settings_in(tmp_path))
    assert (files.certificate, files.key, files.authorities) == (HELD.pem, HELD.key_pem, (AUTHORITY.certificate,))
    assert repr(HELD.key_pem) not in repr(files)


@pytest.mark.parametrize(
    ("file", "content", "mode", "why"),
    [
        pytest.param("server.key", HELD.key_pem, 0o640, "is open to others", id="a key that others may read"),
        pytest.param("server.key", AUTHORITY.holding().key_pem, 0o600, "is not the key of", id="another key"),
        pytest.param("server.key", HELD.key_pem[:80], 0o600, "holds no private key in PEM", id="half a key"),
        pytest.param("server.key", HELD.pem, 0o600, "holds no private key in PEM", id="no key"),
        pytest.param("server.pem", HELD.pem[:200], 0o644, "holds no certificates in PEM", id="half a certificate"),
        pytest.param("clients.pem", b"", 0o644, "holds no certificates in PEM", id="no authority"),
        pytest.param("clients.pem", AUTHORITY.pem + HELD.pem[:200], 0o644, "holds no", id="half an authority"),
    ],
)
def test_files_that_do_not_fit_refuse_the_start(tmp_path: Path, file: str, content: bytes, mode: int, why: str) -> None:
    settings = settings_in(tmp_path)
    (tmp_path / file).write_bytes(content)
    (tmp_path / file).chmod(mode)
    with pytest.raises(ConfigError, match=why):
        load_tls_files(settings)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param({"trust_domains": []}, "no certificate could name anybody", id="nobody"),
        pytest.param({"trust_domains": ["*"]}, "trust_domains", id="every domain"),
        pytest.param({"trust_domains": ["Example.org"]}, "trust_domains", id="upper case"),
        pytest.param({"principals": {"spiffe://evil.test/x": "User:x"}}, "is not in trust_domains", id="other domain"),
        pytest.param({"principals": {"*.example.org": "User:x"}}, "neither a URI", id="a wildcard"),
        pytest.param({"principals": {"CN=x": "User:x"}}, "neither a URI", id="a common name"),
        pytest.param({"principals": {"a.example.org": "alice"}}, "TYPE:ID", id="no type"),
    ],
)
def test_names_that_could_not_be_meant_so_refuse_the_start(tmp_path: Path, given: dict[str, object], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        settings_in(tmp_path, **given)
