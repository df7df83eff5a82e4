"""Verifies the log: every chain by itself and by the checkpoints, the checkpoints, and that nothing stands beside.

Memory is bounded by the number of chains; a log that is being written to is verified up to where it was at the start.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, select

from service.db.engine import Database
from service.db.log_tables import chain_link
from service.decisions.chain_walk import ChainReport, ChainWalk, LostChain
from service.decisions.chaining import heads
from service.decisions.checkpoint_reading import Checkpoints
from service.decisions.faults import Fault, Faults
from service.decisions.reductions import Reduction, find_reductions
from service.decisions.retention.lost_holds import LostHold, find_lost_holds
from service.decisions.retention.note_reading import Notes
from service.decisions.retention.notes import Note
from service.decisions.unchained import find_unchained

_IN_MEMORY: Final = 2000
"""Records in memory at once, of all chains."""
_LEAST: Final = 20
"""And of one, where there are many."""


@dataclass(frozen=True, slots=True)
class LogReport:
    """What was found: of each chain, and beside them. `last_checkpoint` is None where there is none.

    `has_kept` says that a file had some, `unsigned` is how many of them have no signature, `unchained` how many records
    are in no chain. Of `notes`, `unsigned_notes` have none; `erasures` are the first of those by which somebody had
    records erased. `reductions` say which decisions were never in the log, `lost_holds` which holds are gone and were
    not lifted.
    """

    chains: tuple[ChainReport, ...]
    last_checkpoint: int | None
    has_kept: bool
    unsigned: int
    unchained: int
    notes: int
    unsigned_notes: int
    erasures: tuple[Note, ...]
    reductions: tuple[Reduction, ...]
    lost_holds: tuple[LostHold, ...]
    faults: tuple[Fault, ...]
    fault_count: int

    @property
    def is_sound(self) -> bool:
        """Whether nothing was found wrong."""
        return not self.fault_count and not any(chain.fault_count for chain in self.chains)


def verify_log(database: Database, file: Path | None, keys: tuple[Ed25519PublicKey, ...]) -> LogReport:
    """Verifies the log with the checkpoints in the database, and those in the file if one is given.

    Keys given, a checkpoint that none of them signed is a fault and proves nothing. FactsUnavailable where the database
    does not answer, OSError where the file cannot be read.
    """
    faults = Faults()
    checkpoints = Checkpoints(database, file, keys)
    witnessed = checkpoints.judge(faults)
    notes = Notes(database, keys)
    notes.judge(faults)
    walks = _walks(database, witnessed, notes)
    for mark in checkpoints.marks():
        walks[mark.head.replica].see(mark)
    chains = tuple(walk.finish() for walk in walks.values())
    unchained = find_unchained(database, checkpoints, notes, faults)
    last = checkpoints.last
    return LogReport(
        chains=chains,
        last_checkpoint=None if last is None else last.content.number,
        has_kept=checkpoints.has_kept,
        unsigned=checkpoints.unsigned,
        unchained=unchained.records,
        notes=notes.count,
        unsigned_notes=notes.unsigned,
        erasures=tuple(notes.erasures),
        reductions=find_reductions(database),
        lost_holds=find_lost_holds(database),
        faults=tuple(faults.first),
        fault_count=faults.count,
    )


def _walks(database: Database, witnessed: set[str], notes: Notes) -> Mapping[str, ChainWalk | LostChain]:
    """The walk of each chain that has a head or links, or was seen by a checkpoint, by the names of their replicas."""
    with database.read() as connection:
        found = {head.replica: head for head in heads(connection)}
        linked = _linked(connection)
    page = max(_LEAST, _IN_MEMORY // max(1, len(found)))
    return {
        replica: ChainWalk(database, found[replica], notes, page) if replica in found else LostChain(replica)
        for replica in sorted(witnessed | linked | found.keys())
    }


def _linked(connection: Connection) -> set[str]:
    """The replicas that have links, each found by one step of the primary key."""
    names: set[str] = set()
    query = select(chain_link.c.replica).order_by(chain_link.c.replica).limit(1)
    name = connection.execute(query).scalar()
    while name is not None:
        names.add(name)
        name = connection.execute(query.where(chain_link.c.replica > name)).scalar()
    return names
