"""What an API key is: `mk_<id>_<secret>`, of which the service keeps the id and a MAC of the secret."""

import re
import secrets
from dataclasses import dataclass
from typing import Final, NamedTuple

from policy_lang.values import Ref
from service.model import Scopes
from service.rate import Rate

ISSUER: Final = "api-key"
"""Stands for the issuer of a caller whose credential is an API key."""
SERVICE_TYPE: Final = "magistrate.Service"
"""The type of what a key names that was mapped to nobody (identity.md)."""
_ID_BYTES: Final = 8
_SECRET_BYTES: Final = 32
"""256 bits, which nobody guesses however fast the MAC is: it need not be a slow one."""
_FORM: Final = re.compile(r"mk_([0-9a-f]{16})_([A-Za-z0-9_-]{43})")


class KeyParts(NamedTuple):
    """What a key's text says: the id, which is no secret, and the secret."""

    id: str
    secret: str


class Mac(NamedTuple):
    """A MAC of a secret, and the id of the pepper that it was made under."""

    pepper: str
    digest: bytes


@dataclass(frozen=True, slots=True)
class Former:
    """The secret before the last rotation, good until then (milliseconds since 1970 UTC)."""

    mac: Mac
    until: int


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A key as it is kept. Times are milliseconds since 1970 UTC; `created_by` and `revoked_by` read `Type:id`."""

    id: str
    name: str
    principal: Ref
    owner: Ref
    scopes: Scopes
    rate: Rate | None
    mac: Mac
    created_at: int
    created_by: str
    former: Former | None = None
    rotated_at: int | None = None
    expires_at: int | None = None
    last_used_at: int | None = None
    revoked_at: int | None = None
    revoked_by: str = ""


def new_parts() -> KeyParts:
    """The parts of a key that nobody has."""
    return KeyParts(secrets.token_hex(_ID_BYTES), new_secret())


def new_secret() -> str:
    """A secret that nobody has."""
    return secrets.token_urlsafe(_SECRET_BYTES)


def write_key(parts: KeyParts) -> str:
    """The key as its holder presents it."""
    return f"mk_{parts.id}_{parts.secret}"


def read_key(text: str) -> KeyParts | None:
    """The parts of a key's text; None for a text of another form."""
    found = _FORM.fullmatch(text)
    return None if found is None else KeyParts(*found.groups())
