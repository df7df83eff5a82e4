"""The rules of OpenID AuthZEN Authorization API 1.0, over a real socket: what is decided, refused and echoed."""

import pytest
from structlog.testing import capture_logs

from service.doors.http.paths import EVALUATION, EVALUATIONS, METADATA
from service.identity import Origin
from tests.service.doors.http.serving import Door, Headers, Object, evaluation

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
SAID: Object = {"subject": {"type": "User", "id": "alice"}, "action": {"name": "read"}}
ONE: Object = {"resource": {"type": "Order", "id": "o1"}}


def without(part: str, name: str = "") -> Object:
    """An evaluation that lacks a part, or a field of it."""
    message = evaluation()
    if not name:
        return {key: value for key, value in message.items() if key != part}
    found = message[part]
    assert isinstance(found, dict)
    return message | {part: {key: value for key, value in found.items() if key != name}}


def test_an_allow_is_true_with_its_reasons_for_the_user_and_for_the_admin(door: Door) -> None:
    answer = door.post(evaluation())

    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    said = answer.json()
    (record,) = door.recorder.records
    context = said["context"]
    assert (said["decision"], context["code"], context["decision_id"]) == (True, "ALLOWED", record.id)
    assert context["reason_user"] == {"200": 'User "alice" may, from (unknown)'}
    assert context["reason_admin"] == {"200": "shop.own (shop.policy:17)"}
    assert context["decided_at"] == "2027-01-15T08:00:00.000Z"
    assert context["policy_digest"] == record.policy_digest
    assert context["revision"] == record.revision


def test_a_deny_is_false_under_status_200_with_its_code_and_obligations(door: Door) -> None:
    answer = door.post(evaluation("refund"))

    assert answer.status_code == 200
    assert answer.json()["decision"] is False
    assert answer.json()["context"]["code"] == "STEP_UP"
    assert answer.json()["context"]["obligations"] == [{"type": "step_up", "parameters": {"method": "totp"}}]


def test_a_hiding_deny_says_so_and_gives_the_user_no_reason(door: Door) -> None:
    context = door.post(evaluation("read", "hidden")).json()["context"]

    assert context["hide"] is True
    assert "reason_user" not in context


def test_who_may_not_read_reasons_gets_none(door: Door) -> None:
    context = door.post(evaluation("audit"), token="blind").json()["context"]

    assert context.keys() == {"decision_id", "code", "policy_digest", "revision", "decided_at"}
    assert context["code"] == "DENIED"


@pytest.mark.parametrize(
    ("message", "said"),
    [
        pytest.param(without("subject"), "subject: required", id="no subject"),
        pytest.param(without("action"), "action: required", id="no action"),
        pytest.param(without("resource"), "resource: required", id="no resource"),
        pytest.param(without("subject", "type"), "subject.type: required", id="no type of the subject"),
        pytest.param(without("subject", "id"), "subject.id: required", id="no id of the subject"),
        pytest.param(without("action", "name"), "action.name: required", id="no name of the action"),
        pytest.param(without("resource", "type"), "resource.type: required", id="no type of the resource"),
        pytest.param(without("resource", "id"), "resource.id: required", id="no id of the resource"),
        pytest.param({}, "subject: required; action: required; resource: required", id="nothing at all"),
        pytest.param(evaluation(subject="alice"), "subject: expected an object", id="subject is text"),
        pytest.param(evaluation() | {"action": {"name": 123}}, "action.name: expected a string", id="name is a number"),
        pytest.param(
            evaluation(resource={"type": "Order", "id": "o1", "properties": []}),
            "resource.properties: expected an object", id="properties are an array",
        ),
        pytest.param(evaluation(context="now"), "context: expected an object", id="context is text"),
        pytest.param(
            evaluation("raed"), "action: unknown action `raed` of `Order`; did you mean `read`?", id="unknown action"
        ),
        pytest.param(
            evaluation(resource={"type": "Ordre", "id": "o1"}),
            "resource.type: unknown type `Ordre`; did you mean `Order`?", id="unknown type",
        ),
        pytest.param(
            evaluation(context={"now": "2026-01-05T10:00:00Z"}),
            "context.now: not the caller's to say: the service sets the time", id="the time",
        ),
        pytest.param(
            evaluation("close", resource={"type": "Order", "id": "o1", "properties": {"note": 1}}),
            "resource.properties.note: expected a string", id="a property of another type",
        ),
        pytest.param(
            evaluation(context=dict.fromkeys("abcde", 1)), "over the limit `attributes`: 5 given, 4 allowed",
            id="too many",
        ),
    ],
)  # fmt: skip
def test_what_is_lacking_or_wrong_is_named_under_status_400(door: Door, message: Object, said: str) -> None:
    answer = door.post(message)

    assert (answer.status_code, answer.text) == (400, said)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert door.recorder.records == []


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param((("Content-Type", "text/plain"),), id="text"),
        pytest.param((("Content-Type", ""),), id="none"),
        pytest.param((("Content-Type", "application/json; charset=latin-1"),), id="another charset"),
        pytest.param((("Content-Type", "application/jsonp"),), id="nearly"),
    ],
)
def test_a_body_that_is_not_called_json_is_status_400(door: Door, headers: Headers) -> None:
    answer = door.post(evaluation(), headers=headers)

    assert (answer.status_code, answer.text) == (400, "Content-Type: expected `application/json`, in UTF-8")


