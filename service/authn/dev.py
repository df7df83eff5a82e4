"""Makes the key pair of `serve --dev`, and tokens with it; whoever reads the data folder can do anything there.

Each principal type has an issuer of its own over the one key pair, for an issuer's subjects have one type.
"""

import json
import os
import uuid
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import jwt
from cryptography.hazmat.primitives.asymmetric.ec import (
    SECP256R1,
    EllipticCurvePrivateKey,
    EllipticCurvePublicKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from policy_lang.forms import check_id
from policy_lang.types import Json
from policy_lang.values import Ref
from service.authn.keys import thumbprint_of, to_jwk
from service.authn.private_files import create_private, read_private, replace_private
from service.errors import ConfigError
from service.issuer_settings import ClaimRole, IssuerSettings

AUDIENCE: Final = "magistrate"
"""Dev tokens for this audience may call."""
SUBJECT_AUDIENCE: Final = "magistrate-subject"
"""Dev tokens for this audience pass as `principal_token`."""
RESERVED_CLAIMS: Final = frozenset({"iss", "sub", "aud", "exp", "iat", "jti"})
"""The claims that `mint` writes itself."""
_ROLES: Final = "roles"
_SCOPES: Final = "role_scopes"
_ALGORITHM: Final = "ES256"
_KEY_FILE: Final = "signing-key.pem"
_ISSUER: Final = "https://dev.magistrate.invalid"  # RFC 6761: nobody can ever own this name


def dev_issuers(
    data: Path, principal_types: Iterable[str], roles: Mapping[str, str | None] | None = None
) -> list[IssuerSettings]:
    """The issuers of dev tokens, one for each principal type; makes the key pair in `data`/dev if it is not there.

    Their tokens may carry the roles: full name → the type that each is held at, None for everywhere.
    """
    return [dev_issuer(data, principal_type, roles) for principal_type in principal_types]


def dev_issuer(data: Path, principal_type: str, roles: Mapping[str, str | None] | None = None) -> IssuerSettings:
    """The issuer of dev tokens for principals of that type; makes the key pair if none is there."""
    return IssuerSettings(
        issuer=f"{_ISSUER}/{principal_type}",
        audience=[AUDIENCE],
        subject_audiences=[SUBJECT_AUDIENCE],
        algorithms=[_ALGORITHM],
        jwks_file=_key_pair(data)[1],
        principal_type=principal_type,
        roles=[
            ClaimRole(
                claim=(_ROLES,), value=role, role=role, scope_type=on, scope_claim=(_SCOPES, role, on) if on else ()
            )
            for role, on in (roles or {}).items()
        ],
    )


def has_dev_keys(data: Path) -> bool:
    """Whether the folder has a key pair of dev tokens."""
    return os.path.lexists(data / "dev" / _KEY_FILE)


def find_dev_issuer(data: Path, issuer: str) -> IssuerSettings | None:
    """The dev issuer that an `iss` claim names, where the folder has a key pair; makes nothing."""
    principal_type = issuer.removeprefix(f"{_ISSUER}/")
    has_type = principal_type not in (issuer, "")
    return dev_issuer(data, principal_type) if has_type and has_dev_keys(data) else None


def mint(
    data: Path,
    principal: Ref,
    *,
    now: int,
    ttl: timedelta,
    audience: str = AUDIENCE,
    claims: Mapping[str, Json] | None = None,
    roles: Iterable[tuple[str, Ref | None]] = (),
) -> str:
    """A dev token that names the principal, valid from `now` (milliseconds since 1970 UTC) for `ttl`, to the second.

    ValueError for an id that is none, or for a claim of RESERVED_CLAIMS.
    """
    given = _role_claims(roles) | dict(claims or {})
    if taken := sorted(RESERVED_CLAIMS & given.keys()):
        raise ValueError(f"the claim `{taken[0]}` is written by the mint")
    key, _ = _key_pair(data)
    issued_at = now // 1000
    payload = given | {
        "iss": f"{_ISSUER}/{principal.type}",
        "sub": check_id(principal.id),
        "aud": audience,
        "iat": issued_at,
        "exp": issued_at + int(ttl.total_seconds()),
        "jti": str(uuid.uuid4()),
    }
    return jwt.encode(payload, key, algorithm=_ALGORITHM, headers={"kid": thumbprint_of(key.public_key())})


def _role_claims(roles: Iterable[tuple[str, Ref | None]]) -> dict[str, Json]:
    """The claims that carry roles: which, and where each is held, by the type of the place."""
    names: list[Json] = []
    scopes: dict[str, dict[str, list[Json]]] = {}
    for role, place in roles:
        names += [] if role in names else [role]
        if place is not None:
            scopes.setdefault(role, {}).setdefault(place.type, []).append(place.id)
    if not names:
        return {}
    places: dict[str, Json] = {role: dict(by_type) for role, by_type in scopes.items()}
    return {_ROLES: names, _SCOPES: places}


def _key_pair(data: Path) -> tuple[EllipticCurvePrivateKey, Path]:
    """The private key, and the JWKS file with the public one; made once, and kept by whoever comes later."""
    folder = data / "dev"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        key = _signing_key(folder / _KEY_FILE)
        return key, _publish(folder / "jwks.json", key.public_key())
    except OSError as error:
        raise ConfigError(
            f"the dev keys in `{folder}` cannot be made or read: {(error.strerror or 'unknown').lower()}"
        ) from error


def _signing_key(path: Path) -> EllipticCurvePrivateKey:
    if not path.exists():
        made = generate_private_key(SECP256R1())
        create_private(path, made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    try:
        key = load_pem_private_key(read_private(path, "the dev key"), password=None)
    except (ValueError, TypeError):
        raise ConfigError(f"the dev key `{path}` is broken\nhelp: remove it, and a new one is made") from None
    if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
        raise ConfigError(f"the dev key `{path}` is not one for {_ALGORITHM}\nhelp: remove it, and a new one is made")
    return key


def _publish(path: Path, key: EllipticCurvePublicKey) -> Path:
    """The file, which always holds the public key of the private one beside it."""
    jwk = to_jwk(key) | {"kid": thumbprint_of(key), "use": "sig", "alg": _ALGORITHM}
    content = json.dumps({"keys": [jwk]}, indent=2).encode() + b"\n"
    if not path.exists() or path.read_bytes() != content:
        replace_private(path, content)
    return path
