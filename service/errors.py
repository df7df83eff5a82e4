"""What can go wrong, one class for each thing that a caller or an operator can act on."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final


@dataclass(frozen=True, slots=True)
class Violation:
    """A field of a request that is wrong: its path in the request, and what was expected."""

    field: str
    message: str


class MagistrateError(Exception):
    """Every error that the service raises on purpose. `reason` is the contract's ErrorReason without its prefix."""

    reason = "INTERNAL"


class Flaw(Enum):
    """Why a credential is not good, as metrics tell it: of few kinds, and nothing of the credential."""

    MISSING = "missing"
    """There is none."""
    MALFORMED = "malformed"
    """It is not of the form of one."""
    UNTRUSTED = "untrusted"
    """By an issuer, a key or an authority that is not trusted."""
    FORGED = "forged"
    """Its signature or its secret is wrong, or nobody has issued it."""
    EXPIRED = "expired"
    """It has ended, or was not used for too long."""
    EARLY = "early"
    """It does not hold yet."""
    REVOKED = "revoked"
    """It was taken out of force."""
    MISUSED = "misused"
    """It is meant for something else."""
    UNTOLD = "untold"
    """Whoever could verify it does not answer, or was not asked yet."""
    TOO_MANY = "too_many"
    """Its peer has failed so often that nobody was asked."""


class Unauthenticated(MagistrateError):
    """No credential that verifies. The text is for the service's log alone; callers learn nothing of it.

    `fetch` fetches what this process lacks to know better, where there is such a thing; then ask once more.
    """

    reason = "UNAUTHENTICATED"

    def __init__(
        self, message: str, flaw: Flaw = Flaw.MALFORMED, *, fetch: Callable[[], Awaitable[None]] | None = None
    ) -> None:
        super().__init__(message)
        self.flaw = flaw
        self.fetch = fetch


class RateLimited(MagistrateError):
    """Asked too often, or too much at a time, by the limit of that name.

    `retry_ms` milliseconds from now there is room again, None where there never is for so much.
    """

    reason = "RATE_LIMITED"

    def __init__(self, message: str, retry_ms: int | None, *, limit: str) -> None:
        super().__init__(message)
        self.retry_ms = retry_ms
        self.limit = limit


class PermissionDenied(MagistrateError):
    """The caller may not ask this; `permission` is what it lacks, such as `check_as`."""

    reason = "PERMISSION_DENIED"

    def __init__(self, permission: str, message: str) -> None:
        super().__init__(message)
        self.permission = permission


TEXT_BYTES: Final = 400
"""Bytes that are told of a field's path, and of what was expected there: both may have a name of the caller's in it."""
FAULTS_BYTES: Final = 1200
"""Bytes that are told of all faults. They stand in gRPC's metadata twice, where they take up to six times as much, and
clients refuse an answer with more than 8 KiB of it."""


class InvalidRequest(MagistrateError):
    """The request is malformed; the faults, as many as there is room for, and how many `more` there are."""

    reason = "INVALID_REQUEST"

    def __init__(self, violations: Sequence[Violation], more: int = 0) -> None:
        self.violations = _told(violations)
        self.more = more + len(violations) - len(self.violations)
        faults = [f"{found.field}: {found.message}".removeprefix(": ") for found in self.violations]
        super().__init__("; ".join(faults + ([f"and {self.more} more"] if self.more else [])))


def _told(violations: Sequence[Violation]) -> tuple[Violation, ...]:
    """The first of them, those for which there is room; none is too long to be told."""
    told, room = list[Violation](), FAULTS_BYTES
    for found in violations:
        field, message = _start(found.field), _start(found.message)
        room -= len(f"{field}{message}".encode())
        if room < 0:
            break
        told.append(Violation(field, message))
    return tuple(told)


def _start(text: str) -> str:
    """As much of it as is told."""
    return text.encode(errors="replace")[:TEXT_BYTES].decode(errors="ignore")


MESSAGE_BYTES: Final = "message_bytes"
"""The limit on the size of a request, which has a status of its own."""


class LimitExceeded(MagistrateError):
    """The request is over a configured limit, which the error names."""

    reason = "LIMIT_EXCEEDED"

    def __init__(self, limit: str, allowed: int, given: int) -> None:
        super().__init__(f"over the limit `{limit}`: {given} given, {allowed} allowed")
        self.limit = limit
        self.allowed = allowed
        self.given = given


