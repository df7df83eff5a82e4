"""The running service: its background process, its workers and its ops port as one, from the start to the drain."""

import asyncio
import platform
import time
from collections.abc import Awaitable
from dataclasses import replace
from importlib import metadata
from typing import Final

from service.config import Settings
from service.doors.sockets import inherited_descriptor
from service.errors import ConfigError, PoliciesBroken
from service.runtime.child import Child, Program
from service.runtime.collected import Collected
from service.runtime.keeper import Keeper
from service.runtime.key_relay import KeyRelay
from service.runtime.leasing import Lessor
from service.runtime.messages import (
    Activate,
    Boot,
    Broken,
    Candidate,
    Compiled,
    Failed,
    GivenBack,
    IssuerKeys,
    KeysMissed,
    KeysWanted,
    Message,
    Offered,
    Prepared,
    Sampled,
    Vacant,
    Wanted,
)
from service.runtime.rollout import Rollout
from service.runtime.status import PolicyStatus, Status
from service.runtime.watchdog import Watchdog
from service.samples import Samples
from service.telemetry import get_log, lines_lost
from service.vitals import gauge_process

WORKER: Final = Program("worker", "service.runtime.worker")
BACKGROUND: Final = Program("background process", "service.runtime.background")
STOP_MARGIN: Final = 2.0
"""Seconds that a worker has beyond its calls in flight, to close what it holds."""
VERSIONS: Final = (("python", platform.python_version()), ("version", metadata.version("magistrate")))
SHIP_SECONDS: Final = 15.0
"""Seconds that the background process has to ship what is left; the rest stays in the spool for the next start."""

_log = get_log("supervisor")


