"""Turns the difference between two bundles into messages, and back for those who asked."""

from collections.abc import Mapping
from typing import Final

from magistrate.v1 import policy_pb2 as pb

from policy_lang.reviewing.changes import Change
from policy_lang.reviewing.contents import Item, Kind
from policy_lang.reviewing.difference import ComparedDecision, Difference, DifferingRequest, SearchedQuestion
from policy_lang.reviewing.goals import What
from service.doors.grpc.codec import EFFECTS

DIFFERENCES: Final[Mapping[What, pb.AnswerDifference.ValueType]] = {
    What.NOW_ALLOWED: pb.ANSWER_DIFFERENCE_NOW_ALLOWED,
    What.NOW_DENIED: pb.ANSWER_DIFFERENCE_NOW_DENIED,
    What.SHADOW: pb.ANSWER_DIFFERENCE_SHADOW,
    What.ANSWER: pb.ANSWER_DIFFERENCE_ANSWER,
}
_WHATS: Final = {number: what for what, number in DIFFERENCES.items()}
_EFFECTS: Final = {number: effect for effect, number in EFFECTS.items()}


def write_difference(found: Difference) -> pb.DiffResponse:
    """What changes, and what the search found."""
    return pb.DiffResponse(changes=map(_write_change, found.changes), searched=map(_write_searched, found.searched))


def read_difference(message: pb.DiffResponse) -> Difference:
    """The difference that was written so."""
    return Difference(tuple(map(_read_change, message.changes)), tuple(map(_read_searched, message.searched)))


def _write_change(change: Change) -> pb.PolicyChange:
    return pb.PolicyChange(
        kind=change.item.kind.value,
        name=change.item.name,
        before=change.before,
        after=change.after,
        old_location=change.old_location,
        new_location=change.new_location,
    )


def _read_change(message: pb.PolicyChange) -> Change:
    item = Item(Kind(message.kind), message.name)
    return Change(item, tuple(message.before), tuple(message.after), message.old_location, message.new_location)


def _write_searched(searched: SearchedQuestion) -> pb.SearchedQuestion:
    principal, resource, action = searched.key
    return pb.SearchedQuestion(
        principal_type=principal,
        action=action,
        resource_type=resource,
        rules=searched.rules,
        steps=searched.steps,
        exhaustive=searched.is_exhaustive,
        witnesses=map(_write_request, searched.witnesses),
    )


def _read_searched(message: pb.SearchedQuestion) -> SearchedQuestion:
    return SearchedQuestion(
        (message.principal_type, message.resource_type, message.action),
        tuple(message.rules),
        message.steps,
        message.exhaustive,
        tuple(map(_read_request, message.witnesses)),
    )


def _write_request(request: DifferingRequest) -> pb.DifferingRequest:
    return pb.DifferingRequest(
        difference=DIFFERENCES[request.what],
        old=_write_decision(request.old),
        new=_write_decision(request.new),
        test=request.test,
    )


def _read_request(message: pb.DifferingRequest) -> DifferingRequest:
    return DifferingRequest(
        _WHATS[message.difference], _read_decision(message.old), _read_decision(message.new), message.test
    )


def _write_decision(decision: ComparedDecision) -> pb.ComparedDecision:
    return pb.ComparedDecision(
        effect=EFFECTS[decision.effect],
        code=decision.code,
        rules=decision.rules,
        obligations=decision.obligations,
        hide=decision.hide,
        shadow_effect=EFFECTS[decision.shadow_effect],
    )


def _read_decision(message: pb.ComparedDecision) -> ComparedDecision:
    return ComparedDecision(
        _EFFECTS[message.effect],
        message.code,
        tuple(message.rules),
        tuple(message.obligations),
        hide=message.hide,
        shadow_effect=_EFFECTS[message.shadow_effect],
    )
