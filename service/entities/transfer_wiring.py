"""Builds what a worker and the background process need for imports and exports."""

from typing import TYPE_CHECKING

from service.config import Settings
from service.db.engine import Database
from service.desk import Desk
from service.entities.transfer_office import TransferOffice
from service.entities.transfers import KIND, Counter, TransferFolder
from service.ports import Gate, Policies

if TYPE_CHECKING:
    from service.entities.transfer_work import InForce, TransferWork


def build_transfer_office(settings: Settings, database: Database, policies: Policies, gate: Gate) -> TransferOffice:
    """Where a worker's callers bring imports and ask for exports."""
    return TransferOffice(
        gate=gate,
        policies=policies,
        counter=_counter(settings, database),
        folder=TransferFolder(settings.transfer_folder),
    )


def build_transfer_work(settings: Settings, database: Database, in_force: "InForce | None") -> "TransferWork":
    """What does them."""
    # Here, for it loads the checker of policies, which no worker needs.
    from service.entities.elsewhere import Elsewhere
    from service.entities.transfer_work import TransferWork

    files, elsewhere = TransferFolder(settings.transfer_folder), Elsewhere(settings.sources)
    counter = _counter(settings, database)
    return TransferWork(database, counter, files, elsewhere, in_force=in_force)


def _counter(settings: Settings, database: Database) -> Counter:
    return Counter(Desk(database, settings.replica_id, KIND))
