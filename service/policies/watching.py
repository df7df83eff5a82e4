"""Follows a policy folder: when its files have changed and are at rest, they are read, checked and compiled."""

import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter

from policy_lang.compiler import Compiled
from policy_lang.diagnostics import PolicyError
from policy_lang.folder import SUFFIX
from policy_lang.image import write_image
from policy_lang.loading import load
from policy_lang.schema import Schema
from policy_lang.uncollected import uncollected
from service.errors import ConfigError
from service.faults import FAULT, Faults
from service.policies.folder import read_texts
from service.telemetry import get_log

_log = get_log("policies")

Stamp = Mapping[str, tuple[int, int, int]]
"""Path → inode, size and time of change, of its mode too, of every policy file."""


Fits = Callable[[Schema], None]
"""Returns where declarations fit what they are used with; else ConfigError."""


def anywhere(_: Schema) -> None:
    """Fits whatever is declared."""


@dataclass(frozen=True, slots=True)
class Fit:
    """Policies that are checked and compiled."""

    digest: str
    image: bytes


@dataclass(frozen=True, slots=True)
class Unfit:
    """Policies that may not be used; `is_finding` where their text was read and is wrong."""

    why: str
    is_finding: bool


class WatchedFolder:
    """A policy folder and what was last seen of it."""

    def __init__(self, folder: Path, fits: Fits = anywhere) -> None:
        self._folder = folder
        self._fits = fits
        self._seen: Stamp | None = None
        self._judged: Stamp | None = None

    def look(self) -> Fit | Unfit | None:
        """What has become of the folder since it was last judged; None if nothing, or if it is not at rest.

        At rest is a folder that looks the same as the last time, and the same again when its files have been read:
        half of a change is never taken for the whole of it as long as it goes on.
        """
        stamp = stamp_of(self._folder)
        if stamp == self._judged:
            return None
        if self._seen != stamp:
            self._seen = stamp
            return None
        return self.judge()

    def judge(self) -> Fit | Unfit | None:
        """What the folder comes to now; None if it changed while it was read."""
        stamp = self._seen = stamp_of(self._folder)
        verdict: Fit | Unfit = Unfit(FAULT, is_finding=False)
        with Faults("policies.fault", folder=str(self._folder)):
            try:
                texts = read_texts(self._folder)
                if stamp_of(self._folder) != stamp:
                    return None
                verdict = compile_texts(texts, self._fits)
            except ConfigError as error:
                verdict = Unfit(str(error), is_finding=False)
            except PolicyError as error:
                verdict = Unfit(str(error), is_finding=True)
        self._judged = stamp
        return verdict

    def follow(self, tell: Callable[[Fit | Unfit], None], *, every: float, stop: threading.Event) -> None:
        """Tells what the folder comes to now, and again after each change, until `stop` is set."""
        with uncollected():  # a look for garbage among so much that was built comes when it has been told
            if (verdict := self.judge()) is not None:
                tell(verdict)
        while not stop.wait(every):
            if (verdict := self.look()) is not None:
                tell(verdict)


def compile_texts(texts: Mapping[str, str], fits: Fits = anywhere) -> Fit:
    """The policies of those texts, compiled; PolicyError if they may not be loaded, ConfigError if they do not fit."""
    began = perf_counter()
    bundle = load(texts)
    fits(bundle.program.schema)
    image = write_image(bundle, Compiled(bundle.program))
    rules = sum(map(len, bundle.program.rules.values()))
    seconds = round(perf_counter() - began, 3)
    _log.info("policies.compiled", digest=bundle.digest, rules=rules, image_bytes=len(image), seconds=seconds)
    return Fit(bundle.digest, image)


def stamp_of(folder: Path) -> Stamp:
    """How the folder's policy files look from outside. What cannot be looked at is left out; reading will say why."""
    found: dict[str, tuple[int, int, int]] = {}
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in names:
            if name.endswith(SUFFIX):
                path = Path(place, name)
                try:
                    status = path.stat()
                except OSError:
                    found[str(path)] = (0, 0, 0)
                    continue
                found[str(path)] = (status.st_ino, status.st_size, status.st_ctime_ns)
    return found
