"""What a case says must come out, beside what came out."""

from collections.abc import Mapping
from typing import Final

from policy_lang.decision import ALLOWED, NO_MATCH, UNDETERMINED, Decision
from policy_lang.types import Json
from tests.cases.law_case import LawCase

_TRUTHS: Final[Mapping[str, Json]] = {ALLOWED: True, NO_MATCH: False, UNDETERMINED: "unknown"}
_SHOWN: Final = ("effect", "code", "by", "missing", "obligations", "hide", "shadow")
_UNLESS_SAID: Final[Mapping[str, Json]] = {"by": [], "missing": [], "obligations": [], "hide": False}


def came_out(decision: Decision, case: LawCase) -> Json:
    """The decision in the words of the case."""
    missing: Json = [f"{each.path} {each.cause}" for each in decision.missing]
    if "is" in case.said:
        truth: Json = _TRUTHS[decision.code]
        return [truth, missing] if decision.missing else truth
    shown: dict[str, Json] = {
        "effect": decision.effect.value,
        "code": decision.code,
        "by": [reason.rule_id.removeprefix("m.") for reason in decision.reasons],
        "missing": missing,
        "obligations": [{"type": each.type, **dict(each.parameters)} for each in decision.obligations],
        "hide": decision.hide,
        "shadow": decision.shadow_effect.value,
    }
    return shown


def must_come_out(case: LawCase) -> Json:
    """What the case says; of a decision, what it leaves out is nothing, and the shadow effect is the effect."""
    if "is" in case.said:
        said = case.said["is"]
        return [said[0], sorted(map(str, said[1:]))] if isinstance(said, list) else said
    said = case.said["decision"]
    if not isinstance(said, dict) or not said.keys() <= set(_SHOWN):
        raise ValueError(f"case `{case.name}` expects no decision")
    whole = {**_UNLESS_SAID, "shadow": said["effect"], **said}
    return {name: whole[name] for name in _SHOWN}