class Service:
    """The processes of one service. It is also who listens to them all."""

    def __init__(self, settings: Settings, boot: Awaitable[Boot]) -> None:
        """`boot` is awaited for each process, so it must be a future or a task."""
        self._settings = settings
        self._own = Samples()
        self._verdicts: asyncio.Queue[Compiled | Broken | Offered | Activate | Vacant] = asyncio.Queue()
        self._rollout = Rollout()
        self._lessor = Lessor()
        self._keys = KeyRelay(self._own)
        self._collected = Collected(self._count)
        self._is_draining = False
        self._rolling = asyncio.Lock()
        self._policies = PolicyStatus()
        self._candidate = self._candidate_refused = ""
        self._compiler: Child | None = None
        self._background = Keeper(BACKGROUND, boot, self)
        names = [WORKER.name] if settings.workers == 1 else [f"{WORKER.name} {n + 1}" for n in range(settings.workers)]
        descriptor = inherited_descriptor(settings.http)
        worker = WORKER if descriptor is None else replace(WORKER, inherits=(descriptor,))
        self._workers = [Keeper(replace(worker, name=name), boot, self) for name in names]
        self._watchdog = Watchdog((self._background, *self._workers), settings.hung_seconds)

    @property
    def status(self) -> Status:
        """How the service stands now."""
        return Status(
            policies=self._policies,
            workers=tuple(self._answers_by(child, digest) for child, digest in self._rollout.digests.items()),
            workers_wanted=len(self._workers),
            is_draining=self._is_draining,
            is_spool_failing=any(self._collected.gauges("magistrate_spool_failing")),
            may_answer_unrecorded=self._settings.spool.when_full == "continue",
            feed_lags=tuple(self._collected.gauges("magistrate_feed_lag_seconds")),
            max_staleness=self._settings.max_staleness,
            unenforced=self._settings.enforcement.warning,
            candidate="" if self._candidate == self._policies.digest else self._candidate,
            candidate_refused=self._candidate_refused or self._rollout.candidate_given_up,
            silences=tuple(
                (child.program.name, self._collected.silence(child))
                for child, digest in self._rollout.digests.items()
                if digest  # loading the first policies may hold one up, and no calls come to it
            ),
            left_alone=tuple(
                sorted(
                    {
                        f"`{labels[0][1]}`"
                        for labels, is_open in self._collected.states("magistrate_breaker_open")
                        if is_open
                    }
                )
            ),
        )

    def metrics(self, accept: str) -> tuple[bytes, str]:
        """What all processes have counted, as Prometheus reads it, in a format that is accepted; its content type."""
        return self._collected.text(accept)

    def joined(self, child: Child) -> None:
        """A process has started."""
        if child.program.module == WORKER.module:
            self._rollout.joined(child)
            self._keys.joined(child)
        else:
            self._compiler = child

    def heard(self, child: Child, message: Message) -> None:
        """A process says something."""
        self._collected.heard(child)
        match message:
            case Sampled(samples):
                self._collected.sampled(child, samples)
                self._watchdog.spoke(child)
            case Wanted():
                child.tell(self._lessor.lease(message))
            case GivenBack():
                self._lessor.take_back(message)
            case IssuerKeys() | KeysMissed():
                self._keys.heard(message, self._rollout.digests)
            case KeysWanted():
                self._keys.wanted(message, self._compiler)
            case Candidate():
                self._try_out(message)
            case Compiled() | Broken() | Offered() | Activate() | Vacant():
                self._verdicts.put_nowait(message)
            case _:
                self._rollout.heard(child, message)

    def left(self, child: Child) -> None:
        """A process has ended."""
        self._rollout.left(child)
        self._collected.left(child)
        self._watchdog.left(child)

    async def start(self) -> None:
        """Starts everything and puts the first policies in force; ConfigError or PoliciesBroken where that fails.

        Workers start while the policies are compiled, and open their doors when they have them.
        """
        if self._settings.enforcement.is_log_only:
            _log.warning("log-only", why=self._settings.enforcement.warning)
        keepers = (self._background, *self._workers)
        starting: list[asyncio.Task[object]] = [asyncio.create_task(each.start(within=None)) for each in keepers]
        starting.append(asyncio.create_task(self._first_policies()))
        try:
            await asyncio.gather(*starting)
        finally:
            for each in starting:
                each.cancel()
            await asyncio.wait(starting)

    async def run(self) -> None:
        """Keeps everything running, and the policies in step with their folder; never returns."""
        keepers = (self._background, *self._workers)
        await asyncio.gather(self._follow_policies(), self._watchdog.run(), *(each.kept() for each in keepers))

    async def restart_workers(self) -> None:
        """Puts a new process in the place of each worker, one after the other; each new one is ready before."""
        if self._rolling.locked():
            return
        async with self._rolling:
            _log.info("rolling restart", workers=len(self._workers))
            for worker in self._workers:
                try:
                    await worker.replace(self._settings.drain_seconds + STOP_MARGIN)
                except (ConfigError, OSError) as error:
                    _log.error("rolling restart stopped", program=worker.program.name, why=str(error))
                    return
            _log.info("rolling restart done", workers=len(self._workers))

    async def drain(self) -> None:
        """Says that it is not ready, waits, ends the workers, ships what they answered, ends the background process."""
        _log.info("draining")
        self._is_draining = True
        for child in self._rollout.digests:
            self._rollout.leave(child)
        if self._policies.digest:
            await asyncio.sleep(self._settings.drain_delay_seconds)
        within = self._settings.drain_seconds + STOP_MARGIN
        answered = await asyncio.gather(*(worker.stop(within) for worker in self._workers))
        shipped = await self._background.stop(SHIP_SECONDS)
        _log.info("stopped", answered_all=all(answered), shipped_all=shipped)

    async def _first_policies(self) -> None:
        match await self._verdicts.get():
            case Broken(why, is_finding):
                raise PoliciesBroken(why) if is_finding else ConfigError(why)
            case Compiled() as policies:
                if why := await self._rollout.roll_out(policies):
                    raise ConfigError(why)
                self._policies = PolicyStatus(policies.digest, time.time())
            case _:
                _log.info("no policies are in force yet")
                self._rollout.vacate()

    async def _follow_policies(self) -> None:
        while True:
            verdict = await self._verdicts.get()
            while self._settings.policies_source == "folder" and not self._verdicts.empty():
                verdict = self._verdicts.get_nowait()
            if why := await self._obey(verdict):
                _log.error("policies kept", digest=self._policies.digest, why=why)
                self._own.count("magistrate_policy_reloads", result="refused")
                if not isinstance(verdict, Offered):  # whose activation has failed, so that nothing is lacking here
                    self._policies = replace(self._policies, refused=why)

    async def _obey(self, verdict: Compiled | Broken | Offered | Activate | Vacant) -> str:
        """Does as the background process says; why it could not."""
        match verdict:
            case Compiled():
                return await self._take_up(verdict)
            case Broken(why):
                return why
            case Offered(digest, image):
                why = await self._rollout.prepare(Compiled(digest, image))
                if self._compiler is not None:
                    self._compiler.tell(Failed(digest, why) if why else Prepared(digest))
                return why
            case Activate(digest):
                if not self._rollout.change_over(digest):
                    return f"the policies `{digest}` are not prepared"
                self._changed_over(digest)
        return ""

    async def _take_up(self, policies: Compiled) -> str:
        """Puts policies in force; why it could not."""
        if policies.digest == self._rollout.digest:
            self._policies = replace(self._policies, refused="")
            return ""
        if why := await self._rollout.roll_out(policies):
            return why
        self._changed_over(policies.digest)
        return ""

    def _try_out(self, candidate: Candidate) -> None:
        """Has candidate policies tried out, unless they are in force already."""
        if candidate.why:
            _log.error("no candidate is tried out", why=candidate.why)
            self._own.count("magistrate_shadow_faults", reason="refused")
        if candidate.digest and candidate.digest == self._policies.digest:
            candidate = Candidate("", "", b"")
        _log.info("candidate", digest=candidate.digest)
        self._candidate = candidate.digest
        self._candidate_refused = candidate.why
        self._rollout.try_out(candidate)

    def _changed_over(self, digest: str) -> None:
        _log.info("policies activated", digest=digest, before=self._policies.digest)
        self._policies = PolicyStatus(digest, time.time())
        self._own.count("magistrate_policy_reloads", result="activated")
        if digest == self._candidate:
            self._try_out(Candidate("", "", b""))

    def _answers_by(self, worker: Child, digest: str) -> str:
        """What was put in force there, unless it says that it has none: others have taken its place by the feed."""
        return "" if self._collected.gauge(worker, "magistrate_policy_answering") == 0 else digest

    def _count(self) -> Samples:
        for keeper in (self._background, *self._workers):
            process = (("process", keeper.program.name),)
            self._own.counters["magistrate_restarts", process] = keeper.restarts
            self._own.counters["magistrate_hangs", process] = self._watchdog.hung[keeper.program.name]
        self._count_status(self.status)
        self._own.counters["magistrate_log_lines_lost", ()] = lines_lost()
        gauge_process(self._own)
        return self._own

    def _count_status(self, status: Status) -> None:
        policies = status.policies
        self._own.gauges |= {
            "magistrate_ready": float(not status.unready),
            "magistrate_workers_wanted": status.workers_wanted,
            "magistrate_policy_workers": status.workers_in_step,
            "magistrate_policy_refused": float(bool(policies.refused)),
            "magistrate_policy_activated_timestamp_seconds": policies.since,
            "magistrate_shadow_refused": float(bool(status.candidate_refused)),
            "magistrate_log_only": float(bool(status.unenforced)),
        }
        self._own.states = {("magistrate_build_info", VERSIONS): 1.0}
        if policies.digest:
            self._own.states["magistrate_policy_info", (("digest", policies.digest),)] = 1.0
