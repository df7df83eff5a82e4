"""A key that must not be there refuses the start, and says what to do."""

import os
from base64 import urlsafe_b64decode
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from jwt.algorithms import ECAlgorithm

from policy_lang.types import Json
from service.authn.key_files import SECRET_BYTES, load_keys
from service.authn.keys import thumbprint_of
from service.errors import ConfigError
from service.issuer_settings import Algorithm
from tests.service.authn.forge import (
    EC_KEY,
    ED_KEY,
    OTHER_EC_KEY,
    RSA_KEY,
    PrivateKey,
    issuer,
    pem,
    public_jwk,
    write_jwks,
)
from tests.service.authn.forge import write_secret as write

EVERY_PUBLIC: list[Algorithm] = ["RS256", "PS512", "ES256", "ES384", "EdDSA"]
SECRET = b"\x07" * SECRET_BYTES


def number(text: str) -> int:
    return int.from_bytes(urlsafe_b64decode(text + "=" * (-len(text) % 4)), "big")


def test_the_thumbprint_is_that_of_rfc_7638() -> None:
    modulus = (
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3okn"
        "jhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qM"
        "QvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJz"
        "KnqDKgw"
    )
    key = rsa.RSAPublicNumbers(e=65537, n=number(modulus)).public_key()
    assert thumbprint_of(key) == "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"


def test_the_thumbprint_is_that_of_rfc_8037() -> None:
    point = urlsafe_b64decode("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo=")
    key = ed25519.Ed25519PublicKey.from_public_bytes(point)
    assert thumbprint_of(key) == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


def test_each_key_is_bound_to_the_algorithms_of_its_kind(tmp_path: Path) -> None:
    p384, ed = ec.generate_private_key(ec.SECP384R1()), ed448.Ed448PrivateKey.generate()
    named: dict[str, PrivateKey] = {"rsa": RSA_KEY, "p256": EC_KEY, "p384": p384, "ed25519": ED_KEY, "ed448": ed}
    path = write_jwks(tmp_path / "jwks.json", *(public_jwk(key, kid) for kid, key in named.items()))
    keys = load_keys(issuer(path, algorithms=EVERY_PUBLIC))
    assert {kid: set(key.algorithms) for kid, key in keys.keys.items()} == {
        "rsa": {"RS256", "PS512"},
        "p256": {"ES256"},
        "p384": {"ES384"},
        "ed25519": {"EdDSA"},
        "ed448": {"EdDSA"},
    }


def test_a_key_without_an_id_is_called_by_its_thumbprint(tmp_path: Path) -> None:
    keys = load_keys(issuer(write_jwks(tmp_path / "jwks.json", public_jwk(EC_KEY, kid=None))))
    assert list(keys.keys) == [thumbprint_of(EC_KEY.public_key())]


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(public_jwk(OTHER_EC_KEY, "k2", use="enc"), id="for encryption"),
        pytest.param(public_jwk(OTHER_EC_KEY, "k2", key_ops=["deriveKey"]), id="for deriving keys"),
        pytest.param(public_jwk(OTHER_EC_KEY, "k2", alg="ECDH-ES"), id="for key agreement"),
        pytest.param(public_jwk(OTHER_EC_KEY, "k2", alg="ES384"), id="for an algorithm not of its curve"),
        pytest.param(public_jwk(RSA_KEY, "k2"), id="for algorithms that the issuer does not list"),
        pytest.param({"kty": "AKP", "kid": "k2", "alg": "ML-DSA-44", "pub": "AAAA"}, id="of a kind unknown"),
        pytest.param({"kty": "EC", "crv": "secp256k1", "kid": "k2", "x": "AA", "y": "AA"}, id="on a curve unknown"),
    ],
)
def test_a_key_for_another_purpose_is_passed_over(tmp_path: Path, other: Json) -> None:
    assert list(load_keys(issuer(write_jwks(tmp_path / "jwks.json", public_jwk(EC_KEY), other))).keys) == ["k1"]
    with pytest.raises(ConfigError, match="no key for the issuer's algorithms"):
        load_keys(issuer(write_jwks(tmp_path / "jwks.json", other)))


def private_jwk(key: ec.EllipticCurvePrivateKey) -> Json:
    return {**ECAlgorithm.to_jwk(key, as_dict=True), "kid": "k2"}


