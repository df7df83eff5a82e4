"""Puts pushed policies in force on every replica together, or on none.

Law (runtime.md, Policies): an activation is prepared until every live replica has loaded it; then one revision puts it
in force. A replica that cannot load it ends it, and is named; so is one that does not answer in time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from sqlalchemy import ColumnElement, Connection, Row, func, insert, select, update

from service.db.dialect import database_now, upsert
from service.db.engine import Database
from service.db.facts_tables import activation, bundle, preparation, replica
from service.db.feed import ACTIVATION, Change, advance
from service.errors import ActivationUnderWay, NotFound
from service.policies.trials import end_trial_of

LIVE_MS: Final = 5_000
"""How long after it was last heard of a replica is waited for."""
_LOCK: Final = 0x6D61_6769_0007
"""The advisory lock of activations."""


class State(Enum):
    """How far an activation has come."""

    PREPARING = "preparing"
    ACTIVE = "active"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Activation:
    """One attempt to put policies in force. Times are in milliseconds; `revision` is set where it succeeded."""

    number: int
    digest: str
    state: State
    asked_by: str
    asked_at: int
    ended_at: int | None
    why: str
    revision: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How things stand: what is in force, empty for nothing, and the activation that is under way."""

    active: str
    preparing: Activation | None


class Activations:
    """The activations in the database of the facts, of all replicas."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def begin(self, digest: str, asked_by: str, seconds: float) -> Activation:
        """Starts to put policies in force, for so many seconds; what is in force already is given as it stands.

        NotFound for what was never pushed, ActivationUnderWay while another one is being prepared.
        """
        with self._database.alone(_LOCK) as connection:
            now = _now(connection)
            _end_late(connection)
            if connection.execute(select(bundle.c.digest).where(bundle.c.digest == digest)).first() is None:
                raise NotFound(f"no policies `{digest}` were pushed")
            other = _latest(connection, State.PREPARING)
            if other is not None:
                raise ActivationUnderWay(f"the policies `{other.digest}` are being put in force")
            active = _latest(connection, State.ACTIVE)
            if active is not None and active.digest == digest:
                return active
            number = connection.execute(select(func.coalesce(func.max(activation.c.number), 0) + 1)).scalar_one()
            begun = Activation(number, digest, State.PREPARING, asked_by, now, None, "", "")
            connection.execute(insert(activation), _row(begun) | {"expires_at": now + int(seconds * 1000)})
            return begun

    def fetch(self, number: int) -> Activation:
        """The activation of that number, as it stands now."""
        with self._database.read() as connection:
            return _read(connection.execute(select(activation).where(activation.c.number == number)).one())

    def standing(self) -> Standing:
        """How things stand now."""
        with self._database.read() as connection:
            return standing_of(connection)

    def newest(self, limit: int, before: int | None = None) -> Sequence[Activation]:
        """Activations from the newest on, those that failed too; below a number where one is given."""
        query = select(activation).order_by(activation.c.number.desc()).limit(limit)
        if before is not None:
            query = query.where(activation.c.number < before)
        with self._database.read() as connection:
            return [_read(row) for row in connection.execute(query)]

    def former(self) -> str:
        """What was in force before what is; NotFound where nothing was."""
        query = select(activation.c.digest).where(activation.c.state == State.ACTIVE.value)
        with self._database.read() as connection:
            digests = connection.execute(query.order_by(activation.c.number.desc()).limit(2)).scalars().all()
        if len(digests) < 2:
            raise NotFound("there are no policies to go back to: none were in force before")
        return str(digests[1])

    def beat(self, replica_id: str) -> None:
        """Says that this replica lives: from now on activations wait for it."""
        with self._database.write() as connection:
            connection.execute(upsert(connection, replica).values(id=replica_id, seen_at=database_now()))

    def leave(self, replica_id: str) -> None:
        """Says that this replica ends: no activation waits for it."""
        with self._database.write() as connection:
            connection.execute(replica.delete().where(replica.c.id == replica_id))

    def acknowledge(self, number: int, replica_id: str, why: str = "") -> None:
        """Says that this replica has loaded the policies, or why it cannot, which ends the activation."""
        answered = {"activation": number, "replica": replica_id, "why": why}
        with self._database.alone(_LOCK) as connection:
            connection.execute(upsert(connection, preparation), answered)
            if why:
                _end(connection, activation.c.number == number, f"the replica `{replica_id}` cannot load it: {why}")

    def settle(self, number: int) -> Activation:
        """Puts the policies in force if every live replica has loaded them, and ends what is too late."""
        with self._database.read() as connection:
            found = _read(connection.execute(select(activation).where(activation.c.number == number)).one())
            is_over = found.state is not State.PREPARING
            if is_over or not (_are_prepared(connection, number) or _late(connection)):
                return found
        with self._database.alone(_LOCK) as connection:
            _end_late(connection)
            if _latest(connection, State.PREPARING) == found and _are_prepared(connection, number):
                _put_in_force(connection, found)
        return self.fetch(number)


def standing_of(connection: Connection) -> Standing:
    """How things stand in a transaction that somebody else opened."""
    active = _latest(connection, State.ACTIVE)
    return Standing("" if active is None else active.digest, _latest(connection, State.PREPARING))


def share_activations(connection: Connection) -> None:
    """Has no activation begin or end until a write that somebody else opened has ended; on SQLite none can anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock_shared(_LOCK)))


