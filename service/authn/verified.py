"""What every kind of credential comes to once it has verified, and what verifies one kind.

Law: a `Verified` says that the credential verified once. Its window and whether it is revoked are looked at on every
use (identity.md), by the authenticator; what else may have changed, by its verifier.
"""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from service.authn.cache import Counts
from service.errors import Flaw, Unauthenticated
from service.model import Caller, Credential, Principal, VerifiedClaims


@dataclass(frozen=True, slots=True)
class Window:
    """When a credential holds: from `start`, until before `end`; milliseconds since 1970 UTC, skew included."""

    start: int
    end: int

    @classmethod
    def of(cls, claims: VerifiedClaims, skew_seconds: int) -> "Window":
        """The window of `nbf`, `iat` and `exp`, widened on both sides by what clocks may differ."""
        start = max(claims.not_before or 0, claims.issued_at or 0)
        return cls((start - skew_seconds) * 1000, (claims.expires_at + skew_seconds) * 1000)

    def check(self, now: int) -> None:
        """Unauthenticated outside the window."""
        if now >= self.end:
            raise Unauthenticated("the credential is expired", Flaw.EXPIRED)
        if now < self.start:
            raise Unauthenticated("the credential is not valid yet, or was issued in the future", Flaw.EARLY)


@dataclass(frozen=True, slots=True)
class Verified:
    """Whom a credential names in either role, None where it is not for that role; and what it is revoked by.

    `why_no_caller` says why it may not call, where it may not.
    """

    credential: Credential
    window: Window
    caller: Caller | None
    principal: Principal | None
    why_no_caller: str = "its audience may only be asked about"


class Verifier(Protocol):
    """Verifies the credentials of one form. It belongs to the thread of its authenticator."""

    def verify(self, token: str, now: int) -> Verified:
        """What the credential comes to at `now` (milliseconds since 1970 UTC), remembered or verified anew.

        Unauthenticated where it is not good, with `fetch` where fetching something might make it so.
        """
        ...

    def forget(self) -> None:
        """Forgets what was verified, as after a step of the wall clock (runtime.md)."""
        ...


@runtime_checkable
class Counted(Protocol):
    """A verifier that remembers what it verified, and counts how often that is of use."""

    @property
    def cache_counts(self) -> Counts:
        """How its memory is used."""
        ...


def own_issue_time(milliseconds: int, skew_seconds: int) -> int:
    """When a credential of this service's own counts as issued, in seconds: its clock needs none of the skew.

    Revoking a principal reaches as far ahead as issuers' clocks may be; what is made here after it is good at once.
    """
    return -(-milliseconds // 1000) + skew_seconds
