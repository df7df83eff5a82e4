"""What is answered at once and what has to be waited for: the same answers, and the same records."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import islice
from pathlib import Path

import httpx
import orjson
import pytest

from policy_lang.types import Json
from service.config import SpoolSettings
from service.decisions.segments import segments
from service.decisions.spool import Spool
from service.doors.http.evaluation_codec import read_evaluation
from service.doors.http.paths import EVALUATION, EVALUATIONS
from service.errors import MagistrateError
from service.model import CheckRequest, DecisionRecord
from service.policies.folder import activate
from service.samples import Samples
from tests.service.decisions.syncs import unsyncable
from tests.service.doors.http.serving import LIMITS, Door, Object, build_door, evaluation
from tests.service.doors.http.test_hostile_bodies import broken
from tests.service.point import POLICY, KeptRecords, OnePolicy, build_point

FEW: list[Json] = [{}, {"resource": {"type": "Order", "id": "theirs"}}, {"resource": {"type": "Ghost", "id": "x"}}]
HEADERS = (("X-Request-ID", "r1"),)


def asked() -> Iterator[tuple[str, Object | bytes, str]]:
    """Paths, bodies and tokens: questions of every outcome, and everything that may be wrong with one."""
    bodies: list[Object | bytes] = [
        evaluation(), evaluation("refund"), evaluation("read", "hidden"), evaluation("read", "foreign"),
        evaluation("audit"), evaluation(user="nobody"), evaluation(evaluations=FEW), evaluation(evaluations=FEW * 2),
        evaluation(evaluations=FEW, options={"evaluations_semantic": "deny_on_first_deny"}),
        evaluation(context={"ip": "10.0.0.1", "undeclared": 1}), b"{", orjson.dumps([]), b"x" * 5000,
        *islice(broken(), 0, None, 11),
    ]  # fmt: skip
    for path in (EVALUATION, EVALUATIONS):
        for body in bodies:
            yield path, body, "pep"
        for token in ("blind", "key", "plain", "stranger", "nobody"):
            yield path, evaluation(), token


def outcome(answer: httpx.Response) -> object:
    """An answer without what is an accident of it."""
    headers = {name: value for name, value in answer.headers.items() if name not in ("date", "content-length")}
    said = answer.json() if answer.status_code == 200 else answer.text
    for one in (said, *said.get("evaluations", ())) if isinstance(said, dict) else ():
        for accident in ("decision_id", "revision"):
            one.get("context", {}).pop(accident, None)
    return answer.status_code, headers, said


def heard(folder: Path, *, at_hand: bool) -> tuple[list[object], list[DecisionRecord], Samples]:
    """What all of these are answered, what is recorded of them, and counted."""
    folder.mkdir()
    door = replace(build_door(folder), has_facts_at_hand=at_hand)
    with door.opened():
        answers = [outcome(door.post(body, path, token=token, headers=HEADERS)) for path, body, token in asked()]
    return answers, [replace(each, id="", duration_us=0, revision="") for each in door.recorder.records], door.samples


def test_what_is_at_hand_is_answered_and_recorded_as_what_is_waited_for(tmp_path: Path) -> None:
    waited, waited_records, waited_samples = heard(tmp_path / "waited", at_hand=False)
    at_once, at_once_records, at_once_samples = heard(tmp_path / "at once", at_hand=True)

    assert at_once == waited
    assert at_once_records == waited_records
    assert at_once_samples == waited_samples
    assert len({record.code for record in at_once_records}) > 5


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
def test_nothing_is_answered_at_once_before_its_record_is_on_the_disk(tmp_path: Path, path: str) -> None:
    with closing(Spool(tmp_path / "spool", SpoolSettings(durability="disk", min_free_bytes=0))) as spool:
        point, policies = build_point(tmp_path, spool), OnePolicy(activate({"shop.policy": POLICY}))
        with Door(point, KeptRecords(), policies).opened() as door:
            kept = door.post(evaluation(evaluations=FEW), path)
            (segment,) = segments(tmp_path / "spool")
            with unsyncable(segment):
                lost = door.post(evaluation(evaluations=FEW), path)

    assert (kept.status_code, lost.status_code) == (200, 503)
    assert lost.headers["magistrate-reason"] == "AUDIT_UNAVAILABLE"
    assert lost.text == "the decision cannot be recorded, so it is not given"


def read(message: Object) -> CheckRequest | str:
    """The question, or what is said of it."""
    try:
        return read_evaluation(message, "r1", LIMITS)
    except MagistrateError as error:
        return str(error)


def test_an_evaluation_that_is_looked_into_is_read_as_one_with_which_nothing_seems_wrong() -> None:
    """An action's properties, though there are none, have each part looked into."""
    many: Object = dict.fromkeys("abcde", 1)
    more = [evaluation(context=many), evaluation(resource={"type": "Order", "id": "o1", "properties": many})]
    messages = [each for each in (*broken(), *more, evaluation()) if isinstance(each.get("action"), dict)]
    looked_into = [{**each, "action": {"properties": {}, **each["action"]}} for each in messages]  # type: ignore[dict-item]

    assert [read(each) for each in messages] == [read(each) for each in looked_into]
    assert {type(read(each)) for each in messages} == {CheckRequest, str}
