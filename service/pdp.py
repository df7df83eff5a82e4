"""The decision point: verify, admit, fetch, decide, record.

A refusal by the policies is a Decision; an error is never one. Nothing is answered that is not recorded.
"""

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter_ns
from typing import Final

from uuid_utils import uuid7

from policy_lang.decision import ALLOWED, DENIED, RESERVED_CODES, Decision, Effect
from policy_lang.explanation import Explanation, explain
from policy_lang.facts import Facts
from policy_lang.gather import gather
from policy_lang.schema import Schema
from policy_lang.timezones import TZDATA
from policy_lang.values import Ref
from service.admission import check_assertions, check_form, check_permits, check_scopes
from service.emergency import needed_grant
from service.enforcement import LogOnly
from service.errors import InvalidRequest, MagistrateError, PermissionDenied, Unauthenticated
from service.model import (
    ActivePolicies,
    Answer,
    Answers,
    Asked,
    Batch,
    Caller,
    CheckRequest,
    DecisionRecord,
    Flip,
    Known,
    Principal,
    Proposed,
    RecordKind,
    Refused,
)
from service.permits import Action, Held, Permits
from service.ports import Authenticator, Clock, FactStore, Governance, Policies, Recorder, Snapshot
from service.questions import Kinds, Questions
from service.recording.contents import Content, Contents
from service.unasked import unasked_record


