"""The decision point: verify, admit, fetch, decide, record.

A refusal by the policies is a Decision; an error is never one. Nothing is answered that is not recorded.
"""

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter_ns
from typing import Final

from uuid_utils import uuid7

from policy_lang.decision import ALLOWED, DENIED, RESERVED_CODES, Decision, Effect
from policy_lang.facts import Facts
from policy_lang.gather import gather
from policy_lang.interpreter import RuleTrace
from policy_lang.values import Ref
from service.admission import check_form, check_permits, question_of
from service.errors import InvalidRequest, MagistrateError, PermissionDenied, Unauthenticated
from service.model import (
    Answer,
    Answers,
    Asked,
    Batch,
    Caller,
    CheckRequest,
    DecisionRecord,
    Known,
    Permits,
    Principal,
    RecordKind,
    Refused,
)
from service.ports import Authenticator, Clock, FactStore, Policies, Recorder


class DecisionPoint:
    """Decides questions. Only `fetch` does I/O beside the record's one write; a door may run it in a thread."""

    def __init__(
        self, *, authenticator: Authenticator, policies: Policies, facts: FactStore, recorder: Recorder, clock: Clock
    ) -> None:
        self._authenticator = authenticator
        self._policies = policies
        self._facts = facts
        self._recorder = recorder
        self._clock = clock

    def check(self, token: str, request: CheckRequest) -> Answers:
        """The answer to one question, as a batch of one."""
        return self.check_many(token, (request,))

    def check_many(self, token: str, requests: Sequence[CheckRequest]) -> Answers:
        """The answers, in order; Unauthenticated, FactsUnavailable, AuditUnavailable or NoPolicies fail them all."""
        caller = self.verify(token)
        batch = self.admit(caller, requests)
        known = self.fetch(batch)
        decisions = self.decide(batch, known)
        return self.record(batch, known, decisions)

    def verify(self, token: str) -> Caller:
        """The caller whose credential this is; Unauthenticated if it does not verify."""
        return self._authenticator.caller(token, self._clock())

    def admit(self, caller: Caller, requests: Sequence[CheckRequest | MagistrateError]) -> Batch:
        """The questions as they may be asked, all under one bundle and time; errors that came in keep their place."""
        started, now, policies = perf_counter_ns(), self._clock(), self._policies.active()
        schema = policies.bundle.program.schema

        def item(request: CheckRequest | MagistrateError) -> Asked | Refused | MagistrateError:
            if isinstance(request, MagistrateError):
                return request
            try:
                check_form(request)
                check_permits(request, caller)
                principal = self._principal(request, caller, now)
                question = question_of(request, principal=principal, caller=caller, schema=schema, now=now)
            except (PermissionDenied, Unauthenticated) as error:
                return Refused(request, error)
            except InvalidRequest as error:
                return error
            return Asked(request.request_id, question)

        return Batch(caller, policies, now, started, tuple([item(request) for request in requests]))

    def admit_explanation(self, caller: Caller, request: CheckRequest) -> Batch:
        """As `admit`, for a question whose answer shows every rule: only callers with `read_reasons` may ask it."""
        batch = self.admit(caller, (request,))
        if caller.permits.read_reasons or not isinstance(batch.items[0], Asked):
            return batch
        error = PermissionDenied("read_reasons", "the caller may not read reasons")
        return replace(batch, items=(Refused(request, error),))

    def fetch(self, batch: Batch, timeout_ms: int | None = None) -> Known:
        """The facts of the admitted questions, one read per source and reference step, each within `timeout_ms`."""
        questions = [item.question for item in batch.items if isinstance(item, Asked)]
        schema = batch.policies.bundle.program.schema
        with self._facts.snapshot(schema, timeout_ms=timeout_ms) as snapshot:
            return Known(tuple(gather(questions, batch.policies.compiled, snapshot)), snapshot.revision)

    def decide(self, batch: Batch, known: Known) -> tuple[Decision, ...]:
        """The decisions of the admitted questions, in their order."""
        compiled = batch.policies.compiled
        return tuple([compiled.decide(facts) for facts in known.facts])

    def explain(self, batch: Batch, known: Known) -> tuple[tuple[RuleTrace, ...], ...]:
        """Every rule in play for each admitted question, and what became of it."""
        return tuple(batch.policies.interpreter.explain(facts) for facts in known.facts)

    def record(self, batch: Batch, known: Known, decisions: Sequence[Decision]) -> Answers:
        """Writes the record of the whole batch, then gives the answers; AuditUnavailable gives none."""
        records: list[DecisionRecord] = []
        items: list[Answer | MagistrateError] = []
        decided = iter(zip(known.facts, decisions, strict=True))
        duration_us = (perf_counter_ns() - batch.started) // 1000
        for item in batch.items:
            match item:
                case Asked():
                    facts, decision = next(decided)
                    record = _decision_record(batch, item.request_id, facts, decision, known.revision, duration_us)
                    items.append(Answer(item.request_id, record.id, _shown(decision, batch.caller.permits)))
                    records.append(record)
                case Refused():
                    items.append(item.error)
                    records.append(_refusal_record(batch, item, known.revision, duration_us))
                case MagistrateError():
                    items.append(item)
        if records:
            self._recorder.record(records)
        return Answers(tuple(items), batch.policies.digest, known.revision, batch.now)

    def _principal(self, request: CheckRequest, caller: Caller, now: int) -> Principal:
        if request.principal_token is not None:
            return self._authenticator.principal(request.principal_token, now)
        if request.principal is not None:
            return Principal(request.principal.ref)
        return caller.principal


