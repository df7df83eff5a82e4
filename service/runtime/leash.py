"""A child's end of the pipes to the supervisor: boot message in, one report out; when they close, it ends."""

import os
import sys
import threading
from dataclasses import dataclass
from typing import BinaryIO, Final

from service.runtime.boot import Boot, BootError, read_boot
from service.runtime.reports import Report, write_report

ORPHANED: Final = 70
"""Exit code of a child whose supervisor is gone."""


@dataclass(frozen=True, slots=True)
class Leash:
    """What ties this process to its supervisor."""

    boot: Boot
    _reports: BinaryIO

    @classmethod
    def take(cls) -> "Leash":
        """Reads the boot message from standard input, and ends this process as soon as that closes.

        Reports keep the pipe that was standard output; whatever prints from now on lands on standard error.
        """
        reports = os.fdopen(os.dup(sys.stdout.fileno()), "wb", buffering=0)
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            boot = read_boot(sys.stdin.buffer)
        except BootError:
            sys.exit(ORPHANED)
        threading.Thread(target=_exit_when_closed, args=(sys.stdin.fileno(),), name="leash", daemon=True).start()
        return cls(boot, reports)

    def report(self, report: Report) -> None:
        """Tells the supervisor."""
        self._reports.write(write_report(report))


def _exit_when_closed(descriptor: int) -> None:
    """At once and whatever the loop does: an orphan would answer on with old policies, and what it recorded is kept."""
    while os.read(descriptor, 1):
        pass
    os._exit(ORPHANED)
