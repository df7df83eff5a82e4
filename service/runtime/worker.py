"""The worker: answers at the gRPC door until it is told to stop, then finishes the calls in flight."""

import asyncio
import signal
import sys

import uvloop

from service.app import serve_worker
from service.errors import MagistrateError
from service.runtime.leash import Leash
from service.runtime.reports import Ready, Refused
from service.telemetry import configure_log


def main() -> int:
    """Runs the worker; its exit code."""
    configure_log()
    leash = Leash.take()
    try:
        uvloop.run(_serve(leash))
    except MagistrateError as error:
        leash.report(Refused(str(error)))
        return 1
    return 0


async def _serve(leash: Leash) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    await serve_worker(
        leash.boot.settings, leash.boot.policies, ready=lambda port: leash.report(Ready(port)), stop=stop
    )


if __name__ == "__main__":
    sys.exit(main())
