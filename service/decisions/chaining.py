"""Keeps the chain of a replica in the log's database: its head, and the links behind it.

Law: the head is locked until the transaction that moves it ends, so a sequence is given once, and none is left out,
whoever else ships for the same replica.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection, select, update

from service.db.bulk import insert_values
from service.db.dialect import insert_new
from service.db.log_tables import chain_head, chain_link, chain_origin
from service.decisions.chain import Head, begin, make_links

_LINK: Final = ("replica", "sequence", "decision_id", "salt", "record_hash", "chain_hash")


def append(connection: Connection, replica: str, records: Sequence[tuple[str, str]]) -> None:
    """Puts records, given as (id, body), at the end of the replica's chain, in their order."""
    head = _locked_head(connection, replica)
    links = make_links(head, [body for _, body in records])
    rows = [
        (replica, link.sequence, id_, link.salt, link.record_hash, link.chain_hash)
        for (id_, _), link in zip(records, links, strict=True)
    ]
    insert_values(connection, chain_link, _LINK, rows)
    last = links[-1]
    moved = update(chain_head).where(chain_head.c.replica == replica)
    connection.execute(moved.values(sequence=last.sequence, hash=last.chain_hash))


def heads(connection: Connection) -> list[Head]:
    """The heads of all chains, by the names of their replicas."""
    return [Head(*row) for row in connection.execute(select(chain_head).order_by(chain_head.c.replica))]


def origin(connection: Connection) -> tuple[int, str | None]:
    """How many records there were before the chains, and the last id of those; (0, None) where that was not noted."""
    row = connection.execute(select(chain_origin)).first()
    return (0, None) if row is None else (row[0], row[1])


def _locked_head(connection: Connection, replica: str) -> Head:
    first = begin(replica)
    connection.execute(
        insert_new(connection, chain_head), {"replica": replica, "sequence": first.sequence, "hash": first.hash}
    )
    query = select(chain_head).where(chain_head.c.replica == replica).with_for_update()
    return Head(*connection.execute(query).one())
