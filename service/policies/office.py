"""Does what callers ask about policies: each act allowed and recorded by the gate before it is done.

Everything here waits, for the database and for the background process, so threads other than the loop's run it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from policy_lang.types import Json
from policy_lang.values import Ref
from service.desk import Desk, awaited
from service.errors import ActivationFailed, InvalidRequest, MagistrateError, NotFound, Violation
from service.faults import FAULT
from service.model import Caller
from service.permits import BUNDLE, Act, Action
from service.policies.activations import Activation, Activations, State
from service.policies.signing import Signatures
from service.policies.store import BundleStore, Place, Pushed
from service.policies.trials import Trials
from service.policies.verdict import Verdict, read_verdict, write_texts
from service.ports import Clock, Gate, Visitor

ALL: Final = "*"
"""The id of all bundles."""


@dataclass(frozen=True, slots=True)
class Offered:
    """Policies as a caller brings them: path → text, words about them, a signature."""

    texts: Mapping[str, str]
    message: str
    signature: bytes | None


class Change(NamedTuple):
    """What is put in force, and as the record calls that."""

    name: str
    digest: str


class PolicyOffice:
    """The acts of PolicyService. `within` is in seconds; DeadlineExceeded where that was not enough."""

    def __init__(
        self,
        *,
        gate: Gate,
        store: BundleStore,
        activations: Activations,
        trials: Trials,
        desk: Desk,
        signatures: Signatures,
        clock: Clock,
    ) -> None:
        self._gate = gate
        self._store = store
        self._activations = activations
        self._trials = trials
        self._desk = desk
        self._signatures = signatures
        self._clock = clock

    def validate(self, caller: Caller, texts: Mapping[str, str], within: float) -> Verdict:
        """What checking the texts comes to; nothing is kept."""
        self._gate.admit(caller).require([Act(Action.POLICY_VALIDATE, Ref(BUNDLE, ALL))])
        return self._judged(texts, within)

    def push(self, caller: Caller, offered: Offered, within: float) -> tuple[Verdict, bool]:
        """Keeps policies that may be used: what checking came to, and whether they are new. BundleRefused."""
        visitor = self._gate.admit(caller)
        _turn_away(visitor, Action.POLICY_PUSH, ALL)
        verdict = self._judged(offered.texts, within)
        if not verdict.digest:
            return verdict, False
        self._signatures.check(verdict.digest, offered.signature)
        visitor.require([Act(Action.POLICY_PUSH, Ref(BUNDLE, verdict.digest), details={"message": offered.message})])
        by = str(caller.principal.ref)
        pushed = Pushed(verdict.digest, by, self._clock(), offered.message, offered.signature)
        is_new = self._store.put(pushed, offered.texts)
        if not is_new and offered.signature is not None and self._signatures.are_wanted:
            # It may have been pushed before signatures were wanted, or be signed by a key of former times.
            self._store.sign(verdict.digest, offered.signature)
        return verdict, is_new

    def activate(self, caller: Caller, digest: str, within: float) -> Activation:
        """Puts pushed policies in force; NotFound, BundleRefused, ActivationUnderWay, ActivationFailed."""
        visitor = self._gate.admit(caller)
        _turn_away(visitor, Action.POLICY_ACTIVATE, digest)
        return self._put_in_force(visitor, caller, Change("activate", self._store.resolve(digest)), within)

    def rollback(self, caller: Caller, within: float) -> Activation:
        """Puts in force again what was before; NotFound where nothing was, else as `activate`."""
        visitor = self._gate.admit(caller)
        _turn_away(visitor, Action.POLICY_ACTIVATE, ALL)
        return self._put_in_force(visitor, caller, Change("rollback", self._activations.former()), within)

    def try_out(self, caller: Caller, digest: str) -> str:
        """Has pushed policies tried out beside others that are in force: their digest. NotFound, BundleRefused."""
        visitor = self._gate.admit(caller)
        _turn_away(visitor, Action.POLICY_ACTIVATE, digest)
        found = self._store.resolve(digest)
        pushed, _ = self._store.fetch(found)
        self._signatures.check(found, pushed.signature)
        if found == self._activations.standing().active:
            raise InvalidRequest([Violation("digest", "these policies are in force")])
        self._require_trial(visitor, found)
        self._trials.begin(found, str(caller.principal.ref), self._clock())
        return found

    def try_none(self, caller: Caller) -> None:
        """Has no policies tried out any more."""
        self._require_trial(self._gate.admit(caller), "")
        self._trials.end()

    def tried_out(self, caller: Caller) -> str:
        """The digest of the policies that are tried out; empty for none."""
        self._gate.admit(caller).require([Act(Action.POLICY_VALIDATE, Ref(BUNDLE, ALL))])
        return self._trials.digest()

    def _require_trial(self, visitor: Visitor, digest: str) -> None:
        change = "shadow" if digest else "shadow off"
        details: dict[str, Json] = {"change": change, "before": self._trials.digest()}
        visitor.require([Act(Action.POLICY_ACTIVATE, Ref(BUNDLE, digest or ALL), details=details)])

    def bundles(self, caller: Caller, limit: int, before: Place | None) -> tuple[Sequence[Pushed], str]:
        """A page of the bundles, and the digest of what is in force."""
        self._gate.admit(caller).require([Act(Action.POLICY_VALIDATE, Ref(BUNDLE, ALL))])
        return self._store.newest(limit, before), self._activations.standing().active

    def bundle(self, caller: Caller, digest: str) -> tuple[Pushed, Mapping[str, str], bool]:
        """Pushed policies, path → text, and whether they are in force; without a digest those that are. NotFound."""
        visitor = self._gate.admit(caller)
        _turn_away(visitor, Action.POLICY_VALIDATE, digest or ALL)
        active = self._activations.standing().active
        if not digest and not active:
            raise NotFound("no policies are in force")
        found = self._store.resolve(digest) if digest else active
        visitor.require([Act(Action.POLICY_VALIDATE, Ref(BUNDLE, found))])
        return *self._store.fetch(found), found == active

    def history(self, caller: Caller, limit: int, before: int | None) -> Sequence[Activation]:
        """A page of the activations."""
        self._gate.admit(caller).require([Act(Action.POLICY_VALIDATE, Ref(BUNDLE, ALL))])
        return self._activations.newest(limit, before)

    def _judged(self, texts: Mapping[str, str], within: float) -> Verdict:
        verdict = read_verdict(self._desk.outcome(write_texts(texts), within))
        if verdict is None:
            raise MagistrateError(FAULT)
        return verdict

    def _put_in_force(self, visitor: Visitor, caller: Caller, change: Change, within: float) -> Activation:
        digest = change.digest
        pushed, _ = self._store.fetch(digest)
        self._signatures.check(digest, pushed.signature)
        details: dict[str, Json] = {"change": change.name, "before": self._activations.standing().active}
        visitor.require([Act(Action.POLICY_ACTIVATE, Ref(BUNDLE, digest), details=details)])
        # Less than there is, so that the caller still hears which replica was waited for in vain.
        begun = self._activations.begin(digest, str(caller.principal.ref), within * 0.8)

        def ended() -> Activation | None:
            now = self._activations.settle(begun.number)
            return None if now.state is State.PREPARING else now

        found = awaited(ended, within, "the activation has not ended in time")
        if found.state is State.FAILED:
            raise ActivationFailed(f"the policies `{digest}` were not put in force: {found.why}")
        return found


def _turn_away(visitor: Visitor, action: Action, digest: str) -> None:
    """Raises, recorded, for a caller that may not do it at all: what there is stays unknown to it."""
    if not visitor.may(action, None):
        visitor.require([Act(action, Ref(BUNDLE, digest))])
