"""Every algorithm verifies the tokens of the key that it is bound to, where the issuer lists it, and no others."""

from pathlib import Path
from typing import Final, get_args

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448

from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.config import Limits
from service.errors import Unauthenticated
from service.issuer_settings import Algorithm
from tests.service.authn.forge import (
    EC_KEY,
    ED_KEY,
    NOW_MS,
    RSA_KEY,
    PrivateKey,
    claims,
    public_jwk,
    settings,
    sign,
    write_jwks,
    write_secret,
)

SECRET: Final = b"\x17" * 64
KEYS: Final[dict[str, PrivateKey]] = {
    **dict.fromkeys(("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"), RSA_KEY),
    "ES256": EC_KEY,
    "ES384": ec.generate_private_key(ec.SECP384R1()),
    "ES512": ec.generate_private_key(ec.SECP521R1()),
    "EdDSA": ED_KEY,
}
ALGORITHMS: Final[tuple[str, ...]] = get_args(Algorithm)


def authenticator_of(folder: Path, algorithm: str, listed: str) -> TokenAuthenticator:
    """One that trusts the key of the algorithm for the algorithm that is listed."""
    if algorithm.startswith("HS"):
        keys: dict[str, object] = {"secret_file": write_secret(folder / "secret", SECRET)}
    else:
        keys = {"jwks_file": write_jwks(folder / "jwks.json", public_jwk(KEYS[algorithm]))}
    return TokenAuthenticator([settings(**keys, algorithms=[listed])], Limits(), revocations=NothingRevoked())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_every_algorithm_that_can_be_listed_verifies(tmp_path: Path, algorithm: str) -> None:
    token = sign(claims(), KEYS.get(algorithm, SECRET), algorithm=algorithm)
    authenticator = authenticator_of(tmp_path, algorithm, algorithm)
    assert authenticator.caller(token, NOW_MS).principal.ref.id == "alice"


@pytest.mark.parametrize("algorithm", [name for name in ALGORITHMS if name[:2] in ("HS", "RS", "PS")])
def test_an_algorithm_that_is_not_listed_does_not_verify_though_its_key_could(tmp_path: Path, algorithm: str) -> None:
    siblings = [name for name in ALGORITHMS if name != algorithm and KEYS.get(name) is KEYS.get(algorithm)]
    token = sign(claims(), KEYS.get(algorithm, SECRET), algorithm=algorithm)
    for listed in siblings:
        with pytest.raises(Unauthenticated, match="algorithm is not allowed"):
            authenticator_of(tmp_path, algorithm, listed).caller(token, NOW_MS)


def test_ed448_is_an_eddsa_key_too(tmp_path: Path) -> None:
    key = ed448.Ed448PrivateKey.generate()
    jwks = write_jwks(tmp_path / "jwks.json", public_jwk(key))
    authenticator = TokenAuthenticator(
        [settings(jwks_file=jwks, algorithms=["EdDSA"])], Limits(), revocations=NothingRevoked()
    )
    assert authenticator.caller(sign(claims(), key, algorithm="EdDSA"), NOW_MS).principal.ref.id == "alice"