WEAK_RSA = rsa.generate_private_key(public_exponent=65537, key_size=1024)


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        pytest.param(private_jwk(OTHER_EC_KEY), "is private\nhelp:", id="private"),
        pytest.param({**public_jwk(EC_KEY, "k2"), "use": "enc", "d": "AA"}, "is private", id="private, for encryption"),
        pytest.param({"kty": "oct", "kid": "k2", "k": "AA"}, "is a shared secret\nhelp:", id="symmetric"),
        pytest.param(public_jwk(WEAK_RSA, "k2"), "is weak: RSA with 1024 bits", id="weak RSA"),
        pytest.param(public_jwk(EC_KEY, "k1"), "that an earlier key has", id="an id twice"),
        pytest.param({**public_jwk(EC_KEY, "k2"), "x": "AA"}, "is broken", id="a point cut short"),
        pytest.param({**public_jwk(EC_KEY, "k2"), "y": public_jwk(EC_KEY)["x"]}, "is broken", id="off the curve"),
        pytest.param({**public_jwk(EC_KEY, "k2"), "x": 7}, "is broken", id="a point that is a number"),
        pytest.param({**public_jwk(EC_KEY, "k2"), "x": "é"}, "is broken", id="a point that is not base64url"),
        pytest.param({**public_jwk(RSA_KEY, "k2"), "e": "AQ"}, "is broken", id="RSA with exponent 1"),
        pytest.param({"kty": "RSA", "kid": "k2"}, "is broken", id="RSA without numbers"),
        pytest.param({**public_jwk(ED_KEY, "k2"), "x": "AAAA"}, "is broken", id="Ed25519 cut short"),
        pytest.param(public_jwk(OTHER_EC_KEY, None) | {"kid": 7}, "`kid` that is not a string", id="an id as a number"),
        pytest.param("key", "is not an object", id="a string"),
    ],
)
def test_a_key_that_must_not_be_there_refuses_the_start(tmp_path: Path, bad: Json, fault: str) -> None:
    path = write_jwks(tmp_path / "jwks.json", public_jwk(EC_KEY), bad)
    with pytest.raises(ConfigError, match=fault) as refused:
        load_keys(issuer(path, algorithms=EVERY_PUBLIC))
    assert str(refused.value).startswith(f"key 2 of the JWKS file `{path}`")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(b"", "not JSON", id="empty"),
        pytest.param(b"[]", "not a JSON object", id="a list"),
        pytest.param(b'{"keys": []}', "lists no keys\nhelp:", id="no keys"),
        pytest.param(b'{"keys": {}}', "lists no keys", id="keys that are no list"),
        pytest.param(b'{"keys": [], "keys": []}', "stands twice", id="keys twice"),
        pytest.param(pem(EC_KEY), "not JSON", id="PEM"),
        pytest.param(b" " * (1 << 20) + b" ", "bytes, 1048576 are allowed", id="over-long"),
    ],
)
def test_a_file_that_is_no_jwks_refuses_the_start(tmp_path: Path, content: bytes, fault: str) -> None:
    (tmp_path / "jwks.json").write_bytes(content)
    with pytest.raises(ConfigError, match=fault):
        load_keys(issuer(tmp_path / "jwks.json"))


def test_a_path_without_a_file_refuses_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: no such file"):
        load_keys(issuer(tmp_path / "absent.json"))
    with pytest.raises(ConfigError, match="cannot be read: is a directory"):
        load_keys(issuer(tmp_path))
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match="is not a file"):
        load_keys(issuer(tmp_path / "pipe"))


@pytest.mark.parametrize(
    ("content", "secret"),
    [
        pytest.param(SECRET, SECRET, id="as it is"),
        pytest.param(SECRET + b"\n", SECRET, id="one line feed at the end is not part of it"),
        pytest.param(SECRET + b"\r\n", SECRET, id="one line break of Windows at the end is not part of it"),
        pytest.param(SECRET + b"\n\n", SECRET + b"\n", id="a second line feed is"),
        pytest.param(b" " + SECRET + b" ", b" " + SECRET + b" ", id="spaces are"),
    ],
)
def test_a_shared_secret_is_the_files_bytes(tmp_path: Path, content: bytes, secret: bytes) -> None:
    key = load_keys(issuer(secret_file=write(tmp_path / "secret", content), algorithms=["HS256"])).find(None)
    assert key is not None
    assert key.material == secret
    assert key.algorithms == {"HS256"}


@pytest.mark.parametrize(
    ("content", "mode", "fault"),
    [
        pytest.param(SECRET[1:], 0o600, "has 63 bytes, at least 64 are needed\nhelp:", id="short"),
        pytest.param(SECRET[1:] + b"\n", 0o600, "has 63 bytes", id="short without its line feed"),
        pytest.param(b"", 0o600, "has 0 bytes", id="empty"),
        pytest.param(SECRET, 0o644, r"open to others \(mode 0644\)\nhelp: `chmod 600", id="readable by everybody"),
        pytest.param(SECRET, 0o640, "open to others", id="readable by the group"),
        pytest.param(SECRET, 0o602, "open to others", id="writable by everybody"),
        pytest.param(pem(EC_KEY), 0o600, "looks like a key file", id="a public key"),
    ],
)
def test_a_secret_file_that_is_no_secret_refuses_the_start(
    tmp_path: Path, content: bytes, mode: int, fault: str
) -> None:
    path = write(tmp_path / "secret", content, mode)
    with pytest.raises(ConfigError, match=fault):
        load_keys(issuer(secret_file=path, algorithms=["HS256"]))


def test_a_secret_shows_in_no_text(tmp_path: Path) -> None:
    secret = b"q" * SECRET_BYTES
    keys = load_keys(issuer(secret_file=write(tmp_path / "secret", secret), algorithms=["HS256"]))
    assert "qqq" not in repr(keys)
    assert {key.thumbprint for key in keys.keys.values()} == keys.thumbprints
