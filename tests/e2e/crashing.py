"""Kills processes of a service under load, at any instant, and compares what callers saw with the log, both ways."""

import os
import random
import signal
import subprocess
import sys
import time
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from statistics import median

from tests.e2e.running import PATIENCE, Project, Server, is_running, wait_for

ROOT = Path(__file__).parents[2]
NOTING = Path(__file__).parent / "noting"
RATE = 1500
"""Checks a second that are asked for: more than the 1,000 that are to be answered when a process dies."""
FLOOR = 1000
PATIENT = 5.0
"""Seconds to wait for so many checks a second."""
WINDOW = 0.4
"""Seconds before a kill over which the rate is measured."""
STEADY = 200
"""Answers to wait for before a kill, so that the service is at work again."""


@dataclass
class Seen:
    """What the callers saw: decision by request of those answered, and when; of those that broke off why."""

    answered: dict[str, str] = field(default_factory=dict)
    times: list[float] = field(default_factory=list)
    lost: dict[str, str] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)

    def take(self, line: str) -> None:
        """Takes note of a line of the witness."""
        match line.split():
            case ["answered", at, request, decision]:
                self.answered[request] = decision
                self.times.append(float(at))
            case ["lost", request, *why]:
                self.lost[request] = " ".join(why)
            case _:
                self.failed.append(line)


@dataclass
class Witness:
    """A load under way (witness.py)."""

    file: Path
    seen: Seen = field(default_factory=Seen)
    _read: int = 0

    def look(self) -> Seen:
        """What it has seen by now."""
        with self.file.open() as notes:
            notes.seek(self._read)
            for line in notes:
                if not line.endswith("\n"):
                    break
                self.seen.take(line)
                self._read += len(line)
        return self.seen

    def wait_for_answers(self, more: int) -> None:
        """Returns when so many more checks are answered."""
        wanted = len(self.look().answered) + more
        wait_for(lambda: len(self.look().answered) >= wanted)

    def wait_for_rate(self) -> None:
        """Returns when FLOOR checks a second are answered, or when this machine does not come to that."""
        ends = time.monotonic() + PATIENT
        wait_for(lambda: self.rate_before(now := time.monotonic()) >= FLOOR or now > ends)

    def rate_before(self, moment: float) -> float:
        """Checks a second that were answered just before then."""
        times = self.look().times
        return (bisect_right(times, moment) - bisect_right(times, moment - WINDOW)) / WINDOW

    @contextmanager
    def under_way(self, address: str, token: Path) -> Iterator[None]:
        """Asks while the block runs."""
        command = [sys.executable, "-m", "tests.e2e.witness", address, str(RATE), str(token), str(self.file)]
        process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE)
        assert process.stdin is not None
        try:
            wait_for(self.file.exists)
            yield
        finally:
            process.stdin.close()
            assert process.wait(PATIENCE) == 0
            self.look()


