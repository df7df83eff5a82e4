"""Verifies the log: every chain by itself and by the checkpoints, the checkpoints, and that nothing stands beside.

Memory is bounded by the number of chains; a log that is being written to is verified up to where it was at the start.
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, select

from service.db.engine import Database
from service.db.log_tables import chain_link
from service.decisions.chain_walk import ChainReport, lost_chain, walk_chain
from service.decisions.chaining import heads
from service.decisions.checkpoint_reading import Checkpoints
from service.decisions.faults import Fault, Faults
from service.decisions.unchained import find_unchained


@dataclass(frozen=True, slots=True)
class LogReport:
    """What was found: of each chain, and beside them. `last_checkpoint` is None where there is none.

    `unsigned` is how many checkpoints have no signature, `unchained` how many records are in no chain.
    """

    chains: tuple[ChainReport, ...]
    last_checkpoint: int | None
    unsigned: int
    unchained: int
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
    with database.read() as connection:
        found = {head.replica: head for head in heads(connection)}
        linked = _linked(connection)
    chains = [
        walk_chain(database, found[replica], checkpoints.marks(replica))
        if replica in found
        else lost_chain(replica, checkpoints.marks(replica))
        for replica in sorted(witnessed | linked | found.keys())
    ]
    unchained = find_unchained(database, checkpoints, faults)
    last = checkpoints.last
    return LogReport(
        chains=tuple(chains),
        last_checkpoint=None if last is None else last.content.number,
        unsigned=checkpoints.unsigned,
        unchained=unchained.records,
        faults=tuple(faults.first),
        fault_count=faults.count,
    )


def _linked(connection: Connection) -> set[str]:
    """The replicas that have links, each found by one step of the primary key."""
    names: set[str] = set()
    query = select(chain_link.c.replica).order_by(chain_link.c.replica).limit(1)
    name = connection.execute(query).scalar()
    while name is not None:
        names.add(name)
        name = connection.execute(query.where(chain_link.c.replica > name)).scalar()
    return names
