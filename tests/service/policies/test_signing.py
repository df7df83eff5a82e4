"""A bundle is accepted by a signature of a configured key over its own digest, and by nothing else."""

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from service.errors import BundleRefused, ConfigError
from service.policies.signing import Signatures, sign

DIGEST, OTHER = "a" * 64, "b" * 64


def private_pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def public_file(key: Ed25519PrivateKey, file: Path) -> Path:
    file.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    return file


def test_a_signature_by_any_of_the_keys_is_accepted(tmp_path: Path) -> None:
    keys = [Ed25519PrivateKey.generate() for _ in range(2)]
    signatures = Signatures.of([public_file(key, tmp_path / f"{at}.pem") for at, key in enumerate(keys)])
    for key in keys:
        signatures.check(DIGEST, sign(DIGEST, "key", private_pem(key)))


def test_nothing_need_be_signed_where_no_key_is_configured() -> None:
    Signatures().check(DIGEST, None)


def test_what_is_not_signed_by_a_key_over_this_digest_is_refused(tmp_path: Path) -> None:
    key = Ed25519PrivateKey.generate()
    signatures = Signatures.of([public_file(key, tmp_path / "key.pem")])
    wrong = [
        None,
        b"",
        bytes(64),
        sign(OTHER, "key", private_pem(key)),
        sign(DIGEST, "key", private_pem(Ed25519PrivateKey.generate())),
        key.sign(DIGEST.encode()),
    ]
    for signature in wrong:
        with pytest.raises(BundleRefused):
            signatures.check(DIGEST, signature)


def test_keys_of_another_kind_and_files_that_are_none_are_refused(tmp_path: Path) -> None:
    elliptic = generate_private_key(SECP256R1())
    file = tmp_path / "elliptic.pem"
    file.write_bytes(elliptic.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    with pytest.raises(ConfigError, match="not of Ed25519"):
        Signatures.of([file])
    with pytest.raises(ConfigError, match="cannot be read"):
        Signatures.of([tmp_path / "absent.pem"])
    file.write_text("nonsense")
    with pytest.raises(ConfigError, match="no public key in PEM"):
        Signatures.of([file])
    with pytest.raises(ConfigError, match="no private key in PEM"):
        sign(DIGEST, "key", b"nonsense")
    with pytest.raises(ConfigError, match="not of Ed25519"):
        sign(DIGEST, "key", elliptic.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
