"""Holds what is written to every bundle that it may be read by: those in force, and those about to be.

Law: while policies are being put in force, a fact is written only if both say the same of it. So it fits when they
change over, and neither reads it otherwise than it was meant.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

from sqlalchemy import Connection

from policy_lang.schema import Schema
from service.errors import DataError
from service.model import ActivePolicies

Standing = Callable[[Connection, Schema], Sequence[ActivePolicies]]
"""Gives, within a write's transaction, the policies in force or about to be, but for those of that schema.

None that it does not give is put in force before the transaction ends. ActivationUnderWay where some are not loaded.
"""
Admitted = TypeVar("Admitted")
SHOWN: int = 12
"""Digits of a digest that errors show."""


def nothing_coming(_connection: Connection, _schema: Schema) -> Sequence[ActivePolicies]:
    """Policies from a folder: those in force are all that there are."""
    return ()


def require_same(others: Sequence[ActivePolicies], admitted: Admitted, admit: Callable[[Schema], Admitted]) -> None:
    """Returns where the other policies admit the same; DataError names those that do not."""
    for each in others:
        try:
            other = admit(each.bundle.program.schema)
        except DataError as error:
            raise DataError(f"{error}\n{coming(each)}") from error
        if other != admitted:
            raise DataError(f"it would be kept in another form\n{coming(each)}")


def coming(policies: ActivePolicies) -> str:
    """Says whose fault it is."""
    return f"help: so say the policies `{policies.digest[:SHOWN]}`, which are being put in force"
