"""What is revoked: a token, a certificate, everything of a principal, or an issuer's key; and how a change row has it.

A change row says the whole revocation, so that a worker puts it in force by hearing of it, without a read.
"""

from dataclasses import dataclass
from typing import Final, NamedTuple

import orjson

from policy_lang.values import Ref
from service.db.feed import REVOCATION, Change

KEPT_MS: Final = 24 * 60 * 60 * 1000
"""How long a revocation is kept after nothing that it refuses can verify any more."""


class TokenName(NamedTuple):
    """One token: its issuer, and its `jti` there."""

    issuer: str
    token_id: str


@dataclass(frozen=True, slots=True)
class RevokedToken:
    """A token that is refused, until `kept_until` (milliseconds since 1970 UTC; None: for ever)."""

    name: TokenName
    kept_until: int | None


class KeyName(NamedTuple):
    """One key of an issuer: its issuer, and its `kid` there."""

    issuer: str
    key_id: str


@dataclass(frozen=True, slots=True)
class RevokedKey:
    """An issuer's key by which no token is good, until `kept_until` (milliseconds since 1970 UTC; None: for ever)."""

    name: KeyName
    kept_until: int | None


@dataclass(frozen=True, slots=True)
class RevokedPrincipal:
    """A principal whose tokens are refused if they were issued up to `issued_until`, or do not say when.

    Times are milliseconds since 1970 UTC; after `kept_until` it refuses nothing more (None: never).
    """

    principal: Ref
    issued_until: int
    kept_until: int | None


@dataclass(frozen=True, slots=True)
class RevokedCertificate:
    """A certificate, by its SHA-256 in hexadecimal digits, that is refused until `kept_until` (None: for ever)."""

    fingerprint: str
    kept_until: int | None


@dataclass(frozen=True, slots=True)
class LiftedPrincipal:
    """A revoked principal whose certificates are let in again, unless it is revoked past `revoked_until`.

    A certificate is not issued anew each hour as a token is, so revoking a principal blocks every one that it has or
    will have; this ends that, and lets in no token. It is as monotonous as a revocation: the furthest one counts.
    """

    principal: Ref
    revoked_until: int
    kept_until: int | None


Revocation = RevokedToken | RevokedPrincipal | RevokedKey | RevokedCertificate | LiftedPrincipal

PRUNED: Final = Change(REVOCATION, "")
"""Some revocations are not kept any more: whoever holds them in memory reads them anew."""


def revocation_change(revoked: Revocation) -> Change:
    """The change that puts it in force."""
    told: object
    match revoked:
        case RevokedToken(name, kept_until):
            told = [*name, kept_until]
        case RevokedKey(name, kept_until):
            told = {"issuer": name.issuer, "kid": name.key_id, "kept_until": kept_until}
        case RevokedCertificate(fingerprint, kept_until):
            told = {"certificate": fingerprint, "kept_until": kept_until}
        case LiftedPrincipal(principal, revoked_until, kept_until):
            told = {"lifted": [*principal], "revoked_until": revoked_until, "kept_until": kept_until}
        case RevokedPrincipal(principal, issued_until, kept_until):
            told = [*principal, issued_until, kept_until]
    return Change(REVOCATION, orjson.dumps(told).decode())


def read_key(key: str) -> Revocation | None:
    """The revocation that a change row tells; None where it tells none, or in a form that is not known here."""
    try:
        told = orjson.loads(key)
    except orjson.JSONDecodeError:
        return None
    match told:
        case [str(issuer), str(token_id), int() | None as kept_until]:
            return RevokedToken(TokenName(issuer, token_id), kept_until)
        case [str(type_), str(id_), int(issued_until), int() | None as kept_until]:
            return RevokedPrincipal(Ref(type_, id_), issued_until, kept_until)
        case {"issuer": str(issuer), "kid": str(key_id), "kept_until": int() | None as kept_until}:
            return RevokedKey(KeyName(issuer, key_id), kept_until)
        case {"certificate": str(fingerprint), "kept_until": int() | None as kept_until}:
            return RevokedCertificate(fingerprint, kept_until)
        case {
            "lifted": [str(type_), str(id_)],
            "revoked_until": int(revoked_until),
            "kept_until": int() | None as kept_until,
        }:
            return LiftedPrincipal(Ref(type_, id_), revoked_until, kept_until)
        case _:
            return None


def longest(one: int | None, other: int | None) -> int | None:
    """The later end of two; None has none."""
    return None if one is None or other is None else max(one, other)
