"""What the decision point needs of the rooms around it."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from policy_lang.facts import Source
from policy_lang.schema import Schema
from service.model import ActivePolicies, Caller, DecisionRecord, Principal


class Authenticator(Protocol):
    """Turns credentials into who they name. `now` is milliseconds since 1970 UTC."""

    def caller(self, token: str, now: int) -> Caller:
        """The caller whose credential this is; Unauthenticated if it does not verify or may not call."""
        ...

    def principal(self, token: str, now: int) -> Principal:
        """Whom a `principal_token` names; Unauthenticated if it does not verify or is not meant for this."""
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


class Recorder(Protocol):
    """Keeps the record."""

    def record(self, records: Sequence[DecisionRecord]) -> None:
        """Returns when the records are kept, all in one write; AuditUnavailable if they are not."""
        ...


class Clock(Protocol):
    """Tells the time: milliseconds since 1970 UTC."""

    def __call__(self) -> int: ...
