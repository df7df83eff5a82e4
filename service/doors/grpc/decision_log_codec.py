"""Turns the messages of DecisionLogService into the model, and what was found into messages."""

from collections.abc import Mapping, Sequence
from typing import Final, Literal
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp
from magistrate.v1 import authorization_pb2
from magistrate.v1 import decision_log_pb2 as pb
from magistrate.v1.policy_pb2 import PolicyFile
from magistrate.v1.types_pb2 import EntityRef

from policy_lang.decision import Effect
from policy_lang.notation import format_timestamp
from policy_lang.values import Ref
from service.decisions.log import Page, Scan
from service.decisions.log_filter import LogFilter, filter_digest
from service.decisions.office import PageWanted, Texts
from service.decisions.stats import Counted, LogStats, Named, Wanted
from service.decisions.tailing import Followed, Positions
from service.doors.grpc.codec import EFFECTS, write_missing, write_obligation, write_time, write_value
from service.doors.grpc.paging import page_size, read_page_token, read_token, write_page_token
from service.errors import InvalidRequest, ScanLimitReached, Violation
from service.identity import Evidence
from service.model import DecisionRecord, Flip, RecordKind

SCAN_SETTING: Final = "log_reading.scan_records"
"""What the limit of what a page looks at is called."""
TOP: Final = 20
STRETCHES: Final = 60
MESSAGE_BYTES: Final = 2 << 20
"""Bytes of records in one message, if it is more than one record: clients take 4 MiB unless they are told otherwise."""

_KINDS: Final[Mapping[RecordKind, pb.RecordKind.ValueType]] = {
    RecordKind.DECISION: pb.RECORD_KIND_DECISION,
    RecordKind.REFUSAL: pb.RECORD_KIND_REFUSAL,
}
_EFFECTS: Final[Mapping[int, Effect]] = {value: effect for effect, value in EFFECTS.items()}
_NOT_TOLD: Final = [Violation("resume_token", "the `resume_token` of an answer to the same filter, or nothing")]
_OTHER_PAGE: Final = [Violation("page_token", "the `next_page_token` of an answer to the same filter, or nothing")]


def read_filter(message: pb.LogFilter) -> LogFilter:
    """What to find; InvalidRequest for a moment or an effect that is none, or an id without its type."""
    if message.resource_id and not message.resource_type:
        raise InvalidRequest([Violation("filter.resource_type", "required with `resource_id`")])
    if message.effect not in (*_EFFECTS, authorization_pb2.EFFECT_UNSPECIFIED):
        raise InvalidRequest([Violation("filter.effect", "allow, deny, or not set")])
    has_id = bool(message.resource_id)
    return LogFilter(
        since=_moment(message, "since"),
        until=_moment(message, "until"),
        principal=_ref(message, "principal"),
        caller=_ref(message, "caller"),
        action=message.action or None,
        resource=Ref(message.resource_type, message.resource_id) if has_id else None,
        resource_type=None if has_id else message.resource_type or None,
        resource_prefix=message.resource_id_prefix or None,
        tenant=_ref(message, "tenant"),
        effect=_EFFECTS.get(message.effect),
        code=message.code or None,
        rule=message.rule or None,
        missing=message.missing or None,
        request_id=message.request_id or None,
        trace_id=message.trace_id or None,
        peer=message.peer or None,
        credential=message.credential or None,
        policy_digest=message.policy_digest or None,
        enforced=False if message.unenforced else None,
        flip=message.flip or None,
        break_glass=message.break_glass or None,
        attributes=dict(message.attributes),
    )


def read_page(message: pb.QueryRequest, wanted: LogFilter) -> PageWanted:
    """The page that is asked for; InvalidRequest for a token that no answer to this filter has told."""
    limit = page_size(message.page_size)
    if not message.page_token:
        return PageWanted(limit, None)
    after, digest = read_page_token(message.page_token, 2)
    if digest != filter_digest(wanted):
        raise InvalidRequest(_OTHER_PAGE)
    try:
        return PageWanted(limit, str(UUID(after)))
    except ValueError as error:
        raise InvalidRequest(_OTHER_PAGE) from error


def read_positions(token: str, wanted: LogFilter) -> Positions:
    """Where a tail goes on; InvalidRequest for a token that no answer to this filter has told."""
    texts = read_token(token)
    if texts is None or len(texts) % 2 == 0 or texts[0] != filter_digest(wanted):
        raise InvalidRequest(_NOT_TOLD)
    if not all(text.isascii() and text.isdigit() and len(text) <= _DIGITS for text in texts[2::2]):
        raise InvalidRequest(_NOT_TOLD)
    return {replica: int(text) for replica, text in zip(texts[1::2], texts[2::2], strict=True)}


def read_wanted(message: pb.StatsRequest) -> Wanted:
    """What to count."""
    return Wanted(read_filter(message.filter), message.top or TOP, message.stretches or STRETCHES)


def write_page(page: Page, wanted: LogFilter) -> pb.QueryResponse:
    """The records of a page, as many as one message takes; ScanLimitReached where it has looked far and found none."""
    messages = _in_messages(page.records)
    if len(messages) > 1:
        token = write_page_token([messages[0][-1].decision_id, filter_digest(wanted)])
        return pb.QueryResponse(records=messages[0], next_page_token=token)
    token = "" if page.next_after is None else write_page_token([page.next_after, filter_digest(wanted)])
    if page.scan is not None and not page.records:
        reached = format_timestamp(page.scan.reached)
        raise ScanLimitReached(SCAN_SETTING, allowed=page.scan.limit, reached=reached, go_on=token)
    return pb.QueryResponse(records=messages[0], next_page_token=token, scan=_write_scan(page.scan))


