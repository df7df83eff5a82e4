"""CredentialService over a real channel: who may make keys and sessions, how far they reach, what is recorded."""

from typing import Final

import grpc
import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest
from grpc_status.rpc_status import from_call
from magistrate.v1 import credential_pb2 as pb
from magistrate.v1.types_pb2 import EntityRef

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.governance.grants import Grants
from service.model import Scopes
from service.rate import Rate
from tests.service.doors.desk import HOLDERS, Call, Desk, user_of
from tests.service.point import NOW

EVE: Final = EntityRef(type="User", id="eve")
AUDITOR: Final = EntityRef(type="User", id="auditor")
ADMIN: Final = EntityRef(type="User", id="admin")
KEY: Final = pb.CreateApiKeyRequest(name="ci", principal=EVE)
WIDE: Final = pb.KeyScopes(rpcs=["AuthorizationService.*", "EntityService.*"])

CALLS: Final[dict[str, tuple[Call[object], str, set[str]]]] = {
    "CreateApiKey": (lambda stub, who: stub.CreateApiKey(KEY, metadata=who), "key.manage", {"admin"}),
    "RotateApiKey": (
        lambda stub, who: stub.RotateApiKey(pb.RotateApiKeyRequest(id="k"), metadata=who), "key.manage", {"admin"},
    ),
    "GetApiKey": (
        lambda stub, who: stub.GetApiKey(pb.GetApiKeyRequest(id="k"), metadata=who), "key.manage", {"admin"},
    ),
    "ListApiKeys": (
        lambda stub, who: stub.ListApiKeys(pb.ListApiKeysRequest(), metadata=who), "key.manage", {"admin"},
    ),
    "RevokeApiKey": (
        lambda stub, who: stub.RevokeApiKey(pb.RevokeApiKeyRequest(id="k"), metadata=who), "revoke", {"admin"},
    ),
    "CreateSession to be asked about": (
        lambda stub, who: stub.CreateSession(pb.CreateSessionRequest(principal=EVE), metadata=who),
        "check_as",
        {"check_as:User"},
    ),
    "CreateSession to call": (
        lambda stub, who: stub.CreateSession(
            pb.CreateSessionRequest(principal=EVE, purpose=pb.SESSION_PURPOSE_CALL), metadata=who
        ),
        "key.manage",
        {"admin"},
    ),
    "RevokeSession": (
        lambda stub, who: stub.RevokeSession(pb.RevokeSessionRequest(id="s"), metadata=who), "revoke", {"admin"},
    ),
    "RevokeSession of a principal": (
        lambda stub, who: stub.RevokeSession(pb.RevokeSessionRequest(principal=EVE), metadata=who),
        "revoke",
        {"admin"},
    ),
    "ListSessions": (
        lambda stub, who: stub.ListSessions(pb.ListSessionsRequest(), metadata=who), "key.manage", {"admin"},
    ),
}  # fmt: skip
"""Every RPC about keys and sessions, the action that it needs, and the grants that carry it; no other does."""
WHO: Final = {user_of(grant): grant for grant in HOLDERS} | {"local": "", "nobody": ""}


@pytest.mark.parametrize("rpc", CALLS)
def test_an_rpc_is_for_whom_it_should_be_and_for_nobody_else(desk: Desk, rpc: str) -> None:
    call, action, grants = CALLS[rpc]
    may, may_not = (grpc.StatusCode.OK, grpc.StatusCode.NOT_FOUND), (grpc.StatusCode.PERMISSION_DENIED,)
    for name in sorted(WHO, key=lambda name: WHO[name] in grants):
        is_meant = WHO[name] in grants
        desk.records.records.clear()
        assert desk.status(name, call) in (may if is_meant else may_not), name
        recorded = {(record.action, record.effect) for record in desk.records.records}
        assert recorded == {(f"magistrate.{action}", Effect.ALLOW if is_meant else Effect.DENY)}
        assert is_meant or (desk.keys.page(None, 9), desk.sessions.page(None, None, 9)) == ([], [])


