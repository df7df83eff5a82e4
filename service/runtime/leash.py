"""A child's end of the pipes to the supervisor: messages in, messages out; when they close, the child ends."""

import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import BinaryIO, Final

from service.config import Settings
from service.runtime.messages import Boot, Message, MessageError, read, write

ORPHANED: Final = 70
"""Exit code of a child whose supervisor is gone."""


@dataclass(frozen=True, slots=True)
class Leash:
    """What ties this process to its supervisor."""

    settings: Settings
    _orders: BinaryIO
    _reports: int
    _reporting: threading.Lock = field(default_factory=threading.Lock)

    @classmethod
    def take(cls) -> "Leash":
        """Reads the boot message from standard input.

        Messages keep the pipe that was standard output; whatever prints from now on lands on standard error.
        """
        # Unbuffered, for a buffer's lock would be held by the thread that listens when the process ends.
        orders = os.fdopen(os.dup(sys.stdin.fileno()), "rb", buffering=0)
        reports = os.dup(sys.stdout.fileno())
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
        try:
            boot = read(orders)
        except MessageError:
            sys.exit(ORPHANED)
        if not isinstance(boot, Boot):
            sys.exit(ORPHANED)
        return cls(boot.settings, orders, reports)

    def listen(self, hear: Callable[[Message], None]) -> None:
        """Hands each message on, in a thread of its own, and ends this process as soon as the pipe closes."""
        threading.Thread(target=_listen, args=(self._orders, hear), name="leash", daemon=True).start()

    def report(self, message: Message) -> None:
        """Tells the supervisor; any thread may."""
        rest = memoryview(write(message))
        with self._reporting:
            while rest:
                rest = rest[os.write(self._reports, rest) :]


def _listen(stream: BinaryIO, hear: Callable[[Message], None]) -> None:
    """Ends at once and whatever else goes on: an orphan would answer on with old policies; what it recorded is kept."""
    try:
        while (message := read(stream)) is not None:
            hear(message)
    except MessageError:
        pass
    finally:
        os._exit(ORPHANED)
