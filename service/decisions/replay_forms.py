"""Writes what is to be replayed and what came of it, for the desk between workers and the background process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson

from policy_lang.decision import Effect
from policy_lang.reviewing.goals import What
from policy_lang.reviewing.recorded import Recorded
from policy_lang.reviewing.replayed import Flips, Replayed
from policy_lang.types import Json
from policy_lang.values import Ref
from service.decisions.log_filter import LogFilter, filter_fields

REPLAYS: Final = "replay"
"""The kind of work that replaying is (service/desk.py)."""


@dataclass(frozen=True, slots=True)
class ReplayWanted:
    """Which records are to be decided again, how many at most, and by which policies: path → text."""

    texts: Mapping[str, str]
    wanted: LogFilter
    most: int


def write_wanted(wanted: ReplayWanted) -> str:
    """The question as text."""
    return orjson.dumps([dict(wanted.texts), filter_fields(wanted.wanted), wanted.most]).decode()


def read_wanted(text: str) -> ReplayWanted:
    """The question that was written so."""
    texts, fields, most = orjson.loads(text)
    return ReplayWanted(texts, LogFilter(**{name: _part(name, value) for name, value in fields.items()}), most)


@dataclass(frozen=True, slots=True)
class Undone:
    """Why nothing was replayed: the policies or the filter may not be used, or the log does not answer."""

    why: str
    of: Literal["policies", "filter", "log"]


def write_outcome(outcome: Replayed | Undone) -> str:
    """What became of the records, or why nothing did, as text; of examples only what names them."""
    if isinstance(outcome, Undone):
        return orjson.dumps(outcome).decode()
    flips = [_flips_fields(each) for each in outcome.flips.values()]
    return orjson.dumps({"alike": outcome.alike, "flips": flips, "left_out": outcome.left_out}).decode()


def read_outcome(text: str) -> Replayed | Undone:
    """The outcome that was written so."""
    fields = orjson.loads(text)
    if "why" in fields:
        return Undone(**fields)
    flips = [_flips(each) for each in fields["flips"]]
    return Replayed(fields["alike"], {(each.what, each.rules): each for each in flips}, fields["left_out"])


def _part(name: str, value: Any) -> Any:
    if name in _REFS:
        type_, _, id_ = value.partition(":")
        return Ref(type_, id_)
    return Effect(value) if name == "effect" else value


_REFS: Final = frozenset({"principal", "caller", "resource", "tenant"})


def _flips_fields(flips: Flips) -> dict[str, Json]:
    return {
        "what": flips.what.value,
        "rules": list(flips.rules),
        "count": flips.count,
        "examples": [_example_fields(recorded) for recorded in flips.examples],
    }


def _example_fields(recorded: Recorded) -> dict[str, Json]:
    return {
        "id": recorded.id,
        "time": recorded.now,
        "principal": list(recorded.principal),
        "action": recorded.action,
        "resource": list(recorded.resource),
        "effect": recorded.effect,
        "code": recorded.code,
        "policy_digest": recorded.policy_digest,
    }


def _flips(fields: Mapping[str, Any]) -> Flips:
    return Flips(What(fields["what"]), tuple(fields["rules"]), fields["count"], list(map(_example, fields["examples"])))


def _example(fields: Mapping[str, Any]) -> Recorded:
    return Recorded(
        id=fields["id"],
        principal=Ref(*fields["principal"]),
        action=fields["action"],
        resource=Ref(*fields["resource"]),
        now=fields["time"],
        effect=fields["effect"],
        code=fields["code"],
        inputs={},
        policy_digest=fields["policy_digest"],
    )