def _put_in_force(connection: Connection, found: Activation) -> None:
    this = activation.c.number == found.number
    ended = {"state": State.ACTIVE.value, "ended_at": _now(connection)}
    connection.execute(update(activation).where(this).values(ended))
    end_trial_of(connection, found.digest)
    revision = advance(connection, [Change(ACTIVATION, found.digest)])
    # Nothing waits for this one row, and the number is not known before.
    connection.execute(update(activation).where(this).values(revision=revision))


def _are_prepared(connection: Connection, number: int) -> bool:
    """Whether every live replica has loaded the policies, and there is one that has."""
    loaded = select(preparation.c.replica).where(preparation.c.activation == number, preparation.c.why == "")
    return connection.execute(loaded.limit(1)).first() is not None and not _waited_for(connection, number)


def _waited_for(connection: Connection, number: int) -> list[str]:
    """The live replicas that have not loaded the policies; a replica that was not heard of is not waited for."""
    answered = select(preparation.c.replica).where(preparation.c.activation == number, preparation.c.why == "")
    live = replica.c.seen_at > database_now() - LIVE_MS
    query = select(replica.c.id).where(live, replica.c.id.not_in(answered)).order_by(replica.c.id)
    return list(connection.execute(query).scalars())


def _end_late(connection: Connection) -> None:
    """Ends what was not prepared in time, naming the replicas that did not answer."""
    for number in _late(connection):
        silent = ", ".join(f"`{each}`" for each in _waited_for(connection, number)) or "no replica"
        _end(connection, activation.c.number == number, f"time ran out: waited for {silent}")


def _late(connection: Connection) -> Sequence[int]:
    """The activations that should have ended."""
    is_open = activation.c.state == State.PREPARING.value
    return (
        connection.execute(select(activation.c.number).where(is_open, activation.c.expires_at < database_now()))
        .scalars()
        .all()
    )


def _end(connection: Connection, which: ColumnElement[bool], why: str) -> None:
    failed = {"state": State.FAILED.value, "why": why, "ended_at": _now(connection)}
    connection.execute(update(activation).where(which, activation.c.state == State.PREPARING.value).values(failed))


def _latest(connection: Connection, state: State) -> Activation | None:
    query = select(activation).where(activation.c.state == state.value).order_by(activation.c.number.desc()).limit(1)
    row = connection.execute(query).one_or_none()
    return None if row is None else _read(row)


def _now(connection: Connection) -> int:
    return int(connection.execute(select(database_now())).scalar_one())


def _read(row: Row[*tuple[object, ...]]) -> Activation:
    return Activation(
        row.number, row.digest, State(row.state), row.asked_by, row.asked_at, row.ended_at, row.why, row.revision
    )


def _row(begun: Activation) -> dict[str, object]:
    return {
        "number": begun.number,
        "digest": begun.digest,
        "state": begun.state.value,
        "asked_by": begun.asked_by,
        "asked_at": begun.asked_at,
        "ended_at": begun.ended_at,
        "why": begun.why,
        "revision": begun.revision,
    }
