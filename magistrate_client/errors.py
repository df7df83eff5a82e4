"""Why a question got no answer: one exception class for each thing a caller can do about it.

Law: an error is never an allow. A deny is no error: it is a `Decision`, and `Denied` exists for those who ask for it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import grpc

from magistrate_client.decision import Decision


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of the request and what is wrong with it."""

    field: str
    description: str


@dataclass(frozen=True, slots=True)
class ErrorDetails:
    """What an error says beside its status and message."""

    reason: str = ""
    """The service's reason (`ErrorReason` of the contract, without its prefix), or one of this client's own:
    `CLIENT_CLOSED`, `UNREADABLE_ANSWER`."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """What goes with the reason, such as `permission` or `limit`; `request_id` where the service's own log has
    the cause under it."""
    violations: tuple[FieldViolation, ...] = ()
    retry_after: float | None = None
    """Seconds to wait before asking again, where the service said so."""
    request_id: str = ""
    """The question's id; the record has the decision under it."""


class MagistrateError(Exception):
    """A question got no answer: whatever it was, it is not allowed."""

    def __init__(self, status: grpc.StatusCode, message: str, details: ErrorDetails) -> None:
        super().__init__(status, message, details)
        self.status = status
        self.message = message
        self.details = details

    def __str__(self) -> str:
        # The service's own message has the first of them already.
        unsaid = (each for each in self.violations if each.description not in self.message)
        violations = "".join(f"; `{each.field}`: {each.description}" for each in unsaid)
        return f"{self.message or 'no message'} ({self.reason}){violations}"

    @property
    def reason(self) -> str:
        """The reason in one word; the status' name where the service gave none."""
        return self.details.reason or self.status.name

    @property
    def metadata(self) -> Mapping[str, str]:
        """What goes with the reason."""
        return self.details.metadata

    @property
    def violations(self) -> tuple[FieldViolation, ...]:
        """The fields at fault, of an `InvalidRequest`."""
        return self.details.violations

    @property
    def retry_after(self) -> float | None:
        """Seconds to wait before asking again, where the service said so."""
        return self.details.retry_after

    @property
    def request_id(self) -> str:
        """The question's id."""
        return self.details.request_id


class Unauthenticated(MagistrateError):
    """The credential was not accepted: get another."""


class PermissionDenied(MagistrateError):
    """The caller may not ask this; not to be taken for a deny. `metadata["permission"]` names what it lacks."""


class InvalidRequest(MagistrateError):
    """The question is malformed or over a limit, found here or by the service: mend it, do not repeat it."""


class LimitReached(MagistrateError):
    """The caller asks too much: ask less, and again after `retry_after`."""


class NotFresh(MagistrateError):
    """The facts are not as fresh as was asked: `REVISION_UNKNOWN` of a revision that they never had, as after a restore
    of the database, or `REVISION_NOT_REACHED` in time. Ask again, or without a revision."""


class Unavailable(MagistrateError):
    """No answer was to be had within the deadline: ask later."""


class DeadlineExceeded(Unavailable):
    """The deadline passed while the service was at work."""


class ServiceFault(MagistrateError):
    """The service failed, or its answer cannot be read: somebody has to look."""


@dataclass(frozen=True, slots=True)
class Unanswered:
    """A question of a batch that got no answer: false, as the exception itself would not be."""

    error: MagistrateError

    def __bool__(self) -> bool:
        return False


class Denied(Exception):
    """`require` was asked for an allow and the decision is none. No MagistrateError: the service did answer."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision)
        self.decision = decision

    def __str__(self) -> str:
        if self.decision.effect:
            names = ", ".join(f"`{each.type}`" for each in self.decision.outstanding)
            return f"allowed only with obligations that are not fulfilled: {names}"
        texts = "; ".join(reason.text for reason in self.decision.reasons if reason.text)
        return f"denied with {self.decision.code}" + (f": {texts}" if texts else "")


_CLOSED: Final = "CLIENT_CLOSED"


def client_closed(request_id: str) -> Unavailable:
    """The error of asking a client that is closed, or is closed meanwhile."""
    details = ErrorDetails(reason=_CLOSED, request_id=request_id)
    return Unavailable(grpc.StatusCode.CANCELLED, "the client is closed", details)


def is_closed(error: MagistrateError) -> bool:
    """Whether it is the error of a client that is closed."""
    return error.reason == _CLOSED


def out_of_time(message: str, request_id: str) -> DeadlineExceeded:
    """The error of a deadline that passed on this side."""
    details = ErrorDetails(reason="DEADLINE_EXCEEDED", request_id=request_id)
    return DeadlineExceeded(grpc.StatusCode.DEADLINE_EXCEEDED, message, details)
