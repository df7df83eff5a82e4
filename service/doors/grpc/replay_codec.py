"""Turns the messages of Replay into the model, and what became of the records into messages."""

from collections.abc import Mapping
from typing import Final

from magistrate.v1 import decision_log_pb2 as pb
from magistrate.v1.types_pb2 import EntityRef

from policy_lang.decision import Effect
from policy_lang.reviewing.goals import What
from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.replayed import Flips, Replayed
from policy_lang.values import Ref
from service.decisions.replay_forms import ReplayWanted
from service.doors.grpc.codec import EFFECTS, write_time
from service.doors.grpc.decision_log_codec import read_filter
from service.doors.grpc.policy_codec import read_texts
from service.errors import InvalidRequest, Violation

LIMIT: Final = 10_000
DIFFERENCES: Final[Mapping[What, pb.Difference.ValueType]] = {
    What.NOW_ALLOWED: pb.DIFFERENCE_NOW_ALLOWED,
    What.NOW_DENIED: pb.DIFFERENCE_NOW_DENIED,
    What.ANSWER: pb.DIFFERENCE_ANSWER,
}


def read_replay(message: pb.ReplayRequest) -> ReplayWanted:
    """What is to be decided again; InvalidRequest, LimitExceeded."""
    if message.files and message.digest:
        raise InvalidRequest([Violation("digest", "files, or the digest of what was pushed")])
    texts = read_texts(message.files) if message.files else {}
    return ReplayWanted(texts, read_filter(message.filter), message.limit or LIMIT)


def write_replayed(replayed: Replayed) -> pb.ReplayResponse:
    """What became of them, the largest groups first."""
    flips = sorted(replayed.flips.values(), key=lambda each: -each.count)
    return pb.ReplayResponse(
        total=replayed.total,
        alike=replayed.alike,
        flips=map(_write_flips, flips),
        not_replayable=replayed.left_out,
    )


def read_replayed(message: pb.ReplayResponse) -> Replayed:
    """What became of them, for those who ask."""
    flips = map(_read_flips, message.flips)
    return Replayed(message.alike, {(each.what, each.rules): each for each in flips}, dict(message.not_replayable))


def _write_flips(flips: Flips) -> pb.Flips:
    examples = map(_write_example, flips.examples)
    return pb.Flips(difference=DIFFERENCES[flips.what], rules=flips.rules, count=flips.count, examples=examples)


def _write_example(recorded: Recorded) -> pb.DecisionRecord:
    return pb.DecisionRecord(
        decision_id=recorded.id,
        kind=pb.RECORD_KIND_DECISION,
        time=write_time(recorded.now),
        principal=_write_ref(recorded.principal),
        action=recorded.action,
        resource=_write_ref(recorded.resource),
        effect=EFFECTS[Effect(recorded.effect)],
        code=recorded.code,
        policy_digest=recorded.policy_digest,
    )


def _read_flips(message: pb.Flips) -> Flips:
    what = {number: what for what, number in DIFFERENCES.items()}[message.difference]
    return Flips(what, tuple(message.rules), message.count, list(map(_read_example, message.examples)))


def _read_example(message: pb.DecisionRecord) -> Recorded:
    return Recorded(
        id=message.decision_id,
        principal=Ref(message.principal.type, message.principal.id),
        action=message.action,
        resource=Ref(message.resource.type, message.resource.id),
        now=message.time.ToMilliseconds(),
        effect={number: effect for effect, number in EFFECTS.items()}[message.effect].value,
        code=message.code,
        inputs={},
        policy_digest=message.policy_digest,
    )


def _write_ref(ref: Ref) -> EntityRef:
    return EntityRef(type=ref.type, id=ref.id)