def write_followed(followed: Followed, wanted: LogFilter, before: Positions) -> list[pb.TailResponse]:
    """What a tail has found since `before`, in as many messages as that takes, and where it goes on after the last."""
    *messages, last = [pb.TailResponse(records=records) for records in _in_messages(followed.records)]
    for message in messages:
        message.resume_token = _write_positions(before, wanted)
    last.resume_token = _write_positions(followed.positions, wanted)
    return [*messages, last]


def write_policies(texts: Texts) -> list[PolicyFile]:
    """The texts of policies."""
    return [PolicyFile(path=path, text=text) for path, text in sorted(texts.items())]


def write_stats(stats: LogStats) -> pb.StatsResponse:
    """The counts."""
    unfired = stats.unfired
    return pb.StatsResponse(
        total=_write_tally(stats.total),
        by_rule=map(_write_named, stats.by_rule),
        by_principal=map(_write_named, stats.by_principal),
        by_code=map(_write_named, stats.by_code),
        by_action=map(_write_named, stats.by_action),
        stretches=[
            pb.StretchTally(start=write_time(stretch.start), tally=_write_tally(stretch.counted))
            for stretch in stats.stretches
        ],
        unenforced=_write_tally(stats.unenforced),
        unfired=None if unfired is None else pb.UnfiredRules(policy_digest=unfired.policy_digest, rules=unfired.rules),
    )


def write_record(record: DecisionRecord) -> pb.DecisionRecord:
    """A record whole."""
    return pb.DecisionRecord(
        decision_id=record.id,
        kind=_KINDS[record.kind],
        time=write_time(record.time),
        request_id=record.request_id,
        caller=_write_ref(record.caller),
        principal=_write_ref(record.principal),
        action=record.action,
        resource=_write_ref(record.resource),
        tenant=record.tenant and _write_ref(record.tenant),
        effect=EFFECTS[record.effect],
        code=record.code,
        rules=record.rules,
        missing=map(write_missing, record.missing),
        obligations=map(write_obligation, record.obligations),
        hide=record.hide,
        shadow_effect=EFFECTS[record.shadow_effect],
        inputs={path: write_value(value) for path, value in record.inputs.items()},
        policy_digest=record.policy_digest,
        revision=record.revision,
        duration_us=record.duration_us,
        tzdata=record.tzdata,
        peer=record.origin.peer,
        trace_id=record.origin.trace_id,
        caller_evidence=_write_evidence(record.caller_evidence),
        principal_evidence=_write_evidence(record.principal_evidence),
        masked=[pb.MaskedInput(path=path, how=how.value) for path, how in record.masked],
        found_by=record.found_by,
        unenforced=not record.enforced,
        candidate=record.flip and _write_flip(record.flip),
        break_glass=record.break_glass,
    )


def _write_flip(flip: Flip) -> pb.CandidateDecision:
    return pb.CandidateDecision(
        policy_digest=flip.digest, effect=EFFECTS[flip.effect], code=flip.code, rules=flip.rules
    )


def _write_positions(positions: Positions, wanted: LogFilter) -> str:
    places = [text for replica, place in sorted(positions.items()) for text in (replica, str(place))]
    return write_page_token([filter_digest(wanted), *places])


def _in_messages(records: Sequence[DecisionRecord]) -> list[list[pb.DecisionRecord]]:
    """The records by the messages that they fit in: one at least, though it has none."""
    messages: list[list[pb.DecisionRecord]] = [[]]
    room = MESSAGE_BYTES
    for record in map(write_record, records):
        size = record.ByteSize()
        if messages[-1] and size > room:
            messages.append([])
            room = MESSAGE_BYTES
        messages[-1].append(record)
        room -= size
    return messages


def _moment(message: pb.LogFilter, field: Literal["since", "until"]) -> int | None:
    if not message.HasField(field):
        return None
    given: Timestamp = getattr(message, field)
    if not _FIRST_SECOND <= given.seconds <= _LAST_SECOND or given.nanos < 0:
        raise InvalidRequest([Violation(f"filter.{field}", "a moment of the years 1 to 9999")])
    return given.seconds * 1000 + given.nanos // 1_000_000


def _ref(message: pb.LogFilter, field: Literal["caller", "principal", "tenant"]) -> Ref | None:
    if not message.HasField(field):
        return None
    given: EntityRef = getattr(message, field)
    return Ref(given.type, given.id)


def _write_ref(ref: Ref) -> EntityRef:
    return EntityRef(type=ref.type, id=ref.id)


def _write_evidence(evidence: Evidence) -> pb.Evidence:
    return pb.Evidence(kind=evidence.kind.value, issuer=evidence.issuer, credential=evidence.credential)


def _write_scan(scan: Scan | None) -> pb.Scan | None:
    if scan is None:
        return None
    return pb.Scan(limit=SCAN_SETTING, value=scan.limit, reached=write_time(scan.reached))


def _write_named(named: Named) -> pb.NamedTally:
    return pb.NamedTally(name=named.name, tally=_write_tally(named.counted))


def _write_tally(counted: Counted) -> pb.Tally:
    return pb.Tally(allowed=counted.allowed, denied=counted.denied)


_FIRST_SECOND: Final = -62_135_596_800
_LAST_SECOND: Final = 253_402_300_799
_DIGITS: Final = 18
"""Of a place in a chain: as many as a column holds."""
