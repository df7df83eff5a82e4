"""Keeps who holds what of the built-in module: rows beside the other role assignments, under reserved names.

They are read, cached and invalidated like any role's. No import writes them and no export shows them.
"""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, delete, select

from policy_lang.facts import Assignment
from policy_lang.forms import check_id
from policy_lang.notation import BadValue
from policy_lang.values import Ref
from service.db.dialect import upsert
from service.db.engine import Database
from service.db.facts_tables import role_assignment
from service.db.feed import advance, assignment_change
from service.errors import DataError
from service.governance.module import check_grant
from service.permits import PREFIX


class Grants:
    """Gives and takes roles of the module on the operator's word: whoever holds the database is admin by nature."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def give(self, principal: Ref, grant: str, tenant: Ref | None, expires_at: int | None = None) -> str:
        """Gives a role, or one action by name, globally or at a tenant; the revision from which it is in force.

        DataError for what is no grant. Neither the principal nor the tenant need have a row yet.
        """
        with self._database.write() as connection:
            return give(connection, Assignment(principal, grant, tenant, expires_at))

    def take(self, principal: Ref, grant: str, tenant: Ref | None) -> str:
        """Takes it away; DataError where it was not given."""
        with self._database.write() as connection:
            return take(connection, Assignment(principal, grant, tenant, None))

    def all(self) -> Sequence[Assignment]:
        """Everything given, expired too, by principal; `role` as `give` takes it."""
        query = select(role_assignment).where(role_assignment.c.role.startswith(PREFIX, autoescape=True))
        with self._database.read() as connection:
            rows = connection.execute(query.order_by(*role_assignment.primary_key.columns)).all()
        return [
            Assignment(
                Ref(row.subject_type, row.subject_id),
                row.role.removeprefix(PREFIX),
                Ref(row.place_type, row.place_id) if row.place_type else None,
                row.expires_at,
            )
            for row in rows
        ]


def give(connection: Connection, given: Assignment) -> str:
    """Writes a grant in a transaction that somebody else opened; given anew, the expiry changes. The new revision."""
    connection.execute(upsert(connection, role_assignment), [_row(_checked(given))])
    return _advance(connection, given)


def take(connection: Connection, taken: Assignment) -> str:
    """Deletes a grant in a transaction that somebody else opened; the new revision."""
    row = _row(_checked(taken))
    same = and_(*(column == row[column.name] for column in role_assignment.primary_key.columns))
    if not connection.execute(delete(role_assignment).where(same)).rowcount:
        where = f" at `{taken.place}`" if taken.place else ""
        raise DataError(f"`{taken.subject}` does not hold `{taken.role}`{where}")
    return _advance(connection, taken)


def _advance(connection: Connection, moved: Assignment) -> str:
    change = assignment_change(moved.subject)
    return advance(connection, [change], {change: [moved.place]} if moved.place else {})


def _checked(given: Assignment) -> Assignment:
    check_grant(given.role)
    named = [("principal", text) for text in given.subject] + [("tenant", text) for text in given.place or ()]
    for what, text in named:
        try:
            check_id(text)
        except BadValue as error:
            raise DataError(f"`{what}`: {error}") from error
    return given


def _row(given: Assignment) -> dict[str, str | int | None]:
    place = given.place or ("", "")
    return {
        "subject_type": given.subject.type,
        "subject_id": given.subject.id,
        "role": PREFIX + given.role,
        "place_type": place[0],
        "place_id": place[1],
        "expires_at": given.expires_at,
    }
