"""How it is known who somebody is, and where a call came from: what the record says beside whom and what."""

from enum import Enum
from typing import Final, NamedTuple


class EvidenceKind(Enum):
    """By what somebody is known."""

    UNTOLD = "untold"
    """Records of formats 1 and 2 do not say it."""
    TOKEN = "token"  # noqa: S105  # a kind, no secret
    API_KEY = "api_key"
    SESSION = "session"
    CERTIFICATE = "certificate"
    PRINCIPAL_TOKEN = "principal_token"  # noqa: S105  # another
    """A token or a session that the caller handed on, of the principal whom it asks about."""
    ASSERTED = "asserted"
    """The caller's word alone."""
    OPERATOR = "operator"
    """Who ran a command on the host."""


class Evidence(NamedTuple):
    """By what somebody is known, whose word that is, and which one it was, as far as there are such.

    `credential` is a token's `jti`, the id of an API key or a session, or a certificate's SHA-256: never what opens
    anything.
    """

    kind: EvidenceKind
    issuer: str = ""
    credential: str = ""


UNTOLD: Final = Evidence(EvidenceKind.UNTOLD)
ASSERTED: Final = Evidence(EvidenceKind.ASSERTED)
OPERATOR: Final = Evidence(EvidenceKind.OPERATOR)


class Origin(NamedTuple):
    """Where a call came from: the address of who made it, and the id of the trace that it is part of; empty for none.

    The id is the W3C trace id, 32 digits in lower case; it is the caller's word, and nothing depends on it.
    """

    peer: str = ""
    trace_id: str = ""


NOWHERE: Final = Origin()
