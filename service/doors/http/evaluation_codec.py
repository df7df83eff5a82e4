"""Turns AuthZEN's requests into the model, and answers into AuthZEN's responses; here its subject is our principal."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from policy_lang.decision import Decision, Effect, Obligation
from policy_lang.types import Json
from policy_lang.values import Ref
from service.config import Limits
from service.errors import InvalidRequest, LimitExceeded, MagistrateError, Violation
from service.model import Answer, Answers, CheckRequest, GivenEntity

Object = Mapping[str, Json]

PARTS: Final = ("subject", "action", "resource", "context")
"""What an evaluation is made of; each may stand once for all evaluations of a request."""

SEMANTICS: Final[Mapping[str, Effect | None]] = {
    "execute_all": None,
    "deny_on_first_deny": Effect.DENY,
    "permit_on_first_permit": Effect.ALLOW,
}
"""`options.evaluations_semantic`, and the effect that ends the evaluations."""

_NOTHING: Final[Object] = {}


def read_evaluation(message: Object, request_id: str, limits: Limits) -> CheckRequest:
    """The question of one evaluation; InvalidRequest names everything that is lacking or of a wrong type.

    LimitExceeded over `attributes`. Properties of the action are fields of the context; where both say one, its own
    counts.
    """
    return _plain(message, request_id, limits.attributes) or _looked_into(message, request_id, limits)


def _plain(message: Object, request_id: str, most: int) -> CheckRequest | None:
    """The question where nothing is wrong with the evaluation, as with nearly all; None says nothing.

    To look for faults part by part takes two and a half times as long.
    """
    subject, action, resource = message.get("subject"), message.get("action"), message.get("resource")
    context = message.get("context", _NOTHING)
    if not isinstance(action, dict) or not isinstance(context, dict) or "properties" in action or len(context) > most:
        return None
    name, named, about = action.get("name"), _plain_entity(subject, most), _plain_entity(resource, most)
    if not isinstance(name, str) or not name or named is None or about is None:
        return None
    return CheckRequest(request_id=request_id, action=name, resource=about, context=context, principal=named)


def _plain_entity(part: Json, most: int) -> GivenEntity | None:
    if not isinstance(part, dict):
        return None
    type_, id_, properties = part.get("type"), part.get("id"), part.get("properties", _NOTHING)
    if not isinstance(type_, str) or not isinstance(id_, str) or not isinstance(properties, dict):
        return None
    return GivenEntity(Ref(type_, id_), properties) if type_ and id_ and len(properties) <= most else None


def _looked_into(message: Object, request_id: str, limits: Limits) -> CheckRequest:
    reading = _Reading(limits)
    subject, action = reading.required(message, "subject"), reading.required(message, "action")
    resource, context = reading.required(message, "resource"), reading.object(message, "context")
    request = CheckRequest(
        request_id=request_id,
        action=reading.text(action, "action", "name"),
        resource=reading.entity(resource, "resource"),
        context={**reading.attributes(action, "action"), **reading.limited(context)},
        principal=reading.entity(subject, "subject"),
    )
    reading.end()
    return request


def read_evaluations(message: Object, request_id: str, limits: Limits) -> tuple[CheckRequest | MagistrateError, ...]:
    """The questions, each with what stands once for all, or the error of each; nothing where none are listed.

    InvalidRequest where what stands for all is of a wrong type, LimitExceeded over `batch_checks`.
    """
    listed = message.get("evaluations")
    if listed is not None and not isinstance(listed, list):
        raise InvalidRequest([Violation("evaluations", "expected an array")])
    if not listed:
        return ()
    if len(listed) > limits.batch_checks:
        raise LimitExceeded("batch_checks", limits.batch_checks, len(listed))
    shared = {part: message[part] for part in PARTS if message.get(part) is not None}
    faults = [Violation(part, "expected an object") for part, said in shared.items() if not isinstance(said, dict)]
    if faults:
        raise InvalidRequest(faults)

    def item(each: Json) -> CheckRequest | MagistrateError:
        if not isinstance(each, dict):
            return InvalidRequest([Violation("", "expected an object")])
        own = {part: each[part] for part in PARTS if each.get(part) is not None}
        try:
            return read_evaluation({**shared, **own}, request_id, limits)
        except (InvalidRequest, LimitExceeded) as error:
            return error

    return tuple([item(each) for each in listed])


def read_semantic(message: Object) -> Effect | None:
    """The effect that ends the evaluations, None where all are wanted; InvalidRequest for a semantic that is none."""
    options = message.get("options")
    if options is None:
        return None
    if not isinstance(options, dict):
        raise InvalidRequest([Violation("options", "expected an object")])
    said = options.get("evaluations_semantic")
    if said is None:
        return None
    if not isinstance(said, str) or said not in SEMANTICS:
        raise InvalidRequest([Violation("options.evaluations_semantic", f"one of {', '.join(SEMANTICS)}")])
    return SEMANTICS[said]


def write_evaluation(answer: Answer, answers: Answers) -> dict[str, Json]:
    """The answer to one evaluation, with what it shares with its batch."""
    return {"decision": _is_allowed(answer), "context": _context_of(answer) | _shared(answers)}


def write_evaluations(answers: Answers, *, write_error: Callable[[MagistrateError], Json]) -> dict[str, Json]:
    """The answers to several, in order; what they share stands once. An error is a deny that says what it is."""
    items: list[Json] = [
        {"decision": _is_allowed(item), "context": _context_of(item)}
        if isinstance(item, Answer)
        else {"decision": False, "context": {"error": write_error(item)}}
        for item in answers.items
    ]
    return {"evaluations": items, "context": _shared(answers)}


class _Reading:
    """Reads the parts of one evaluation, and gathers what is wrong with them."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._faults: list[Violation] = []

    def end(self) -> None:
        """InvalidRequest where anything was wrong."""
        if self._faults:
            raise InvalidRequest(self._faults)

    def required(self, message: Object, name: str) -> Object | None:
        """The object of that name; None, and a fault, where it is lacking or no object."""
        found = message.get(name)
        if isinstance(found, dict):
            return found
        self._faults.append(Violation(name, "required" if found is None else "expected an object"))
        return None

    def object(self, message: Object, name: str, within: str = "") -> Object:
        """The object of that name, an empty one where it is lacking."""
        found = message.get(name)
        if found is None:
            return _NOTHING
        if isinstance(found, dict):
            return found
        self._faults.append(Violation(f"{within}{name}", "expected an object"))
        return _NOTHING

    def text(self, part: Object | None, within: str, name: str) -> str:
        """The text of that name."""
        if part is None:
            return ""
        found = part.get(name)
        if isinstance(found, str) and found:
            return found
        lacking = found is None or found == ""
        self._faults.append(Violation(f"{within}.{name}", "required" if lacking else "expected a string"))
        return ""

    def attributes(self, part: Object | None, name: str) -> Object:
        """The properties of a part."""
        return _NOTHING if part is None else self.limited(self.object(part, "properties", f"{name}."))

    def limited(self, values: Object) -> Object:
        """The values, which are not too many."""
        if len(values) > self._limits.attributes:
            raise LimitExceeded("attributes", self._limits.attributes, len(values))
        return values

    def entity(self, part: Object | None, name: str) -> GivenEntity:
        """The entity that a part describes."""
        ref = Ref(self.text(part, name, "type"), self.text(part, name, "id"))
        return GivenEntity(ref, self.attributes(part, name))


