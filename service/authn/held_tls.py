"""Holds what a door shows as its files last had it whole, and tells how that stands.

Law: a pair that does not fit, or has expired, never takes the place of one that is in force.
"""

import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Generic, TypeVar

from service.authn.key_watch import Watched, follow_keys
from service.authn.tls_files import TlsPair
from service.errors import ConfigError
from service.samples import Samples
from service.telemetry import get_log

_log = get_log("authn")

PairT = TypeVar("PairT", bound=TlsPair)


class HeldTls(Generic[PairT]):
    """What a door shows from its next handshake on. Open connections keep what they were made with."""

    def __init__(self, settings: str, paths: tuple[Path, ...], load: Callable[[], PairT]) -> None:
        """Loads it; ConfigError if it does not fit. `settings` names it to operators."""
        self._settings = settings
        self._watched = Watched.of(paths)
        self._load = load
        self.now = load()
        """What is in force."""

    def reload(self) -> None:
        """Loads it again; ConfigError leaves in force what was, such as while a pair is half written."""
        found = self._load()
        if found.expires <= time.time():
            raise ConfigError(self._expired(found))
        self.now = found

    async def follow(self, reload: Callable[[], None], *, every: float, samples: Samples) -> None:
        """Calls `reload` after each change of a file, and tells how it stands. Never returns."""
        labels = (("settings", self._settings),)

        def tell() -> None:
            samples.states["magistrate_certificate_expiry_timestamp_seconds", labels] = self.now.expires

        def told() -> None:
            reload()
            tell()

        if self.now.expires <= time.time():
            _log.error("certificate expired", settings=self._settings, why=self._expired(self.now))
        tell()
        refused = "magistrate_certificate_files_refused", labels
        await follow_keys(self._watched, told, every=every, samples=samples, refused=refused)

    def _expired(self, pair: PairT) -> str:
        file, ended = self._watched.files[0], datetime.fromtimestamp(pair.expires, UTC).isoformat()
        return f"the certificate in `{file}` expired at {ended}"