@pytest.mark.parametrize("rpc", ["CreateApiKey", "CreateSession to call", "CreateSession to be asked about"])
def test_what_cannot_be_recorded_is_not_done(desk: Desk, rpc: str) -> None:
    call, _, grants = CALLS[rpc]
    desk.records.is_refusing = True
    assert desk.fails(user_of(*grants), call).code() is grpc.StatusCode.UNAVAILABLE
    assert (desk.keys.page(None, 9), desk.sessions.page(None, None, 9)) == ([], [])


def create(desk: Desk, request: pb.CreateApiKeyRequest, name: str = "admin") -> pb.CreateApiKeyResponse:
    answer: pb.CreateApiKeyResponse = desk.ask(name, lambda stub, who: stub.CreateApiKey(request, metadata=who))
    return answer


def refused(desk: Desk, request: pb.CreateApiKeyRequest, name: str = "admin") -> grpc.Call:
    return desk.fails(name, lambda stub, who: stub.CreateApiKey(request, metadata=who))


def test_a_key_is_kept_and_recorded_without_its_secret(desk: Desk) -> None:
    answer = create(
        desk,
        pb.CreateApiKeyRequest(
            name="ci", principal=EVE, rate=pb.KeyRate(per_minute=60), scopes=pb.KeyScopes(actions=["read"])
        ),
    )
    prefix, id_, secret = answer.secret.split("_", 2)
    assert (prefix, id_, len(secret)) == ("mk", answer.key.id, 43)
    kept = desk.keys.find(id_)
    assert kept is not None
    assert (kept.principal, kept.owner, kept.rate) == (Ref("User", "eve"), Ref("User", "admin"), Rate(60, 60))
    assert kept.scopes == Scopes(frozenset({"AuthorizationService.*"}), frozenset({"read"}))
    assert secret not in repr(kept)
    (record,) = desk.records.records
    assert (record.action, record.resource) == ("magistrate.key.manage", Ref("api_key", id_))
    assert record.inputs == {
        "change": "create",
        "name": "ci",
        "expires_at": None,
        "principal": "User:eve",
        "owner": "User:admin",
        "rpcs": ["AuthorizationService.*"],
    }
    assert record.origin.peer == "127.0.0.1"
    assert secret not in repr(record)


def test_a_key_that_is_mapped_to_nobody_names_a_service_of_its_own(desk: Desk) -> None:
    answer = create(desk, pb.CreateApiKeyRequest(name="ci"))
    assert answer.key.principal == EntityRef(type="magistrate.Service", id=answer.key.id)


@pytest.mark.parametrize(
    ("principal", "scopes", "may"),
    [
        (AUDITOR, pb.KeyScopes(), True),
        (AUDITOR, WIDE, False),
        (EVE, WIDE, True),
        (ADMIN, WIDE, True),
    ],
    ids=["questions as an auditor", "more as an auditor", "more as one who holds nothing", "more as oneself"],
)
def test_an_admin_becomes_nobody_who_holds_more_by_a_key_of_his(
    desk: Desk, principal: EntityRef, scopes: pb.KeyScopes, may: bool
) -> None:
    request = pb.CreateApiKeyRequest(name="ci", principal=principal, scopes=scopes)
    if may:
        assert create(desk, request).secret
    else:
        assert refused(desk, request).code() is grpc.StatusCode.PERMISSION_DENIED
        assert desk.keys.page(None, 9) == []


def test_a_key_whose_principal_came_to_hold_more_is_not_rotated_by_its_maker(desk: Desk) -> None:
    key = create(desk, pb.CreateApiKeyRequest(name="ci", principal=EVE, scopes=WIDE)).key
    Grants(desk.database).give(Ref("User", "eve"), "auditor", None)
    rotating = pb.RotateApiKeyRequest(id=key.id)
    error = desk.fails("admin", lambda stub, who: stub.RotateApiKey(rotating, metadata=who))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    kept = desk.keys.find(key.id)
    assert kept is not None
    assert kept.rotated_at is None