class Trouble(Enum):
    """What kept facts from being read."""

    FAILURE = "failure"
    """The database failed, or was too slow."""
    LOST = "lost"
    """The connection was closed meanwhile; on a new one the read may do."""
    HURRY = "hurry"
    """The caller's deadline was too near to say anything of the database."""
    BUSY = "busy"
    """Too much else is being read."""
    DATA = "data"
    """What is there cannot be used: the database works."""


class FactsUnavailable(MagistrateError):
    """The facts could not be read; the text is for the service's log alone."""

    reason = "FACTS_UNAVAILABLE"

    def __init__(self, message: str, trouble: Trouble = Trouble.FAILURE) -> None:
        super().__init__(message)
        self.trouble = trouble


class LogUnavailable(MagistrateError):
    """The log could not be read; the text is for the service's log alone."""

    reason = "LOG_UNAVAILABLE"


class ScanLimitReached(MagistrateError):
    """So many records were looked at and none fits, back to the moment `reached`; `go_on` is where the next begins."""

    reason = "SCAN_LIMIT_REACHED"

    def __init__(self, limit: str, *, allowed: int, reached: str, go_on: str) -> None:
        super().__init__(
            f"over the limit `{limit}`: {allowed} records were looked at, back to {reached}, and none fits"
        )
        self.limit = limit
        self.allowed = allowed
        self.reached = reached
        self.go_on = go_on


class RevisionUnknown(MagistrateError):
    """A revision of another epoch, or a text that is none; the caller should ask without it."""

    reason = "REVISION_UNKNOWN"


class ChangesGone(MagistrateError):
    """What changed after a revision is not kept any more; the text says how to begin anew."""

    reason = "CHANGES_GONE"


class RevisionNotReached(MagistrateError):
    """The facts did not become as fresh as was asked, in the time there was."""

    reason = "REVISION_NOT_REACHED"


class AuditUnavailable(MagistrateError):
    """The decision could not be recorded, so it must not be given."""

    reason = "AUDIT_UNAVAILABLE"


class NoPolicies(MagistrateError):
    """No policies are loaded."""

    reason = "NO_POLICIES"


class PoliciesBroken(MagistrateError):
    """Policies that may not be loaded; the text has every finding as its author reads it."""


class BundleRefused(MagistrateError):
    """Policies that are not signed as this service wants them, or not those that were pushed under their digest."""

    reason = "BUNDLE_REFUSED"


class ActivationUnderWay(MagistrateError):
    """Other policies are being put in force; ask again when that has ended."""

    reason = "ACTIVATION_UNDER_WAY"


class ActivationFailed(MagistrateError):
    """Policies that could not be put in force; those that were in force still are. The text names the replica."""

    reason = "ACTIVATION_FAILED"


class DeadlineExceeded(MagistrateError):
    """The caller's deadline passed before the work was done."""

    reason = "DEADLINE_EXCEEDED"


class NotConfigured(MagistrateError):
    """The service is not set up for this; the text says what its settings lack."""

    reason = "NOT_CONFIGURED"


class ConfigError(MagistrateError):
    """The configuration refuses the start; the text says why and what to do."""


class DataError(MagistrateError):
    """Facts that may not be written: undeclared, mistyped, dangling; the text names the line or field."""

    reason = "INVALID_REQUEST"


class NotFound(MagistrateError):
    """There is no such thing; for callers that may know."""

    reason = "NOT_FOUND"


class EntityChanged(MagistrateError):
    """What was to be written has changed since the revision that the caller knows, or nobody can tell."""

    reason = "ENTITY_CHANGED"


class SchemaOutdated(MagistrateError):
    """A database whose tables are older or newer than this version knows; the text names the command to run."""


class HoldRefused(MagistrateError):
    """A legal hold that cannot be placed, or that is not there to be lifted."""


class RecordsHeld(MagistrateError):
    """Records that were to be erased and are held; the text names the holds."""


class BackupUnusable(MagistrateError):
    """A backup that could not be made whole, or that does not hold what it says."""


def why(error: OSError) -> str:
    """What the system says is wrong, as messages have it."""
    return (error.strerror or "unknown error").lower()