@pytest.mark.parametrize(
    "content_type", ["application/json", "Application/JSON; charset=UTF-8", 'application/json;charset="utf-8";x=y']
)
def test_json_is_known_however_it_is_called(door: Door, content_type: str) -> None:
    assert door.post(evaluation(), headers=(("Content-Type", content_type),)).status_code == 200


def test_a_body_in_a_content_coding_is_status_415(door: Door) -> None:
    answer = door.post(evaluation(), headers=(("Content-Encoding", "gzip"),))

    assert (answer.status_code, answer.headers["accept-encoding"]) == (415, "identity")
    assert answer.headers["magistrate-reason"] == "UNKNOWN_ENCODING"


def test_unknown_fields_are_ignored(door: Door) -> None:
    message = evaluation(foo="bar", futureField={"nested": True}, options={"other": 1})

    assert door.post(message).json()["decision"] is True
    assert door.post(message, EVALUATIONS).json()["decision"] is True


def test_what_the_policies_do_not_take_from_a_caller_is_left_out_and_counted(door: Door) -> None:
    door.samples.counters.clear()
    person: Object = {"type": "User", "id": "alice", "properties": {"department": "Sales", "suspended": True}}
    order: Object = {"type": "Order", "id": "o1", "properties": {"note": "please", "buyer": "bob"}}
    more: Object = {"time": "1985-10-26T01:22-07:00", "mfa": None}

    answer = door.post(evaluation("close", subject=person, resource=order, context=more))

    assert answer.json()["decision"] is True
    assert door.samples.counters == {
        ("magistrate_authzen_dropped", (("part", "subject"),)): 2,
        ("magistrate_authzen_dropped", (("part", "resource"),)): 1,
        ("magistrate_authzen_dropped", (("part", "context"),)): 1,
    }


def test_a_property_of_the_action_is_a_field_of_the_context_that_has_it_not(door: Door) -> None:
    refund: Object = {"name": "refund", "properties": {"mfa": True, "method": "POST"}}

    assert door.post(evaluation() | {"action": refund}).json()["decision"] is True
    assert door.post(evaluation(context={"mfa": False}) | {"action": refund}).json()["decision"] is False


@pytest.mark.parametrize("path", [EVALUATION, EVALUATIONS])
@pytest.mark.parametrize(
    ("token", "headers"),
    [
        pytest.param(None, (), id="none"),
        pytest.param("nobody", (), id="unknown"),
        pytest.param("pep", (("Authorization", "Bearer pep"),), id="two"),
        pytest.param(None, (("Authorization", "Basic cGVwOg=="),), id="no bearer"),
    ],
)
def test_who_is_not_known_is_told_the_same_under_status_401(
    door: Door, path: str, token: str | None, headers: Headers
) -> None:
    answer = door.post(b"{ no JSON", path, token=token, headers=headers)

    assert (answer.status_code, answer.text) == (401, "the credential is missing or does not verify")
    assert answer.headers["www-authenticate"] == 'Bearer realm="magistrate"'


def test_who_may_not_name_subjects_is_told_what_it_lacks_under_status_403(door: Door) -> None:
    answer = door.post(evaluation(), token="plain")

    assert (answer.status_code, answer.text) == (403, "the caller may not ask as a `User`")
    assert answer.headers["magistrate-reason"] == "PERMISSION_DENIED"
    assert [record.code for record in door.recorder.records] == ["CHECK_AS"]


def test_what_cannot_be_recorded_is_not_answered_but_by_status_503(door: Door) -> None:
    door.recorder.is_refusing = True

    answer = door.post(evaluation())

    assert (answer.status_code, answer.text) == (503, "the decision cannot be recorded, so it is not given")


