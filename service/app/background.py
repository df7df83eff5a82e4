"""Builds what the background process runs beside compiling: the shipper and the pruning. It loads no gRPC."""

import threading

from service.authn.pruning import prune_credentials_until
from service.config import Settings
from service.db.opening import open_database
from service.decisions.shipper import Shipper
from service.feed.pruning import prune_until
from service.revocations.pruning import prune_revocations_until


def run_background(settings: Settings, stop: threading.Event) -> None:
    """Ships the record until `stop` is set, then ships what is left; and prunes what is not needed any more."""
    database, facts = open_database(settings.log_database_url), open_database(settings.database_url)
    pruning = [
        threading.Thread(target=work, args=(stop, facts), name="pruning", daemon=True)
        for work in (prune_until, prune_revocations_until, prune_credentials_until)
    ]
    for each in pruning:
        each.start()
    try:
        Shipper(settings.spool_folder, database).run(stop)
    finally:
        stop.set()
        for each in pruning:
            each.join()
        facts.close()
        database.close()
