"""What callers of every door read of an error: its own text, or a generic one where the true cause is not theirs."""

from collections.abc import Mapping
from typing import Final

from service.errors import AuditUnavailable, FactsUnavailable, LogUnavailable, MagistrateError, Unauthenticated

FAULT: Final = "a fault of the service"
"""What they read of an error that nobody raised on purpose."""

_GENERIC: Final[Mapping[type[MagistrateError], str]] = {
    Unauthenticated: "the credential is missing or does not verify",
    FactsUnavailable: "the facts cannot be read",
    LogUnavailable: "the log cannot be read",
    AuditUnavailable: "the decision cannot be recorded, so it is not given",
}
"""Messages that stand for the true ones, which go to the service's log alone."""


def is_generic(error: MagistrateError) -> bool:
    """Whether callers read a generic text in its place; the log has its own."""
    return type(error) in _GENERIC


def wording(error: MagistrateError) -> str:
    """The error as callers read it."""
    return _GENERIC.get(type(error), str(error))
