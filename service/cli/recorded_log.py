"""Reads recorded decisions from a file of JSON lines, as `magistrate log query --output jsonl` prints them."""

from collections.abc import Iterator
from pathlib import Path

import orjson

from policy_lang.decision import Obligation
from policy_lang.notation import BadValue, parse_timestamp
from policy_lang.reviewing.recorded import BadRecord, Recorded
from policy_lang.types import Json
from policy_lang.values import Ref
from service.decisions.replaying import undecided
from service.errors import ConfigError, why
from service.model import RecordKind


def read_log(path: Path) -> Iterator[Recorded | str]:
    """Each record in its order, as `service/decisions/replaying.py`; ConfigError for a line that is no record."""
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if line.strip():
                    yield _read(line, f"{path}:{number}")
    except OSError as error:
        raise ConfigError(f"cannot read `{path}`: {why(error)}") from error


def _read(line: bytes, place: str) -> Recorded | str:
    try:
        item = _object(orjson.loads(line))
        if (no_decision := undecided(RecordKind(item["kind"]), _text(item["action"]))) is not None:
            return no_decision
        recorded = Recorded(
            id=_text(item["decision_id"]),
            principal=_ref(item["principal"]),
            action=_text(item["action"]),
            resource=_ref(item["resource"]),
            now=parse_timestamp(_text(item["time"])),
            effect=_text(item["effect"]),
            code=_text(item["code"]),
            inputs=_object(item["inputs"]),
            policy_digest=_text(item["policy_digest"]),
            rules=tuple(map(_text, _list(item["rules"]))),
            obligations=tuple(map(_obligation, _list(item["obligations"]))),
            hide=item["hide"] is True,
            masked=frozenset(_text(_object(each)["path"]) for each in _list(item.get("masked", []))),
            tzdata=_text(item.get("tzdata", "")),
        )
        recorded.check()
    except (ValueError, KeyError, BadValue, BadRecord) as error:
        raise ConfigError(
            f"`{place}` is no recorded decision\nhelp: give what `magistrate log query --output jsonl` prints"
        ) from error
    return recorded


def _obligation(item: Json) -> Obligation:
    duty = _object(item)
    return Obligation(_text(duty["type"]), tuple(sorted(_object(duty["parameters"]).items())))


def _list(item: Json) -> list[Json]:
    if not isinstance(item, list):
        raise BadRecord("expected a list")
    return item


def _object(item: Json) -> dict[str, Json]:
    if not isinstance(item, dict):
        raise BadRecord("expected an object")
    return item


def _text(item: Json) -> str:
    if not isinstance(item, str):
        raise BadRecord("expected a string")
    return item


def _ref(item: Json) -> Ref:
    written = _object(item)
    return Ref(_text(written["type"]), _text(written["id"]))
