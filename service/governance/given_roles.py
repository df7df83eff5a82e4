"""Gives and takes roles of the built-in module for callers, who must hold `role.assign` and the role itself there."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection

from policy_lang.facts import Assignment
from policy_lang.notation import format_timestamp
from policy_lang.types import Json
from service.db.engine import Database
from service.db.feed import assignment_change
from service.db.turns import refuse_changed, take_turn
from service.governance.grants import give, take
from service.governance.module import check_grant
from service.model import Caller
from service.permits import NO_TIME, PREFIX, Act, Action
from service.ports import Gate


class GivenRoles:
    """Every method gives the new revision; PermissionDenied before any other fault, then DataError."""

    def __init__(self, database: Database, gate: Gate) -> None:
        self._database = database
        self._gate = gate

    def assign(self, caller: Caller, given: Assignment, *, if_revision: str = "") -> str:
        """Gives a role, named in full, to a principal or an entity that principals are in."""
        self._approve(caller, given, "assign", given.expires_at)
        with self._turn(given, if_revision) as connection:
            return give(connection, _grant(given))

    def unassign(self, caller: Caller, taken: Assignment, *, if_revision: str = "") -> str:
        """Takes it away."""
        self._approve(caller, taken, "unassign", NO_TIME)
        with self._turn(taken, if_revision) as connection:
            return take(connection, _grant(taken))

    @contextmanager
    def _turn(self, named: Assignment, if_revision: str) -> Iterator[Connection]:
        """A write whose subject's roles nobody changes meanwhile."""
        changes = [assignment_change(named.subject)]
        with self._database.write() as connection:
            take_turn(self._database, connection, changes)
            if if_revision:
                refuse_changed(connection, changes, if_revision)
            yield connection

    def _approve(self, caller: Caller, named: Assignment, change: str, until: int | None) -> None:
        grant = _grant(named).role
        details: dict[str, Json] = {
            "change": change,
            "scope": str(named.place) if named.place else None,
            "expires_at": None if named.expires_at is None else format_timestamp(named.expires_at),
        }
        visitor = self._gate.admit(caller)
        visitor.require_somewhere(Act(Action.ROLE_ASSIGN, named.subject))
        check_grant(grant)
        visitor.require([Act(Action.ROLE_ASSIGN, named.subject, named.place, grant, details, until=until)])


def _grant(named: Assignment) -> Assignment:
    return named._replace(role=named.role.removeprefix(PREFIX))


def is_given(role: str) -> bool:
    """Whether that is a role of the module, and not of the policies."""
    return role.startswith(PREFIX)