class DecisionPoint:
    """Decides questions. Only `fetch` does I/O beside the record's one write; a door may run it in a thread."""

    def __init__(
        self,
        *,
        authenticator: Authenticator,
        governance: Governance,
        policies: Policies,
        facts: FactStore,
        recorder: Recorder,
        clock: Clock,
        contents: Contents | None = None,
        log_only: LogOnly | None = None,
    ) -> None:
        self._authenticator = authenticator
        self._governance = governance
        self._policies = policies
        self._facts = facts
        self._recorder = recorder
        self._clock = clock
        self._contents = contents or Contents()
        self._log_only = log_only
        self._kinds: Kinds | None = None

    def check(self, token: str, request: CheckRequest) -> Answers:
        """The answer to one question, as a batch of one."""
        return self.check_many(token, (request,))

    def check_many(self, token: str, requests: Sequence[CheckRequest]) -> Answers:
        """The answers, in order; Unauthenticated, FactsUnavailable, AuditUnavailable or NoPolicies fail them all."""
        caller = self.verify(token)
        batch = self.admit(caller, requests)
        known = self.fetch(batch)
        answers = self.record(batch, known, self.decide(batch, known))
        if answers.keeping is not None:
            answers.keeping.wait()
        return answers

    def verify(self, token: str) -> Caller:
        """The caller whose credential this is; Unauthenticated if it does not verify."""
        return self._authenticator.caller(token, self._clock())

    def admit(self, caller: Caller, requests: Sequence[CheckRequest | MagistrateError]) -> Batch:
        """The questions that the requests make, all under one bundle and time; errors that came in keep their place."""
        return self._admit(self._policies.active(), caller, requests, self._clock())

    def admit_by(self, policies: ActivePolicies, batch: Batch, known: Known) -> Batch:
        """The admitted questions of a batch as other policies would have them, at the same time."""
        asked = [
            item.request
            for item, settled in zip(batch.items, known.items, strict=False)
            if isinstance(item, Proposed) and isinstance(settled, Asked)
        ]
        return self._admit(policies, batch.caller, asked, batch.now)

    def _admit(
        self, policies: ActivePolicies, caller: Caller, requests: Sequence[CheckRequest | MagistrateError], now: int
    ) -> Batch:
        started = perf_counter_ns()
        questions = Questions(self._kinds_of(policies.bundle.program.schema), now)

        def item(request: CheckRequest | MagistrateError) -> Proposed | MagistrateError:
            if isinstance(request, MagistrateError):
                return request
            try:
                check_form(request)
            except InvalidRequest as error:
                return error
            try:
                principal = self._principal(request, caller, now)
                return Proposed(request, questions.of(request, principal), principal.evidence)
            except (InvalidRequest, Unauthenticated) as error:
                return Proposed(request, error)

        return Batch(caller, policies, now, started, tuple([item(request) for request in requests]))

    def admit_explanation(self, caller: Caller, request: CheckRequest) -> Batch:
        """As `admit`, for a question whose answer shows every rule: only callers with `read_reasons` may ask it."""
        return replace(self.admit(caller, (request,)), shows_rules=True)

    def admit_again(self, batch: Batch, caller: Caller) -> Batch:
        """The batch as it is now, after something was fetched that may change whom its tokens name."""
        requests = [item.request if isinstance(item, Proposed) else item for item in batch.items]
        return replace(self.admit(caller, requests), shows_rules=batch.shows_rules, started=batch.started)

    def fetch(self, batch: Batch, timeout_ms: int | None = None) -> Known:
        """What the caller may ask, and the facts of that; one read per source and reference step, each in `timeout_ms`.

        A caller that may ask nothing of this learns nothing: its permits stand before every other fault.
        """
        schema = batch.policies.bundle.program.schema
        with self._facts.snapshot(schema, timeout_ms=timeout_ms) as snapshot:
            return self.know(batch, snapshot)

    def know(self, batch: Batch, snapshot: Snapshot) -> Known:
        """As `fetch`, from a snapshot that is open."""
        schema = batch.policies.bundle.program.schema
        permits = self._governance.permits(batch.caller, schema, snapshot, batch.now)
        items = tuple([_settled(item, permits.somewhere, batch) for item in batch.items])
        questions = [item.question for item in items if isinstance(item, Asked)]
        known = Known(items, tuple(gather(questions, batch.policies.compiled, snapshot)), snapshot.revision)
        return _scoped(known, batch, permits) if permits.is_scoped else known

    def decide(self, batch: Batch, known: Known) -> tuple[Decision, ...]:
        """The decisions of the admitted questions, in their order."""
        compiled = batch.policies.compiled
        return tuple([compiled.decide(facts) for facts in known.facts])

    def effects(self, known: Known, decisions: Sequence[Decision]) -> tuple[Effect, ...]:
        """What each decision will be answered with."""
        log_only = self._log_only
        if log_only is None:
            return tuple([decision.effect for decision in decisions])
        types = [facts.question.resource.type for facts in known.facts]
        return tuple([log_only.effect(type_, each.effect) for type_, each in zip(types, decisions, strict=True)])

    def explain(self, batch: Batch, known: Known) -> tuple[Explanation, ...]:
        """How each admitted question is answered, by which rules, and what would flip it; none where it is refused."""
        policies = batch.policies
        return tuple(explain(facts, policies.interpreter, policies.compiled) for facts in known.facts)

    def record(
        self, batch: Batch, known: Known, decisions: Sequence[Decision], flips: Sequence[Flip | None] = ()
    ) -> Answers:
        """Writes the record of the whole batch, then gives the answers; AuditUnavailable gives none.

        `flips` are what candidate policies decided otherwise, of each decision, or nothing where none were asked.
        Who tells them waits for their `keeping` before.
        """
        records: list[DecisionRecord] = []
        items: list[Answer | MagistrateError] = []
        decided, flipped = iter(zip(known.facts, decisions, strict=True)), iter(flips)
        duration_us = (perf_counter_ns() - batch.started) // 1000
        for item in known.items:
            match item:
                case Asked():
                    facts, decision = next(decided)
                    content = self._contents.of(batch.policies, facts, decision)
                    record = _decision_record(
                        batch, item, facts, decision, content=content, revision=known.revision, duration_us=duration_us
                    )
                    shown = decision if item.may_read_reasons else _hidden(decision)
                    answer = Answer(item.request_id, record.id, shown)
                    if facts.assignments and (grant := needed_grant(batch.policies.compiled, facts, decision)):
                        record = replace(record, break_glass=grant)
                        answer = replace(answer, break_glass=grant if item.may_read_reasons else "")
                    if self._log_only is not None and self._log_only.covers(facts.question.resource.type):
                        answer, record = self._log_only.waive(answer, record)
                    if flips:
                        record = replace(record, flip=next(flipped))
                    items.append(answer)
                    records.append(record)
                case Refused():
                    items.append(item.error)
                    records.append(_refusal_record(batch, item, known.revision, duration_us))
                case MagistrateError():
                    items.append(item)
        keeping = self._recorder.record(records) if records else None
        return Answers(tuple(items), batch.policies.digest, known.revision, batch.now, keeping)

    def _kinds_of(self, schema: Schema) -> Kinds:
        """Those of the schema that was asked by last; beside candidate policies they change to and fro."""
        if self._kinds is None or self._kinds.schema is not schema:
            self._kinds = Kinds(schema)
        return self._kinds

    def _principal(self, request: CheckRequest, caller: Caller, now: int) -> Principal:
        if request.principal_token is not None:
            return self._authenticator.principal(request.principal_token, now)
        if request.principal is not None:
            return Principal(request.principal.ref)
        return caller.principal