def test_a_fault_is_status_500_and_says_nothing(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    def break_down(records: object) -> None:
        raise ZeroDivisionError("of no caller's concern")

    monkeypatch.setattr(door.recorder, "record", break_down)

    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    headers = (("X-Request-ID", "r7"), ("traceparent", f"00-{trace_id}-00f067aa0ba902b7-01"))
    with capture_logs() as lines:
        answer = door.post(evaluation(), headers=headers)

    assert (answer.status_code, answer.text, answer.headers["x-request-id"]) == (500, "a fault of the service", "r7")
    (line,) = lines
    assert isinstance(line.pop("exc_info"), ZeroDivisionError)
    assert line == {
        "event": "fault",
        "log_level": "error",
        "room": "http",
        "rpc": "AuthorizationService.Check",
        "request_id": "r7",
        "trace_id": trace_id,
    }


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", EVALUATION, "POST"), ("PUT", EVALUATIONS, "POST"), ("POST", METADATA, "GET, HEAD")],
)
def test_another_method_is_status_405_and_told_which_there_is(door: Door, method: str, path: str, allowed: str) -> None:
    answer = door.client.request(method, path, headers={"X-Request-ID": "r1"})

    assert (answer.status_code, ", ".join(sorted(answer.headers["allow"].split(", ")))) == (405, allowed)
    assert answer.headers["x-request-id"] == "r1"


@pytest.mark.parametrize("path", ["/access/v1/search/subject", f"{EVALUATION}/", f"{METADATA}/"])
def test_what_is_not_there_is_status_404_and_leads_nowhere_else(door: Door, path: str) -> None:
    assert door.client.post(path, json={}).status_code == 404


@pytest.mark.parametrize(
    ("message", "token", "status"),
    [
        pytest.param(evaluation(), "pep", 200, id="answered"),
        pytest.param({}, "pep", 400, id="wrong"),
        pytest.param(evaluation(), None, 401, id="unknown"),
        pytest.param(evaluation(), "plain", 403, id="refused"),
    ],
)
def test_the_id_of_a_request_is_the_id_of_its_answer_and_its_record(
    door: Door, message: Object, token: str | None, status: int
) -> None:
    answer = door.post(message, token=token, headers=(("X-Request-ID", "bfe9eb29/ab87 4ca3"),))

    assert (answer.status_code, answer.headers["x-request-id"]) == (status, "bfe9eb29/ab87 4ca3")
    assert {record.request_id for record in door.recorder.records} <= {"bfe9eb29/ab87 4ca3"}


def test_a_request_without_an_id_gets_one(door: Door) -> None:
    ids = [door.post(evaluation()).headers["x-request-id"] for _ in range(2)]

    assert [record.request_id for record in door.recorder.records] == ids
    assert ids[0] != ids[1]


@pytest.mark.parametrize("message", [evaluation(), {"evaluations": [{}]}])
@pytest.mark.parametrize(
    ("given", "said"), [("x" * 129, "at most 128 characters"), ("a\tb", "no control characters")], ids=["long", "tab"]
)
def test_an_id_that_the_record_would_not_hold_is_refused_and_echoed(
    door: Door, message: Object, given: str, said: str
) -> None:
    answer = door.post(message, EVALUATIONS, headers=(("X-Request-ID", given),))

    assert (answer.status_code, answer.text) == (400, f"X-Request-ID: {said}")
    assert answer.headers["x-request-id"] == given


def test_the_record_says_where_a_request_came_from_and_of_which_trace_it_is(door: Door) -> None:
    door.post(evaluation(), headers=(("traceparent", f"00-{TRACE}-00f067aa0ba902b7-01"),))

    assert [record.origin for record in door.recorder.records] == [Origin("127.0.0.1", TRACE)]


def test_the_metadata_names_what_works_under_the_url_that_it_is_asked_by(door: Door) -> None:
    answer = door.client.get(METADATA, headers={"Host": "pdp.test:8080", "X-Request-ID": "m1"})

    assert (answer.status_code, answer.headers["x-request-id"]) == (200, "m1")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "policy_decision_point": "http://pdp.test:8080",
        "access_evaluation_endpoint": "http://pdp.test:8080/access/v1/evaluation",
        "access_evaluations_endpoint": "http://pdp.test:8080/access/v1/evaluations",
    }


@pytest.mark.parametrize("host", ["evil.test/x", "a b", "user@host", ""])
def test_a_host_that_is_none_is_not_told_back(door: Door, host: str) -> None:
    assert door.client.get(METADATA, headers={"Host": host}).status_code == 400