@dataclass
class Service:
    """A service that is started again where all of it was killed; at one address. A crash of the machine is played.

    With `durability` = `disk` what no sync had brought to the disk is taken away while no process lives: bytes behind
    the last sync of a segment, and segments whose name was not synced. Syncs are noted by noting/sitecustomize.py.
    """

    project: Project
    durability: str
    notes: Path
    _life: ExitStack = field(default_factory=ExitStack)
    _address: str = "127.0.0.1:0"
    cut: int = 0
    """Bytes that crashes of the machine took away."""

    @property
    def server(self) -> Server:
        """The service that runs now."""
        return self._server

    def start(self) -> None:
        """Starts it."""
        self._server = self._life.enter_context(
            self.project.with_settings(workers="2", spool__durability=self.durability)
            .with_environment(SYNC_NOTES=str(self.notes), PYTHONPATH=f"{NOTING}:{os.environ.get('PYTHONPATH', '')}")
            .serving("--dev", "--grpc", self._address)
        )
        self._address = self._server.address

    def stop(self) -> int:
        """Lets it end in order; its exit code."""
        code = self._server.stop()
        self._life.close()
        return code

    def end(self) -> None:
        """Ends it anyhow."""
        self._life.close()

    def kill_worker(self) -> None:
        """One worker dies; the other one and, soon, a new one answer on."""
        self._kill_child(random.choice(wait_for(self.server.workers)))

    def kill_background(self) -> None:
        """The background process dies."""
        self._kill_child(self.server.child("background"))

    def kill_supervisor(self) -> None:
        """The supervisor dies, and its children end themselves."""
        self._kill_and_start([])

    def kill_everything(self) -> None:
        """All processes die at once."""
        self._kill_and_start(list(self.server.children()))

    def wait_until_whole(self) -> None:
        """Returns when every worker is there and at work."""
        wait_for(lambda: len(self.server.workers()) == 2 and self.server.asked_ready())

    def wait_until_shipped(self) -> None:
        """Returns when the background process is there, and has moved into the log what the spool has."""
        wait_for(lambda: '\nmagistrate_ship_lag_bytes{process="background process"} 0.0\n' in self._metrics())

    def _metrics(self) -> str:
        return self.server.asked("/metrics")[1]

    def _kill_child(self, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not is_running(pid))

    def _kill_and_start(self, others: list[int]) -> None:
        children = list(self.server.children())
        for each in (self.server.process.pid, *others):
            os.kill(each, signal.SIGKILL)
        self._life.close()
        wait_for(lambda: not any(map(is_running, children)))
        if self.durability == "disk":
            self._crash_machine()
        self.start()

    def _crash_machine(self) -> None:
        synced: dict[str, int] = {}
        named: set[str] = set()
        for line in self.notes.read_text().splitlines():
            name, what = line.split()
            if what == "named":
                named.add(name)
            else:
                synced[name] = max(synced.get(name, 0), int(what))
        for path in (self.server.data / "spool" / "local").glob("*.seg"):
            size, kept = path.stat().st_size, synced.get(path.name, 0) if path.name in named else 0
            self.cut += max(0, size - kept)
            if path.name not in named:
                path.unlink()
            elif kept < size:
                os.truncate(path, kept)


KINDS: Mapping[str, Callable[[Service], None]] = {
    "everything": Service.kill_everything,
    "worker": Service.kill_worker,
    "supervisor": Service.kill_supervisor,
    "background process": Service.kill_background,
}


@dataclass(frozen=True, slots=True)
class Told:
    """What the rounds of one service came to."""

    seen: Seen
    rates: Mapping[str, list[float]]
    cut: int

    @property
    def slow(self) -> dict[str, float]:
        """Kinds of kills of which half came at fewer checks a second than are to be answered then, and that rate."""
        found = {kind: median(rates) for kind, rates in self.rates.items()}
        return {kind: rate for kind, rate in found.items() if rate < FLOOR}

    def lines(self) -> Iterator[str]:
        """As it is printed."""
        for kind, rates in self.rates.items():
            yield (
                f"{kind:19} {len(rates):3} kills, at {median(rates):5,.0f} checks/s answered (least {min(rates):5,.0f})"
            )
        yield f"{len(self.seen.answered):,} checks answered, {len(self.seen.lost):,} broken off, {self.cut:,} bytes cut"


def crash(service: Service, folder: Path, rounds: int) -> Told:
    """Kills under load, so often, one kind after the other, then lets the service end in order."""
    witness, rates = Witness(folder / "witness"), {kind: list[float]() for kind in KINDS}
    token = folder / "token"
    service.start()
    try:
        token.write_text(service.server.token("User:alice", ttl=timedelta(hours=2)))
        with witness.under_way(service.server.address, token):
            for number in range(rounds):
                kind = list(KINDS)[number % len(KINDS)]
                witness.wait_for_answers(STEADY)
                witness.wait_for_rate()
                time.sleep(random.uniform(0, WINDOW))  # the instant is to be any
                moment = time.monotonic()
                KINDS[kind](service)
                rates[kind].append(witness.rate_before(moment))
            service.wait_until_whole()
            witness.wait_for_answers(STEADY)
        service.wait_until_shipped()
        assert service.stop() == 0
    finally:
        service.end()
    return Told(witness.seen, {kind: measured for kind, measured in rates.items() if measured}, service.cut)


def faults(seen: Seen, log: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Where what was seen and the log, pairs of decision and request, do not match; no entry is a match.

    What was recorded without an answer must have been under way when a connection broke.
    """
    by_request = {request: decision for decision, request in log}
    found = {
        "failed": seen.failed,
        "missing": [each for each in seen.answered if each not in by_request],
        "twice": [] if len(by_request) == len(log) else ["a request is in the log more than once"],
        "other": [each for each, decision in seen.answered.items() if by_request.get(each, decision) != decision],
        "never seen": [each for each in by_request if each not in seen.answered and each not in seen.lost],
    }
    return {what: each for what, each in found.items() if each}
