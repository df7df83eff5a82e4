"""What one run stands on: the world prepared once, servers started when they are needed, sides measured in turn."""

import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, cached_property
from itertools import count
from pathlib import Path
from typing import Final

from benchmarks import load
from benchmarks.cerbos.asking import Messages
from benchmarks.cerbos.installing import find_binary
from benchmarks.cerbos.serving import Cerbos, serving_cerbos
from benchmarks.scale import Scale
from benchmarks.serving import SERVE, Serving, run, serving
from benchmarks.sides import h2load
from benchmarks.sides.body import Body
from benchmarks.sides.dialect import Dialect
from benchmarks.sides.side import REPEATED, Round, Rounds, Side
from benchmarks.spooled import count_recorded, settling
from benchmarks.world import POLICY, Asked
from policy_lang.values import Ref
from service.authn.dev import mint

_LARGEST_BATCH: Final = "1000"
_ANY_PORT: Final = "127.0.0.1:0"


@dataclass(frozen=True, slots=True)
class Service:
    """A running service in a folder of its own."""

    serving: Serving
    folder: Path

    def side(self, name: str, dialect: Dialect, bodies: Sequence[Body], checks: int = 1) -> Side:
        """It as a side of a ratio."""
        address, workers = self.serving.address, self.serving.workers()
        return Side(name, address, dialect, bodies, workers, checks, settle=settling(self.folder))

    def http_side(self, name: str, dialect: Dialect, bodies: Sequence[Body]) -> Side:
        """Its HTTP door as a side of a ratio."""
        return replace(self.side(name, dialect, bodies), address=self.serving.http)

    def recorded(self) -> int:
        """Decisions that are in its log."""
        return count_recorded(self.folder)


class Stage:
    """Within `with`: the world, tokens, and servers, which all run until it ends unless they are used by `with`."""

    def __init__(self, scale: Scale, folder: Path) -> None:
        self.scale = scale
        self.folder = folder
        self.asked = scale.world.questions(scale.questions)
        self.token = cache(self._token)
        self._prepared = folder / "prepared"
        self._numbers = count()
        self._started = ExitStack()

    def __enter__(self) -> "Stage":
        self._prepared.mkdir()
        (self._prepared / "policies").mkdir()
        (self._prepared / "policies" / "documents.policy").write_text(POLICY)
        (self._prepared / "data.jsonl").write_text("\n".join(self.scale.world.facts()) + "\n")
        run(self._prepared, "data", "import", "data.jsonl")
        self.token(0)  # makes the key pair that all services of this run trust
        return self

    def __exit__(self, *_: object) -> None:
        self._started.close()

    @contextmanager
    def service(self, **settings: str) -> Iterator[Service]:
        """A service with everything on, and nothing changed but these settings and the size of batches."""
        folder = self.copy()
        with serving(folder, SERVE, http=_ANY_PORT, limits__batch_checks=_LARGEST_BATCH, **settings) as started:
            yield Service(started, folder)

    def copy(self) -> Path:
        """A folder of its own for one more service of this world."""
        folder = self.folder / f"service-{next(self._numbers)}"
        shutil.copytree(self._prepared, folder)
        return folder

    def groups(self, size: int) -> list[list[Asked]]:
        """The questions in groups of that size, each of one user."""
        return self.scale.world.groups(max(REPEATED, self.scale.questions // size), size)

    @cached_property
    def one_worker(self) -> Service:
        """The service with one worker."""
        return self._started.enter_context(self.service())

    @cached_property
    def all_workers(self) -> Service:
        """The service with as many workers as there are cores; a quick run has one for both."""
        if self.scale.is_quick:
            return self.one_worker
        return self._started.enter_context(self.service(workers=str(len(os.sched_getaffinity(0)))))

    @cached_property
    def echo(self) -> Serving:
        """The bare echo."""
        return self._started.enter_context(serving(self.folder, (sys.executable, "-m", "benchmarks.echo")))

    @cached_property
    def cerbos(self) -> Cerbos | None:
        """The peer, None where it is not installed."""
        binary = find_binary()
        if binary is None:
            return None
        return self._started.enter_context(serving_cerbos(binary, self.folder / "cerbos"))

    @cached_property
    def cerbos_messages(self) -> Messages:
        """The peer's messages."""
        assert self.cerbos is not None
        return Messages(self.cerbos.grpc)

    def in_turn(self, sides: Sequence[Side], rounds: int, seconds: float) -> list[Rounds]:
        """The sides by the same load, one after the other, over and over, so that noise hits all."""
        drive = h2load.drive if h2load.is_here() else load.drive
        taken: list[list[Round]] = [[] for _ in sides]
        for _ in range(rounds):
            for side, each in zip(sides, taken, strict=True):
                each.append(drive(side, seconds, self.folder))
                side.settle()
        return [Rounds(side.name, tuple(each)) for side, each in zip(sides, taken, strict=True)]

    def _token(self, user: int) -> str:
        now = time.time_ns() // 1_000_000
        return mint(self._prepared / ".magistrate", Ref("User", f"u{user}"), now=now, ttl=timedelta(hours=2))