def test_who_is_admin_for_a_while_lends_no_admin_for_longer(desk: Desk) -> None:
    ends = NOW + 120_000
    Grants(desk.database).give(Ref("User", "temp"), "admin", None, ends)
    for end in (None, Timestamp(seconds=ends // 1000, nanos=1_000_000)):
        wanted = pb.CreateApiKeyRequest(name="ci", principal=ADMIN, scopes=WIDE, expires_at=end)
        assert refused(desk, wanted, "temp").code() is grpc.StatusCode.PERMISSION_DENIED
    wanted.expires_at.FromMilliseconds(ends)
    assert create(desk, wanted, "temp").secret
    opening = pb.CreateSessionRequest(principal=ADMIN, purpose=pb.SESSION_PURPOSE_CALL)
    error = desk.fails("temp", lambda stub, who: stub.CreateSession(opening, metadata=who))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert len(desk.keys.page(None, 9)) == 1
    assert desk.sessions.page(None, None, 9) == []
    own = EntityRef(type="User", id="temp")  # as whom there is nothing to be done once he is admin no more
    assert create(desk, pb.CreateApiKeyRequest(name="own", principal=own, scopes=WIDE), "temp").secret


def test_who_may_name_principals_for_a_while_opens_no_session_for_longer(desk: Desk) -> None:
    def opening(seconds: int) -> Call[object]:
        request = pb.CreateSessionRequest(principal=EVE, idle=Duration(seconds=60), lifetime=Duration(seconds=seconds))
        return lambda stub, who: stub.CreateSession(request, metadata=who)

    Grants(desk.database).give(Ref("User", "temp"), "check_as:User", None, NOW + 120_000)
    assert desk.status("temp", opening(121)) is grpc.StatusCode.PERMISSION_DENIED
    assert desk.status("temp", opening(120)) is grpc.StatusCode.OK
    (opened,) = desk.sessions.page(None, None, 9)
    ending = pb.RevokeSessionRequest(id=opened.id)
    assert desk.ask("temp", lambda stub, who: stub.RevokeSession(ending, metadata=who)).count == 1


def test_the_record_of_a_session_names_it_and_not_what_opens_it(desk: Desk) -> None:
    request = pb.CreateSessionRequest(principal=EVE, purpose=pb.SESSION_PURPOSE_CALL)
    opened = desk.ask("admin", lambda stub, who: stub.CreateSession(request, metadata=who))
    (record,) = desk.records.records
    assert (record.action, record.resource) == ("magistrate.key.manage", Ref("User", "eve"))
    assert record.inputs == {"change": "open", "purpose": "call", "session": opened.session.id}
    assert opened.token not in repr(record)


def test_a_session_that_calls_lends_nobody_who_holds_more(desk: Desk) -> None:
    request = pb.CreateSessionRequest(principal=AUDITOR, purpose=pb.SESSION_PURPOSE_CALL)
    error = desk.fails("admin", lambda stub, who: stub.CreateSession(request, metadata=who))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    assert desk.sessions.page(None, None, 9) == []


@pytest.mark.parametrize(
    ("scopes", "may"),
    [
        (pb.KeyScopes(rpcs=["AuthorizationService.Check"]), True),
        (pb.KeyScopes(rpcs=["CredentialService.ListApiKeys"]), True),
        (pb.KeyScopes(), False),
        (pb.KeyScopes(rpcs=["EntityService.PutEntity"]), False),
    ],
    ids=["as far", "less far", "all questions", "elsewhere"],
)
def test_a_key_makes_no_key_that_reaches_further_than_itself(desk: Desk, scopes: pb.KeyScopes, may: bool) -> None:
    request = pb.CreateApiKeyRequest(name="ci", principal=ADMIN, scopes=scopes)
    if may:
        assert create(desk, request, "bound").secret
    else:
        assert refused(desk, request, "bound").code() is grpc.StatusCode.PERMISSION_DENIED
        assert desk.keys.page(None, 9) == []


def test_a_key_makes_and_rotates_no_key_that_outlives_it(desk: Desk) -> None:
    scopes = pb.KeyScopes(rpcs=["CredentialService.ListApiKeys"])
    ends = NOW // 1000 + 60
    for end in (None, Timestamp(seconds=ends, nanos=1_000_000)):
        request = pb.CreateApiKeyRequest(name="ci", principal=ADMIN, scopes=scopes, expires_at=end)
        assert refused(desk, request, "brief").code() is grpc.StatusCode.PERMISSION_DENIED
        assert desk.keys.page(None, 9) == []
    ever = create(desk, pb.CreateApiKeyRequest(name="ever", principal=ADMIN, scopes=scopes))
    rotating = pb.RotateApiKeyRequest(id=ever.key.id)
    error = desk.fails("brief", lambda stub, who: stub.RotateApiKey(rotating, metadata=who))
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    end = Timestamp(seconds=ends)
    assert create(
        desk, pb.CreateApiKeyRequest(name="ci", principal=ADMIN, scopes=scopes, expires_at=end), "brief"
    ).secret


def test_an_rpc_that_the_credential_is_not_for_is_refused_and_recorded(desk: Desk) -> None:
    error = refused(desk, KEY, "questions")
    assert error.code() is grpc.StatusCode.PERMISSION_DENIED
    (record,) = desk.records.records
    assert (record.action, record.code) == ("magistrate.call", "KEY_SCOPE")
    assert record.resource == Ref("rpc", "CredentialService.CreateApiKey")
    assert record.origin.peer == "127.0.0.1"


BAD: Final[dict[str, tuple[pb.CreateApiKeyRequest, str]]] = {
    "no name": (pb.CreateApiKeyRequest(principal=EVE), "name"),
    "a name with control characters": (pb.CreateApiKeyRequest(name="a\nb"), "name"),
    "no id": (pb.CreateApiKeyRequest(name="ci", principal=EntityRef(type="User")), "principal.id"),
    "an RPC of nobody's": (
        pb.CreateApiKeyRequest(name="ci", scopes=pb.KeyScopes(rpcs=["EntityService.Drop"])), "scopes.rpcs",
    ),
    "types for what is no question": (
        pb.CreateApiKeyRequest(name="ci", scopes=pb.KeyScopes(rpcs=["EntityService.*"], types=["Doc"])), "scopes.rpcs",
    ),
    "no rate at all": (pb.CreateApiKeyRequest(name="ci", rate=pb.KeyRate(per_minute=-1, burst=1)), "rate"),
    "an end that has come": (
        pb.CreateApiKeyRequest(name="ci", expires_at=Timestamp(seconds=NOW // 1000)), "expires_at",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_key_that_cannot_be_meant_is_refused_and_its_field_named(desk: Desk, case: str) -> None:
    request, named = BAD[case]
    error = refused(desk, request)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    status, violations = from_call(error), BadRequest()
    assert status is not None
    assert status.details[1].Unpack(violations)
    assert [each.field for each in violations.field_violations] == [named]
    assert desk.keys.page(None, 9) == []


@pytest.mark.parametrize(
    ("idle", "lifetime", "named"),
    [(30, 3600, "idle"), (7200, 3600, "idle"), (60, 91 * 86_400, "lifetime"), (60, 0, "lifetime")],
)
def test_a_session_that_cannot_be_meant_is_refused(desk: Desk, idle: int, lifetime: int, named: str) -> None:
    request = pb.CreateSessionRequest(principal=EVE, idle=Duration(seconds=idle), lifetime=Duration(seconds=lifetime))
    error = desk.fails("check_as-User", lambda stub, who: stub.CreateSession(request, metadata=who))
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert named in (error.details() or "")


NUL: Final = EntityRef(type="User", id="a\0b")
UNNAMEABLE: Final[dict[str, Call[object]]] = {
    "RotateApiKey": lambda stub, who: stub.RotateApiKey(pb.RotateApiKeyRequest(id="\0"), metadata=who),
    "GetApiKey": lambda stub, who: stub.GetApiKey(pb.GetApiKeyRequest(id="\0"), metadata=who),
    "RevokeApiKey": lambda stub, who: stub.RevokeApiKey(pb.RevokeApiKeyRequest(id="\0"), metadata=who),
    "CreateApiKey": lambda stub, who: stub.CreateApiKey(
        pb.CreateApiKeyRequest(name="ci", principal=NUL, scopes=WIDE), metadata=who
    ),
    "CreateSession": lambda stub, who: stub.CreateSession(
        pb.CreateSessionRequest(principal=NUL, purpose=pb.SESSION_PURPOSE_CALL), metadata=who
    ),
    "RevokeSession": lambda stub, who: stub.RevokeSession(pb.RevokeSessionRequest(id="\0"), metadata=who),
    "RevokeSession of a principal": lambda stub, who: stub.RevokeSession(
        pb.RevokeSessionRequest(principal=NUL), metadata=who
    ),
    "ListSessions": lambda stub, who: stub.ListSessions(pb.ListSessionsRequest(principal=NUL), metadata=who),
}
"""Calls about what PostgreSQL has no text for: to it they were no call that it could read, as if it were away."""


def test_what_no_database_can_name_is_refused_before_one_is_asked(desk: Desk) -> None:
    refusals = {rpc: desk.fails("nobody", call) for rpc, call in UNNAMEABLE.items()}
    assert {error.code() for error in refusals.values()} == {grpc.StatusCode.INVALID_ARGUMENT}
    assert {
        rpc: error.details() for rpc, error in refusals.items() if "no control characters" not in error.details()
    } == {}
    assert desk.records.records == []


def test_who_opened_a_session_ends_it_and_nobody_elses(desk: Desk) -> None:
    Grants(desk.database).give(Ref("User", "gateway"), "check_as:User", None)
    opening = pb.CreateSessionRequest(principal=EVE)
    opened: pb.CreateSessionResponse = desk.ask(
        "check_as-User", lambda stub, who: stub.CreateSession(opening, metadata=who)
    )
    ending = pb.RevokeSessionRequest(token=opened.token)
    other = desk.fails("gateway", lambda stub, who: stub.RevokeSession(ending, metadata=who))
    assert other.code() is grpc.StatusCode.PERMISSION_DENIED
    ended: pb.RevokeSessionResponse = desk.ask(
        "check_as-User", lambda stub, who: stub.RevokeSession(ending, metadata=who)
    )
    assert ended.count == 1
    assert all(opened.token not in repr(record) for record in desk.records.records)


def test_revoking_a_principal_revokes_its_keys_and_sessions_and_those_it_owns(desk: Desk) -> None:
    names = create(desk, KEY).key.id
    owned = create(desk, pb.CreateApiKeyRequest(name="ci", owner=EVE)).key.id
    others = create(desk, pb.CreateApiKeyRequest(name="ci", principal=ADMIN)).key.id
    calling = pb.CreateSessionRequest(principal=EVE, purpose=pb.SESSION_PURPOSE_CALL)
    desk.ask("admin", lambda stub, who: stub.CreateSession(calling, metadata=who))
    # With an end that comes sooner than that of the keys, which have none.
    revoking = pb.RevokePrincipalRequest(principal=EVE, expires_at=Timestamp(seconds=NOW // 1000 + 1))
    desk.ask("admin", lambda stub, who: stub.RevokePrincipal(revoking, metadata=who))
    assert {key.id for key in desk.keys.page(None, 9) if key.revoked_at is not None} == {names, owned}
    assert others not in {names, owned}
    assert [session.revoked_by for session in desk.sessions.page(None, None, 9)] == ["User:admin"]


def test_lists_are_given_in_pages(desk: Desk) -> None:
    made = {create(desk, KEY).key.id for _ in range(3)}
    found: list[str] = []
    token = ""
    for _ in range(2):
        page = listed(desk, pb.ListApiKeysRequest(page_size=2, page_token=token))
        found += [key.id for key in page.keys]
        token = page.next_page_token
    assert token == ""
    assert found == sorted(made)


def listed(desk: Desk, request: pb.ListApiKeysRequest) -> pb.ListApiKeysResponse:
    page: pb.ListApiKeysResponse = desk.ask("admin", lambda stub, who: stub.ListApiKeys(request, metadata=who))
    return page
