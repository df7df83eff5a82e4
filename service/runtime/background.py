"""The background process: ships the record at low priority until it is told to stop, then ships what is left."""

import os
import signal
import sys
import threading
from typing import Final

from service.app import run_background
from service.errors import MagistrateError
from service.runtime.leash import Leash
from service.runtime.reports import Ready
from service.telemetry import configure_log, get_log

NICENESS: Final = 10


def main() -> int:
    """Runs the background process; its exit code."""
    configure_log()
    leash = Leash.take()
    os.nice(NICENESS)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda _signal, _frame: stop.set())
    leash.report(Ready(0))
    try:
        run_background(leash.boot.settings, stop)
    except MagistrateError as error:
        get_log("background").error("stopped", why=str(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