def _is_allowed(answer: Answer) -> bool:
    return answer.decision.effect is Effect.ALLOW


def _context_of(answer: Answer) -> dict[str, Json]:
    """What the caller may know beside the effect; in log-only mode also what it would know if that were enforced."""
    context: dict[str, Json] = {"decision_id": answer.decision_id, **_said_of(answer.decision)}
    if answer.break_glass:
        context["break_glass"] = answer.break_glass
    if answer.log_only is not None:
        would_be = answer.log_only
        context["log_only"] = {"decision": would_be.effect is Effect.ALLOW, **_said_of(would_be)}
    return context


def _said_of(decision: Decision) -> dict[str, Json]:
    """Why it was decided so; `reason_user` is for whom it is about, `reason_admin` is not."""
    context: dict[str, Json] = {"code": decision.code}
    said_as = "200" if decision.effect is Effect.ALLOW else "403"  # as in the standard's example
    texts = dict.fromkeys(reason.text for reason in decision.reasons if reason.text)
    if texts and not decision.hide:  # whom it is hidden from would learn by its reason that it is there
        context["reason_user"] = {said_as: "; ".join(texts)}
    if causes := _causes(decision):
        context["reason_admin"] = {said_as: "; ".join(causes)}
    if decision.obligations:
        context["obligations"] = [_obligation(each) for each in decision.obligations]
    if decision.hide:
        context["hide"] = True
    return context


def _causes(decision: Decision) -> list[str]:
    """The rules that decided, and the inputs that were lacking."""
    rules = [f"{reason.rule_id} ({reason.location})" for reason in decision.reasons]
    return rules + [f"{missing.path} is {missing.cause}" for missing in decision.missing]


def _obligation(obligation: Obligation) -> Json:
    return {"type": obligation.type, "parameters": dict(obligation.parameters)}


def _shared(answers: Answers) -> dict[str, Json]:
    seconds, milliseconds = divmod(answers.decided_at, 1000)
    return {
        "policy_digest": answers.policy_digest,
        "revision": answers.revision,
        "decided_at": f"{_written(seconds)}.{milliseconds:03}Z",
    }


@lru_cache(1)
def _written(seconds: int) -> str:
    """The time, which is the same for many answers."""
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()