def _settled(item: Proposed | MagistrateError, held: Held, batch: Batch) -> Asked | Refused | MagistrateError:
    """The item as what is held leaves it."""
    if isinstance(item, MagistrateError):
        return item
    request, outcome = item.request, item.outcome
    try:
        if batch.caller.bounds is not None:
            check_scopes(request, batch.caller.bounds.scopes)
        check_permits(request, held)
        if isinstance(outcome, InvalidRequest):
            return outcome
        if isinstance(outcome, Unauthenticated):
            return Refused(request, outcome)
        check_assertions(request, held)
        may_read = held.may(Action.READ_REASONS)
        if batch.shows_rules and not may_read:
            raise PermissionDenied("read_reasons", "the caller may not read reasons")
    except PermissionDenied as error:
        return Refused(request, error)
    return Asked(request.request_id, outcome, may_read, item.evidence)


def _scoped(known: Known, batch: Batch, permits: Permits) -> Known:
    """What is left where permits are held at tenants: for each question counts what is held at its resource's."""
    facts = iter(known.facts)
    kept: list[Facts] = []
    items: list[Asked | Refused | MagistrateError] = []
    for proposed, item in zip(batch.items, known.items, strict=True):
        if not isinstance(item, Asked):
            items.append(item)
            continue
        found = next(facts)
        settled = _settled(proposed, permits.at(_tenant(batch, found)), batch)
        kept += [found] if isinstance(settled, Asked) else []
        items.append(settled)
    return replace(known, items=tuple(items), facts=tuple(kept))


def _hidden(decision: Decision) -> Decision:
    """What a caller without `read_reasons` may see of it: answers are an oracle too (identity.md)."""
    if decision.hide or decision.code in _INFORMING_CODES:
        return Decision(decision.effect, DENIED)
    return replace(decision, reasons=(), missing=())


_INFORMING_CODES: Final = RESERVED_CODES - {ALLOWED, DENIED}


def _decision_record(
    batch: Batch,
    asked: Asked,
    facts: Facts,
    decision: Decision,
    *,
    content: Content,
    revision: str,
    duration_us: int,
) -> DecisionRecord:
    question, caller = facts.question, batch.caller
    # By place, in the order of the fields: by name, Python looks each up, which was 1 µs of a check's 24 in a batch.
    return DecisionRecord(
        str(uuid7()),
        RecordKind.DECISION,
        batch.now,
        asked.request_id,
        caller.principal.ref,
        question.principal,
        question.action,
        question.resource,
        _tenant(batch, facts),
        decision.effect,
        decision.code,
        tuple([reason.rule_id for reason in decision.reasons]),
        decision.missing,
        content.obligations,
        decision.hide,
        decision.shadow_effect,
        content.inputs,
        batch.policies.digest,
        revision,
        duration_us,
        TZDATA,
        caller.origin,
        caller.principal.evidence,
        asked.evidence,
        content.masked,
        content.found_by,
    )


def _refusal_record(batch: Batch, refused: Refused, revision: str, duration_us: int) -> DecisionRecord:
    request, error = refused.request, refused.error
    named = Principal(request.principal.ref) if request.principal else batch.caller.principal
    lacking = error.permission.upper() if isinstance(error, PermissionDenied) else "PRINCIPAL_TOKEN"
    record = unasked_record(
        batch.caller, request.action, request.resource.ref, time=batch.now, code=lacking, revision=revision
    )
    return replace(
        record,
        request_id=request.request_id,
        principal=named.ref,
        principal_evidence=named.evidence,
        policy_digest=batch.policies.digest,
        duration_us=duration_us,
    )


def _tenant(batch: Batch, facts: Facts) -> Ref | None:
    schema, resource = batch.policies.bundle.program.schema, facts.question.resource
    if schema.types[resource.type].is_tenant:
        return resource
    attribute = schema.tenant_attributes.get(resource.type)
    if attribute is None or facts.resource_cells is None:
        return None
    tenant = facts.resource_cells[attribute]
    return tenant if isinstance(tenant, Ref) else None