def _shown(decision: Decision, permits: Permits) -> Decision:
    """What the caller may see of it: answers are an oracle too (identity.md)."""
    if permits.read_reasons:
        return decision
    if decision.hide or decision.code in _INFORMING_CODES:
        return Decision(decision.effect, DENIED)
    return replace(decision, reasons=(), missing=())


_INFORMING_CODES: Final = RESERVED_CODES - {ALLOWED, DENIED}


def _decision_record(
    batch: Batch, request_id: str, facts: Facts, decision: Decision, revision: str, duration_us: int
) -> DecisionRecord:
    policies, question = batch.policies, facts.question
    return DecisionRecord(
        id=str(uuid7()),
        kind=RecordKind.DECISION,
        time=batch.now,
        request_id=request_id,
        caller=batch.caller.principal.ref,
        principal=question.principal,
        action=question.action,
        resource=question.resource,
        tenant=_tenant(batch, facts),
        effect=decision.effect,
        code=decision.code,
        rules=tuple([reason.rule_id for reason in decision.reasons]),
        missing=decision.missing,
        obligations=decision.obligations,
        hide=decision.hide,
        shadow_effect=decision.shadow_effect,
        inputs=policies.compiled.inputs(facts),
        policy_digest=policies.digest,
        revision=revision,
        duration_us=duration_us,
    )


def _refusal_record(batch: Batch, refused: Refused, revision: str, duration_us: int) -> DecisionRecord:
    request, error = refused.request, refused.error
    named = request.principal.ref if request.principal else batch.caller.principal.ref
    return DecisionRecord(
        id=str(uuid7()),
        kind=RecordKind.REFUSAL,
        time=batch.now,
        request_id=request.request_id,
        caller=batch.caller.principal.ref,
        principal=named,
        action=request.action,
        resource=request.resource.ref,
        tenant=None,
        effect=Effect.DENY,
        code=error.permission.upper() if isinstance(error, PermissionDenied) else "PRINCIPAL_TOKEN",
        rules=(),
        missing=(),
        obligations=(),
        hide=False,
        shadow_effect=Effect.DENY,
        inputs={},
        policy_digest=batch.policies.digest,
        revision=revision,
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
