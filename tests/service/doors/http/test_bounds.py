"""What bounds callers at the HTTP door, as at every other: scopes and rates of keys, failures of peers, time."""

from pathlib import Path

import pytest

from policy_lang.types import Json
from policy_lang.values import Ref
from service.doors.http.paths import EVALUATION, EVALUATIONS, METADATA
from service.http_settings import HttpSettings
from service.model import Bounds, Caller, Principal, Scopes
from service.rate import Rate
from service.reception.failures import Failures
from tests.service.doors.http.serving import build_door, evaluation
from tests.service.doors.receiving import Named

GATEWAY = Principal(Ref("User", "gateway"))


def keys(*rpcs: str, rate: Rate | None = None) -> Named:
    """Whoever calls has a key of the gateway, for these RPCs, so often."""
    bounds = Bounds("api-key k", Scopes(frozenset(f"AuthorizationService.{rpc}" for rpc in rpcs)), rate)
    return Named(lambda _: Caller(GATEWAY, "api-key", bounds))


@pytest.mark.parametrize(
    ("rpc", "path", "other"), [("Check", EVALUATION, EVALUATIONS), ("BatchCheck", EVALUATIONS, EVALUATION)]
)
def test_a_key_is_for_the_rpcs_that_it_is_scoped_to(tmp_path: Path, rpc: str, path: str, other: str) -> None:
    door = build_door(tmp_path)
    door.authenticator = keys(rpc)
    with door.opened():
        assert door.post(evaluation(), path).status_code == 200
        refused = door.post(evaluation(), other)

    assert (refused.status_code, refused.headers["magistrate-reason"]) == (403, "PERMISSION_DENIED")
    assert [record.code for record in door.recorder.records] == ["ALLOWED", "KEY_SCOPE"]


def test_a_rate_is_used_up_by_evaluations_and_says_when_to_come_again(tmp_path: Path) -> None:
    door = build_door(tmp_path)
    door.authenticator = keys("Check", "BatchCheck", rate=Rate(per_minute=6, burst=4))
    three: list[Json] = [{}, {}, {}]
    with door.opened():
        statuses = [
            door.post(evaluation(evaluations=three), EVALUATIONS).status_code,
            door.post(evaluation()).status_code,
        ]
        limited = door.post(evaluation())

    assert statuses == [200, 200]
    assert limited.status_code == 429
    assert 1 <= int(limited.headers["retry-after"]) <= 10


def test_evaluations_that_are_more_than_a_burst_are_refused_for_ever(tmp_path: Path) -> None:
    door = build_door(tmp_path)
    door.authenticator = keys("BatchCheck", rate=Rate(per_minute=60_000, burst=2))
    most: list[Json] = [{}, {}]
    with door.opened():
        fits = door.post(evaluation(evaluations=most), EVALUATIONS)
        refused = door.post(evaluation(evaluations=[*most, {}]), EVALUATIONS)

    assert (fits.status_code, refused.status_code) == (200, 429)
    assert refused.text == "the rate of `api-key k` never lets through so much at once: `key.rate`"
    assert "retry-after" not in refused.headers


def test_a_peer_that_fails_too_often_is_told_to_wait_and_a_good_credential_stays_good(tmp_path: Path) -> None:
    door = build_door(tmp_path)
    door.failures = Failures(Rate(per_minute=1, burst=2), 100)
    with door.opened():
        failed = [door.post(evaluation(), token="nobody") for _ in range(3)]
        good = door.post(evaluation())

    assert [answer.status_code for answer in failed] == [401, 401, 429]
    assert 1 <= int(failed[-1].headers["retry-after"]) <= 60
    assert good.status_code == 200


def test_a_request_that_takes_too_long_is_status_504_and_is_not_decided(tmp_path: Path) -> None:
    door = build_door(tmp_path, settings=HttpSettings(request_seconds=0.05))
    door.fetch_seconds = 30
    with door.opened():
        answer = door.post(evaluation())

    assert (answer.status_code, answer.text) == (504, "the request took too long")
    assert answer.headers["magistrate-reason"] == "DEADLINE_EXCEEDED"
    assert door.recorder.records == []


def test_the_metadata_has_the_public_url_at_the_place_that_the_standard_gives_it(tmp_path: Path) -> None:
    with build_door(tmp_path, settings=HttpSettings(public_url="https://pdp.example.org/one/")).opened() as door:
        answer = door.client.get(f"{METADATA}/one", headers={"Host": "elsewhere.test"})
        elsewhere = door.client.get(METADATA)

    assert answer.json() == {
        "policy_decision_point": "https://pdp.example.org/one",
        "access_evaluation_endpoint": "https://pdp.example.org/one/access/v1/evaluation",
        "access_evaluations_endpoint": "https://pdp.example.org/one/access/v1/evaluations",
    }
    assert answer.headers["cache-control"] == "max-age=3600"
    assert elsewhere.status_code == 404


@pytest.mark.parametrize(
    "url",
    ["http://pdp.test", "pdp.test", "https://", "https://pdp.test?x=1", "https://pdp.test/#x", "https://u@pdp.test"],
)
def test_a_public_url_is_https_without_a_query_or_a_fragment(url: str) -> None:
    with pytest.raises(ValueError, match="an https URL without a query or a fragment"):
        HttpSettings(public_url=url)
