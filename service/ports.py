"""What the decision point needs of the rooms around it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from policy_lang.facts import Source
from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.model import ActivePolicies, Caller, Credential, DecisionRecord, Keeping, Principal
from service.permits import Act, Action, Holding, Permits


class Authenticator(Protocol):
    """Turns credentials into who they name. `now` is milliseconds since 1970 UTC."""

    def caller(self, token: str, now: int) -> Caller:
        """The caller whose credential this is; Unauthenticated if it does not verify or may not call."""
        ...

    def principal(self, token: str, now: int) -> Principal:
        """Whom a `principal_token` names; Unauthenticated if it does not verify or is not meant for this."""
        ...


class Revocations(Protocol):
    """Knows which credentials were taken out of force before their end."""

    def check(self, used: Credential, now: int) -> None:
        """Returns where it is not revoked; Unauthenticated where it is, FactsUnavailable where nobody can tell."""
        ...


class Policies(Protocol):
    """Holds the bundle in force."""

    def active(self) -> ActivePolicies:
        """The bundle in force; NoPolicies where there is none."""
        ...


class Snapshot(Source, Protocol):
    """A source of facts within one read transaction."""

    @property
    def revision(self) -> str:
        """Every fact read here is at least this fresh: `epoch.n`, opaque to callers."""
        ...


class FactStore(Protocol):
    """Opens the stored facts for reading."""

    def snapshot(self, schema: Schema, *, timeout_ms: int | None = None) -> AbstractContextManager[Snapshot]:
        """A snapshot whose rows are read by the schema's types; FactsUnavailable if the store cannot be read.

        `timeout_ms` bounds each statement where the store can.
        """
        ...


class Governance(Protocol):
    """Says what callers may of this service."""

    def permits(self, caller: Caller, schema: Schema, source: Source, now: int) -> Permits:
        """What the caller holds at `now`, read from the source like any fact."""
        ...

    def holding(self, caller: Caller, schema: Schema, source: Source) -> Holding:
        """What the caller holds, and until when."""
        ...


class Visitor(Protocol):
    """A caller that has come to read or change the service itself, with its permits as they are now."""

    def may(self, action: Action, tenant: Ref | None) -> bool:
        """Whether it may do that to what is of the tenant; nothing is recorded."""
        ...

    def may_as(self, principal_type: str) -> bool:
        """Whether it may name principals of that type on its own word; nothing is recorded."""
        ...

    def require_somewhere(self, act: Act) -> None:
        """Returns where the action is held at all, and records nothing; else PermissionDenied, recorded."""
        ...

    def require(self, acts: Sequence[Act]) -> None:
        """Returns when it may do all of them and that is recorded; else PermissionDenied, recorded too."""
        ...


class Gate(Protocol):
    """Lets callers in to what is not a question."""

    def admit(self, caller: Caller, lent: Ref | None = None) -> Visitor:
        """The caller with its permits, which are read now; FactsUnavailable if they cannot be.

        `lent` is a principal that the caller would let somebody act as (`Act.lent`).
        """
        ...


class Recorder(Protocol):
    """Keeps the record."""

    def record(self, records: Sequence[DecisionRecord]) -> Keeping | None:
        """Writes the records, all in one write; AuditUnavailable if that cannot be.

        What to wait for before they are answered or acted on, None where they are kept already.
        """
        ...


class PatientRecorder(Protocol):
    """Keeps the record, for threads that may wait for a disk."""

    def record(self, records: Sequence[DecisionRecord]) -> None:
        """Returns when the records are kept; AuditUnavailable if they are not."""
        ...


class Clock(Protocol):
    """Tells the time: milliseconds since 1970 UTC."""

    def __call__(self) -> int: ...
