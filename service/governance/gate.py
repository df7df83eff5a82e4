"""Lets callers in to what is not a question: reads and changes of the service itself, each allowed, recorded, done.

Law: what is allowed is recorded before it is done; what cannot be recorded is not done. A refusal says what is lacking
and nothing of what it was about: whether something is there is for those who may read it. Nobody gives or lends what he
does not hold, nor for longer than he holds it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from policy_lang.schema import Schema
from policy_lang.values import Ref
from service.errors import NoPolicies, PermissionDenied
from service.governance.module import held_by, holds_all, may_give
from service.governance.records import act_record
from service.model import Caller, DecisionRecord, Principal
from service.permits import PREFIX, Act, Action, Holding, Permits
from service.ports import Clock, FactStore, Governance, PatientRecorder, Policies

_NO_SCHEMA: Final = Schema({}, {}, {}, {}, {})
"""Without a bundle: what a caller holds itself is known, what is above it is not."""
_NOTHING: Final = Holding(lambda _: Permits())


class Gate:
    """Admits callers. Its methods do I/O; any thread may run them if the recorder lets it."""

    def __init__(
        self, *, governance: Governance, policies: Policies, facts: FactStore, recorder: PatientRecorder, clock: Clock
    ) -> None:
        self._governance = governance
        self._policies = policies
        self._facts = facts
        self._recorder = recorder
        self._clock = clock

    def admit(self, caller: Caller, lent: Ref | None = None) -> "Visitor":
        """The caller with its permits, and those of who would be lent; FactsUnavailable if they cannot be read now."""
        schema, now = self._schema(), self._clock()
        with self._facts.snapshot(schema) as snapshot:
            own = self._governance.holding(caller, schema, snapshot)
            theirs = _NOTHING if lent is None else self._governance.holding(_bare(lent), schema, snapshot)
            return Visitor(caller, Seen(own, theirs, now, snapshot.revision), self._recorder, self._clock)

    def _schema(self) -> Schema:
        try:
            return self._policies.active().bundle.program.schema
        except NoPolicies:
            return _NO_SCHEMA


@dataclass(frozen=True, slots=True)
class Seen:
    """What the gate has seen: what a caller holds, and what he whom it would lend; `now`, from that revision on."""

    own: Holding
    theirs: Holding
    now: int
    revision: str

    def may_lend(self, until: int | None) -> bool:
        """Whether the caller may do so long all that the other one may."""
        return all(holds_all(self.own.at(moment), self.theirs.at(moment)) for moment in self._moments(until))

    def may_give(self, grant: str, tenant: Ref | None, until: int | None) -> bool:
        """Whether the caller holds that so long."""
        return all(may_give(self.own.at(moment).at(tenant), grant) for moment in self._moments(until))

    def may_check_as(self, principal_type: str, tenant: Ref | None, until: int | None) -> bool:
        """Whether the caller may name principals of that type so long."""
        return all(self.own.at(moment).at(tenant).may_check_as(principal_type) for moment in self._moments(until))

    def _moments(self, until: int | None) -> Iterator[int]:
        """Now, and each moment before then from which the caller holds less."""
        yield self.now
        yield from (end for end in self.own.ends if self.now < end and (until is None or end < until))


class Visitor:
    """A caller at the gate (`ports.Visitor`)."""

    def __init__(self, caller: Caller, seen: Seen, recorder: PatientRecorder, clock: Clock) -> None:
        self._caller = caller
        self._seen = seen
        self._permits = seen.own.at(seen.now)
        self._recorder = recorder
        self._clock = clock

    def may(self, action: Action, tenant: Ref | None) -> bool:
        """Whether it may do that to what is of the tenant; nothing is recorded."""
        return self._permits.at(tenant).may(action)

    def may_as(self, principal_type: str) -> bool:
        """Whether it may name principals of that type on its own word; nothing is recorded."""
        return self._permits.at(None).may_check_as(principal_type)

    def require_somewhere(self, act: Act) -> None:
        """Returns where the action is held at all, and records nothing; else PermissionDenied, recorded."""
        if not self._permits.somewhere.may(act.action):
            self._refuse(act, self._clock())

    def require(self, acts: Sequence[Act]) -> None:
        """Returns when it may do all of them and that is recorded; else PermissionDenied, recorded too."""
        now = self._clock()
        for act in acts:
            if not self._is_permitted(act):
                self._refuse(act, now)
        self._recorder.record([self._record(act, self._permitting(act), now) for act in acts])

    def _refuse(self, act: Act, now: int) -> None:
        self._recorder.record([self._record(act, (), now)])
        raise PermissionDenied(act.action.value, _lack(act))

    def _is_permitted(self, act: Act) -> bool:
        held = self._permits.at(act.tenant)
        if act.lent and not self._seen.may_lend(act.until):
            return False
        if act.action is Action.CHECK_AS:
            return self._seen.may_check_as(act.resource.type, act.tenant, act.until)
        return held.may(act.action) and (act.grant is None or self._seen.may_give(act.grant, act.tenant, act.until))

    def _permitting(self, act: Act) -> tuple[str, ...]:
        """The roles of the module by which it may."""
        grants = sorted(self._permits.at(act.tenant).grants)
        return tuple(PREFIX + grant for grant in grants if (held := held_by(grant)) and held.may(act.action))

    def _record(self, act: Act, rules: tuple[str, ...], now: int) -> DecisionRecord:
        return act_record(self._caller, act, rules=rules, now=now, revision=self._seen.revision)


def _bare(principal: Ref) -> Caller:
    """The principal by no credential: what it holds by assignment alone."""
    return Caller(Principal(principal), "")


def _lack(act: Act) -> str:
    """Says nothing of what was asked about: what is not there and what is another tenant's read the same."""
    if act.lent:
        return (
            f"the caller may not `{act.action.value}` here, or does not hold all that the principal holds, for as long"
        )
    if act.action is Action.CHECK_AS:
        return f"the caller may not `{act.action.value}` here, or not for as long"
    if act.grant is None:
        return f"the caller may not `{act.action.value}` here"
    return f"the caller may not `{act.action.value}` here, or does not hold the role itself, for as long"
