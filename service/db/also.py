"""What else a write takes out of force, in rooms that it does not know."""

from typing import Protocol

from sqlalchemy import Connection

from policy_lang.values import Ref
from service.db.feed import Change


class Also(Protocol):
    """What is taken out of force with a principal, in the same write."""

    def __call__(self, connection: Connection, principal: Ref, /, *, by: Ref, now: int) -> list[Change]:
        """Takes it out, and tells what changed by it."""
        ...


def nothing_else(_connection: Connection, _principal: Ref, *, by: Ref, now: int) -> list[Change]:  # noqa: ARG001
    """Takes nothing out beside what was asked for (`Also`)."""
    return []
