"""Follows the store from the background process: checks what workers lay down, loads what is to be in force.

Law: what is in the store is not trusted for being there: its digest is computed anew, and its signature checked, before
anything is made of it.
"""

import threading
from time import monotonic
from typing import Final, Protocol

from policy_lang.diagnostics import PolicyError
from service.desk import Asked, Desk
from service.errors import BundleRefused, ConfigError, FactsUnavailable, MagistrateError, NotFound
from service.faults import FAULT, Faults
from service.policies.activations import Activation, Activations
from service.policies.signing import Signatures
from service.policies.store import BundleStore
from service.policies.trials import Trials
from service.policies.verdict import Verdict, judge, read_texts, write_verdict
from service.policies.watching import Fit, Fits, anywhere, compile_texts
from service.telemetry import get_log

LOOK_SECONDS: Final = 0.1
BEAT_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 10.0
"""Until what could not be loaded is tried again: what was in the way may be gone."""

_log = get_log("policies")


class Workers(Protocol):
    """The workers of this replica, as far as policies go."""

    def vacant(self) -> None:
        """Tells them that no policies are in force yet."""
        ...

    def refuse(self, why: str) -> None:
        """Tells why what is in force cannot be loaded, which ends a start."""
        ...

    def take_up(self, policies: Fit) -> None:
        """Has them answer by these policies as soon as they can."""
        ...

    def prepare(self, policies: Fit) -> str:
        """Has them load the policies beside those in force; why one cannot, empty if all have."""
        ...

    def activate(self, digest: str) -> None:
        """Puts in force what they prepared last."""
        ...

    def try_out(self, candidate: Fit | None, why: str = "") -> None:
        """Has them try policies out beside those in force; or none, and why, where that is a fault."""
        ...


class StoreFollower:
    """One replica's part in the activations."""

    def __init__(
        self,
        replica: str,
        *,
        store: BundleStore,
        activations: Activations,
        trials: Trials,
        desk: Desk,
        signatures: Signatures,
        workers: Workers,
        fits: Fits = anywhere,
    ) -> None:
        self._replica = replica
        self._store = store
        self._activations = activations
        self._desk = desk
        self._signatures = signatures
        self._workers = workers
        self._fits = fits
        self._trials = trials
        self._tried = ""
        self._active = ""
        """What is in force and was taken up; empty where that failed."""
        self._refused = ""
        self._retry_at = 0.0
        self._prepared = ""
        self._answered = 0

    def run(self, stop: threading.Event) -> None:
        """Follows until `stop` is set; FactsUnavailable if the store does not answer at the start."""
        self._activations.beat(self._replica)
        beating = threading.Thread(target=self._beat, args=(stop,), name="heartbeat", daemon=True)
        beating.start()
        self._start()
        while not stop.wait(LOOK_SECONDS):
            try:
                self.look()
            except FactsUnavailable as error:
                _log.warning("the policy store does not answer", cause=str(error))
        beating.join()

    def look(self) -> None:
        """Does what is to be done now."""
        if (asked := self._desk.next()) is not None:
            self._desk.answer(asked.id, write_verdict(_judged(asked)))
        standing = self._activations.standing()
        if standing.active != self._active and not self._is_put_off(standing.active):
            self._follow(standing.active)
        if standing.preparing is not None:
            self._take_part(standing.preparing)
        self._follow_trial(self._trials.digest())

    def _start(self) -> None:
        active = self._activations.standing().active
        if not active:
            self._workers.vacant()
            return
        policies, why = self._compile(active)
        if policies is None:
            self._refuse(active, why)
            return
        self._workers.take_up(policies)
        self._active = active

    def _follow(self, active: str) -> None:
        """Other policies are in force. Those that were prepared here only change over; others have to be loaded.

        FactsUnavailable leaves it to the next look.
        """
        why = "" if self._prepared == active else self._prepare(active)
        self._prepared = ""
        if why:
            self._refuse(active, why)
            return
        self._workers.activate(active)
        self._active = active

    def _refuse(self, active: str, why: str) -> None:
        self._workers.refuse(f"the policies in force cannot be loaded: {why}")
        self._active, self._refused, self._retry_at = "", active, monotonic() + RETRY_SECONDS

    def _is_put_off(self, active: str) -> bool:
        return active == self._refused and monotonic() < self._retry_at

    def _prepare(self, digest: str) -> str:
        """Has the workers load these policies; why that cannot be, empty if all have."""
        policies, why = self._compile(digest)
        why = why if policies is None else self._workers.prepare(policies)
        self._prepared = "" if why else digest
        return why

    def _take_part(self, activation: Activation) -> None:
        if activation.number != self._answered:
            why = self._prepare(activation.digest)
            self._activations.acknowledge(activation.number, self._replica, why)
            self._answered = activation.number
        self._activations.settle(activation.number)

    def _follow_trial(self, digest: str) -> None:
        if digest == self._tried:
            return
        self._workers.try_out(*(self._compile(digest) if digest else (None, "")))
        self._tried = digest

    def _compile(self, digest: str) -> tuple[Fit | None, str]:
        """The compiled policies, or why there are none."""
        with Faults("policies.fault", but=(MagistrateError,), digest=digest):
            return self._try_to_compile(digest)
        return None, FAULT

    def _try_to_compile(self, digest: str) -> tuple[Fit | None, str]:
        try:
            pushed, texts = self._store.fetch(digest)
            self._signatures.check(digest, pushed.signature)
            policies = compile_texts(texts, self._fits)
        except PolicyError as error:
            return None, f"they may not be used by this version: {error.diagnostics[0].message}"
        except (BundleRefused, NotFound, ConfigError) as error:
            return None, str(error)
        if policies.digest != digest:
            return None, f"the texts in the store are those of `{policies.digest}`"
        return policies, ""

    def _beat(self, stop: threading.Event) -> None:
        while not stop.wait(BEAT_SECONDS):
            try:
                self._activations.beat(self._replica)
            except MagistrateError as error:
                _log.warning("no heartbeat", cause=str(error))
        try:
            self._activations.leave(self._replica)
        except MagistrateError as error:
            _log.warning("the heartbeat ends by itself", cause=str(error))


def _judged(asked: Asked) -> Verdict | None:
    """The verdict on policies that were laid down; None where a fault is in the way of one."""
    with Faults("policies.fault", id=asked.id):
        return judge(read_texts(asked.question))
    return None
