"""Writes filters as messages of DecisionLogService, and reads its records: the other end of the door's codec."""

from collections.abc import Mapping
from typing import Final

from magistrate.v1 import authorization_pb2
from magistrate.v1 import decision_log_pb2 as pb
from magistrate.v1.types_pb2 import EntityRef, Value

from policy_lang.decision import Effect, MissingInput, Obligation
from policy_lang.types import Json
from policy_lang.values import Ref
from service.decisions.chain_walk import ChainReport
from service.decisions.faults import Fault, FaultKind
from service.decisions.log_filter import LogFilter
from service.decisions.retention.notes import Note, NoteKind
from service.decisions.stats import Counted, LogStats, Named, Stretch, Unfired
from service.decisions.verification import LogReport
from service.doors.grpc.codec import EFFECTS, write_time
from service.identity import Evidence, EvidenceKind, Origin
from service.model import DecisionRecord, Flip, Masked, Masking, RecordKind

_EFFECTS: Final[Mapping[int, Effect]] = {value: effect for effect, value in EFFECTS.items()}


def write_filter(wanted: LogFilter) -> pb.LogFilter:
    """What to find."""
    resource = wanted.resource
    return pb.LogFilter(
        since=None if wanted.since is None else write_time(wanted.since),
        until=None if wanted.until is None else write_time(wanted.until),
        principal=_write_ref(wanted.principal),
        caller=_write_ref(wanted.caller),
        action=wanted.action or "",
        resource_type=(wanted.resource_type or "") if resource is None else resource.type,
        resource_id="" if resource is None else resource.id,
        resource_id_prefix=wanted.resource_prefix or "",
        tenant=_write_ref(wanted.tenant),
        effect=authorization_pb2.EFFECT_UNSPECIFIED if wanted.effect is None else EFFECTS[wanted.effect],
        code=wanted.code or "",
        rule=wanted.rule or "",
        policy_digest=wanted.policy_digest or "",
        missing=wanted.missing or "",
        request_id=wanted.request_id or "",
        trace_id=wanted.trace_id or "",
        peer=wanted.peer or "",
        credential=wanted.credential or "",
        unenforced=wanted.enforced is False,
        flip=wanted.flip or "",
        break_glass=wanted.break_glass or "",
        attributes=wanted.attributes,
    )


def read_record(message: pb.DecisionRecord) -> DecisionRecord:
    """A record as the log has it; ValueError or KeyError for what this version does not know."""
    return DecisionRecord(
        id=message.decision_id,
        kind=RecordKind.REFUSAL if message.kind == pb.RECORD_KIND_REFUSAL else RecordKind.DECISION,
        time=message.time.ToMilliseconds(),
        request_id=message.request_id,
        caller=_read_ref(message.caller),
        principal=_read_ref(message.principal),
        action=message.action,
        resource=_read_ref(message.resource),
        tenant=_read_ref(message.tenant) if message.HasField("tenant") else None,
        effect=_EFFECTS[message.effect],
        code=message.code,
        rules=tuple(message.rules),
        missing=tuple(MissingInput(gap.path, gap.cause) for gap in message.missing),
        obligations=tuple(
            Obligation(duty.type, tuple((name, _json(value)) for name, value in sorted(duty.parameters.items())))
            for duty in message.obligations
        ),
        hide=message.hide,
        shadow_effect=_EFFECTS[message.shadow_effect],
        inputs={path: _json(value) for path, value in sorted(message.inputs.items())},
        policy_digest=message.policy_digest,
        revision=message.revision,
        duration_us=message.duration_us,
        tzdata=message.tzdata,
        origin=Origin(message.peer, message.trace_id),
        caller_evidence=_evidence(message.caller_evidence),
        principal_evidence=_evidence(message.principal_evidence),
        masked=tuple(Masked(each.path, Masking(each.how)) for each in message.masked),
        found_by=tuple(message.found_by),
        enforced=not message.unenforced,
        flip=_flip(message.candidate) if message.HasField("candidate") else None,
        break_glass=message.break_glass,
    )


def read_stats(message: pb.StatsResponse) -> LogStats:
    """The counts."""
    starts = [stretch.start.ToMilliseconds() for stretch in message.stretches]
    unfired = message.unfired
    return LogStats(
        total=_counted(message.total),
        by_rule=tuple(map(_named, message.by_rule)),
        by_principal=tuple(map(_named, message.by_principal)),
        by_code=tuple(map(_named, message.by_code)),
        by_action=tuple(map(_named, message.by_action)),
        stretches=tuple(
            Stretch(start, _counted(each.tally)) for start, each in zip(starts, message.stretches, strict=True)
        ),
        stretch_ms=starts[1] - starts[0] if len(starts) > 1 else 0,
        unenforced=_counted(message.unenforced),
        unfired=Unfired(unfired.policy_digest, tuple(unfired.rules)) if message.HasField("unfired") else None,
    )


def read_verified(message: pb.VerifyResponse) -> LogReport:
    """What a verification found; of notes only what is told of erasures."""
    return LogReport(
        chains=tuple(map(_chain, message.chains)),
        last_checkpoint=message.last_checkpoint or None,
        has_kept=False,
        unsigned=message.unsigned_checkpoints,
        unchained=message.unchained_records,
        notes=message.notes,
        unsigned_notes=message.unsigned_notes,
        erasures=tuple(
            Note(each.note, each.time.ToMilliseconds(), "", NoteKind.ERASED, each.by, each.reason, (), each.records)
            for each in message.erasures
        ),
        reductions=(),
        lost_holds=(),
        faults=tuple(map(_fault, message.faults)),
        fault_count=message.fault_count,
    )


def _chain(message: pb.ChainVerdict) -> ChainReport:
    return ChainReport(
        replica=message.replica,
        links=message.records,
        sound=message.holds_to,
        proven=message.proven_to,
        proven_by=message.proven_by or None,
        expired=message.expired,
        erased=message.erased,
        faults=tuple(map(_fault, message.faults)),
        fault_count=message.fault_count,
    )


def _fault(message: pb.LogFault) -> Fault:
    return Fault(
        FaultKind(message.kind), message.text, message.replica or None, message.sequence or None,
        message.decision_id or None,
    )  # fmt: skip


def _flip(message: pb.CandidateDecision) -> Flip:
    return Flip(message.policy_digest, _EFFECTS[message.effect], message.code, tuple(message.rules))


def _counted(tally: pb.Tally) -> Counted:
    return Counted(tally.allowed, tally.denied)


def _named(each: pb.NamedTally) -> Named:
    return Named(each.name, _counted(each.tally))


def _write_ref(ref: Ref | None) -> EntityRef | None:
    return None if ref is None else EntityRef(type=ref.type, id=ref.id)


def _read_ref(message: EntityRef) -> Ref:
    return Ref(message.type, message.id)


def _evidence(message: pb.Evidence) -> Evidence:
    return Evidence(EvidenceKind(message.kind), message.issuer, message.credential)


def _json(value: Value) -> Json:
    match value.WhichOneof("kind"):
        case "bool_value":
            return value.bool_value
        case "int_value":
            return value.int_value
        case "string_value":
            return value.string_value
        case "ref_value":
            return {"type": value.ref_value.type, "id": value.ref_value.id}
        case "set_value":
            return [_json(item) for item in value.set_value.values]
        case "record_value":
            return {name: _json(field) for name, field in sorted(value.record_value.fields.items())}
        case None:
            return None
