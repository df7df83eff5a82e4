"""What a session is: `ms_<secret>`, kept as a digest; it ends when it is not used for long, and at its end."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from enum import Enum
from typing import Final

from policy_lang.values import Ref

ISSUER: Final = "session"
"""Stands for the issuer of a caller whose credential is a session."""
STEPS: Final = 10
"""A session is renewed when a use comes so many parts of its idle time after the last renewal, not on every use."""
_SECRET_BYTES: Final = 32
"""256 bits: the digest of such a secret tells nobody anything, with or without a pepper."""
_ID_BYTES: Final = 16
_FORM: Final = re.compile(r"ms_[A-Za-z0-9_-]{43}")


class Purpose(Enum):
    """What a session is good for, and never for both (identity.md)."""

    PRINCIPAL_TOKEN = "principal_token"  # noqa: S105  # what it is for
    """Naming whom a question is about."""
    CALL = "call"
    """Calling."""


@dataclass(frozen=True, slots=True)
class Session:
    """A session as it is kept. Times are milliseconds since 1970 UTC; `opened_by` and `revoked_by` read `Type:id`."""

    id: str
    digest: bytes
    principal: Ref
    purpose: Purpose
    idle_ms: int
    opened_at: int
    opened_by: str
    renewed_at: int
    ends_at: int
    revoked_at: int | None = None
    revoked_by: str = ""


def new_token() -> str:
    """The text of a session that nobody has."""
    return f"ms_{secrets.token_urlsafe(_SECRET_BYTES)}"


def digest_of(token: str) -> bytes | None:
    """The digest of a session's text; None for a text of another form."""
    return hashlib.sha256(token.encode()).digest() if _FORM.fullmatch(token) else None


def id_of(digest: bytes) -> str:
    """The id by which a session is found and called; it is no secret, and nothing can be done with it alone."""
    return digest[:_ID_BYTES].hex()
