"""Keys in PEM files and several shared secrets: known by the ids that the settings give them, replaced with overlap."""

from pathlib import Path

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.authn.key_files import key_files, load_keys
from service.config import Limits
from service.errors import ConfigError, Unauthenticated
from tests.service.authn.forge import (
    EC_KEY,
    ED_KEY,
    NOW_MS,
    OTHER_EC_KEY,
    claims,
    pem,
    settings,
    sign,
    write_secret,
)

OLD, NEW = b"o" * 64, b"n" * 64


def authenticator_of(**keys: object) -> TokenAuthenticator:
    return TokenAuthenticator([settings(**keys)], Limits(), revocations=NothingRevoked())


def write_pem(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def test_the_only_key_of_a_pem_file_verifies_whatever_kid_a_token_has(tmp_path: Path) -> None:
    authenticator = authenticator_of(pem_file=write_pem(tmp_path / "key.pem", pem(EC_KEY)))
    for token in (sign(claims()), jwt.encode(claims(), EC_KEY, algorithm="ES256")):
        assert authenticator.caller(token, NOW_MS).principal.ref.id == "alice"
    with pytest.raises(Unauthenticated, match="verify"):
        authenticator.caller(sign(claims(), OTHER_EC_KEY), NOW_MS)


def test_pem_files_are_told_apart_by_their_kid(tmp_path: Path) -> None:
    files = {"k1": write_pem(tmp_path / "1", pem(EC_KEY)), "k2": write_pem(tmp_path / "2", pem(OTHER_EC_KEY))}
    authenticator = authenticator_of(pem_files=files)
    assert authenticator.caller(sign(claims()), NOW_MS)
    assert authenticator.caller(sign(claims(), OTHER_EC_KEY, header={"kid": "k2"}), NOW_MS)
    with pytest.raises(Unauthenticated, match="verify"):
        authenticator.caller(sign(claims(), header={"kid": "k2"}), NOW_MS)
    with pytest.raises(Unauthenticated, match="no key"):
        authenticator.caller(sign(claims(), header={"kid": "k3"}), NOW_MS)


def test_secrets_overlap_while_one_takes_the_place_of_another(tmp_path: Path) -> None:
    files = {"old": write_secret(tmp_path / "old", OLD), "new": write_secret(tmp_path / "new", NEW)}
    authenticator = authenticator_of(secret_files=files, algorithms=["HS256"])
    for kid, secret in (("old", OLD), ("new", NEW)):
        assert authenticator.caller(sign(claims(), secret, algorithm="HS256", header={"kid": kid}), NOW_MS)
    with pytest.raises(Unauthenticated, match="verify"):
        authenticator.caller(sign(claims(), OLD, algorithm="HS256", header={"kid": "new"}), NOW_MS)
    with pytest.raises(Unauthenticated, match="no key"):
        authenticator.caller(jwt.encode(claims(), OLD, algorithm="HS256"), NOW_MS)


def test_one_secret_under_two_ids_refuses_the_start(tmp_path: Path) -> None:
    files = {"old": write_secret(tmp_path / "old", OLD), "new": write_secret(tmp_path / "new", OLD + b"\n")}
    with pytest.raises(ConfigError, match="the same secret"):
        load_keys(settings(secret_files=files, algorithms=["HS256"]))


def test_each_of_several_secret_files_is_for_its_owner_alone(tmp_path: Path) -> None:
    files = {"old": write_secret(tmp_path / "old", OLD), "new": write_secret(tmp_path / "new", NEW, mode=0o640)}
    with pytest.raises(ConfigError, match="open to others"):
        load_keys(settings(secret_files=files, algorithms=["HS256"]))


WEAK = rsa.generate_private_key(public_exponent=65537, key_size=1024)
PRIVATE = EC_KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        pytest.param(PRIVATE, "holds a private key\nhelp:", id="private"),
        pytest.param(pem(EC_KEY) + pem(OTHER_EC_KEY), "one public key", id="two keys"),
        pytest.param(b"", "one public key", id="empty"),
        pytest.param(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "no public key", id="no key"),
        pytest.param(pem(WEAK), "weak: RSA with 1024 bits", id="weak"),
        pytest.param(pem(ED_KEY), "no algorithm that the issuer lists", id="of another kind"),
        pytest.param(pem(ec.generate_private_key(ec.SECP256K1())), "no algorithm", id="on a curve unknown"),
    ],
)
def test_a_pem_file_that_holds_no_key_for_the_issuer_refuses_the_start(
    tmp_path: Path, content: bytes, fault: str
) -> None:
    with pytest.raises(ConfigError, match=fault) as refused:
        load_keys(settings(pem_file=write_pem(tmp_path / "key.pem", content), algorithms=["ES256", "RS256"]))
    assert str(tmp_path / "key.pem") in str(refused.value)


@pytest.mark.parametrize("content", [None, b"", pem(EC_KEY)])
def test_authorities_that_cannot_be_read_refuse_the_start(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "authorities.pem"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigError, match=f"the ca_file `{file}` cannot be read"):
        authenticator_of(discovery=True, ca_file=file)


def test_every_file_that_a_key_stands_in_is_watched(tmp_path: Path) -> None:
    one, two, three = tmp_path / "1", tmp_path / "2", tmp_path / "3"
    issuers = [settings(pem_files={"a": one, "b": two}), settings(pem_file=three), settings(jwks_file=one)]
    assert key_files(issuers) == (one, two, three)
