"""Makes keys, key files and tokens for the tests, good and bad; no key is ever written down."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from policy_lang.types import Json
from service.authn.keys import PublicKey, to_jwk
from service.issuer_settings import Algorithm, IssuerSettings

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey

NOW: Final = 1_800_000_000
"""Seconds since 1970 at which the tests' tokens are issued."""
NOW_MS: Final = NOW * 1000
ISSUER: Final = "https://issuer.example"
CALLS: Final = "magistrate"
ASKED: Final = "magistrate-subject"

EC_KEY: Final = ec.generate_private_key(ec.SECP256R1())
OTHER_EC_KEY: Final = ec.generate_private_key(ec.SECP256R1())
RSA_KEY: Final = rsa.generate_private_key(public_exponent=65537, key_size=2048)
ED_KEY: Final = ed25519.Ed25519PrivateKey.generate()


def claims(**changes: Json) -> dict[str, Json]:
    """The claims of a good caller's token, with some of them changed; `None` takes one out."""
    good: dict[str, Json] = {"iss": ISSUER, "sub": "alice", "aud": CALLS, "exp": NOW + 900, "iat": NOW}
    return {name: value for name, value in (good | changes).items() if value is not None}


def sign(
    payload: Mapping[str, Json],
    key: PrivateKey | bytes = EC_KEY,
    *,
    algorithm: str = "ES256",
    header: Mapping[str, Json] | None = None,
) -> str:
    """A token that the key signed."""
    return jwt.encode(dict(payload), key, algorithm=algorithm, headers={"kid": "k1", **(header or {})})


def part(value: Json | bytes) -> str:
    """One part of a token: base64url of JSON, or of the bytes as they are."""
    content = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def signed_raw(header: Json | bytes, payload: Json | bytes, key: ec.EllipticCurvePrivateKey = EC_KEY) -> str:
    """A token whose header and payload are as given, however odd, with a signature that is good."""
    signing_input = f"{part(header)}.{part(payload)}"
    signature = jwt.algorithms.ECAlgorithm(jwt.algorithms.ECAlgorithm.SHA256).sign(signing_input.encode(), key)
    return f"{signing_input}.{part(signature)}"


def hmac_signed(payload: Mapping[str, Json], secret: bytes, *, algorithm: str = "HS256") -> str:
    """A token with an HMAC over it under any bytes, also those that a library would refuse as a secret."""
    signing_input = f"{part({'alg': algorithm, 'typ': 'JWT', 'kid': 'k1'})}.{part(dict(payload))}"
    return f"{signing_input}.{part(hmac.new(secret, signing_input.encode(), hashlib.sha256).digest())}"


def pem(key: PrivateKey) -> bytes:
    """The public key as everybody may have it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def public_jwk(key: PrivateKey, kid: str | None = "k1", **members: Json) -> dict[str, Json]:
    """The public key as a JWK."""
    public: PublicKey = key.public_key()
    named: dict[str, Json] = {} if kid is None else {"kid": kid}
    return to_jwk(public) | named | members


def write_jwks(path: Path, *jwks: Json) -> Path:
    """A JWKS file with these keys."""
    path.write_text(json.dumps({"keys": jwks}))
    return path


def write_secret(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """A secret file."""
    path.write_bytes(content)
    path.chmod(mode)
    return path


def settings(**given: object) -> IssuerSettings:
    """Settings of an issuer, as a configuration would say them; its keys must be among those given."""
    good = {"issuer": ISSUER, "principal_type": "User", "algorithms": ["ES256"]}
    return IssuerSettings.model_validate({**good, "audience": [CALLS], "subject_audiences": [ASKED], **given})


def issuer(
    jwks_file: Path | None = None,
    *,
    name: str = ISSUER,
    audience: Sequence[str] = (CALLS,),
    subject_audiences: Sequence[str] = (ASKED,),
    algorithms: Sequence[Algorithm] = ("ES256",),
    secret_file: Path | None = None,
    principal_type: str = "User",
    id_prefix: str = "",
) -> IssuerSettings:
    """Settings of an issuer; its keys come from `jwks_file` or `secret_file`."""
    return IssuerSettings(
        issuer=name,
        audience=list(audience),
        subject_audiences=list(subject_audiences),
        algorithms=list(algorithms),
        jwks_file=jwks_file,
        secret_file=secret_file,
        principal_type=principal_type,
        id_prefix=id_prefix,
    )
