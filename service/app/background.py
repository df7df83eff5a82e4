"""Builds what the background process runs beside compiling, from the shipper to pruning. It loads no gRPC."""

import threading

from service.app.checkpointing import build_checkpoints
from service.authn.pruning import prune_credentials_until
from service.config import Settings
from service.db.log_partitions import Partitions
from service.db.opening import open_database
from service.decisions.partitioning import make_partitions_until
from service.decisions.shipper import Shipper
from service.feed.pruning import prune_until
from service.revocations.pruning import prune_revocations_until


def run_background(settings: Settings, stop: threading.Event) -> None:
    """Ships the record until `stop` is set, then ships what is left; writes checkpoints of it, the last one at the end.

    Prunes what is not needed any more, too. ConfigError if the key of checkpoints cannot be used.
    """
    database, facts = open_database(settings.log_database_url), open_database(settings.database_url)
    checkpoints = build_checkpoints(settings, database)
    others = [
        threading.Thread(target=work, args=(stop, facts), name="pruning", daemon=True)
        for work in (prune_until, prune_revocations_until, prune_credentials_until)
    ]
    others.append(
        threading.Thread(
            target=checkpoints.run, args=(stop, settings.checkpoint_seconds), name="checkpoints", daemon=True
        )
    )
    others.append(
        threading.Thread(
            target=make_partitions_until, args=(stop, database, settings.partitions), name="partitions", daemon=True
        )
    )
    for each in others:
        each.start()
    try:
        Shipper(settings.spool_folder, database, Partitions(settings.partitions.span_ms)).run(stop)
    finally:
        stop.set()
        for each in others:
            each.join()
        checkpoints.try_write()
        facts.close()
        database.close()
