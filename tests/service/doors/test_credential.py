"""CredentialService over a real channel: who may revoke, what is written and recorded, what can never be meant."""

from typing import Final

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import BadRequest
from grpc_status.rpc_status import from_call
from magistrate.v1.credential_pb2 import (
    LiftPrincipalRequest,
    ListRevocationsRequest,
    ListRevocationsResponse,
    RevokeCertificateRequest,
    RevokeIssuerKeyRequest,
    RevokePrincipalRequest,
    RevokePrincipalResponse,
    RevokeTokenRequest,
    RevokeTokenResponse,
)
from magistrate.v1.types_pb2 import EntityRef

from policy_lang.decision import Effect
from policy_lang.values import Ref
from service.revocations.revocation import (
    KEPT_MS,
    KeyName,
    LiftedPrincipal,
    RevokedCertificate,
    RevokedKey,
    RevokedPrincipal,
    RevokedToken,
    TokenName,
)
from tests.service.doors.desk import HOLDERS, SKEW, Call, Desk, user_of
from tests.service.point import NOW

REQUEST: Final = RevokeTokenRequest(issuer="idp", jti="j1")
CALLS: Final[dict[str, Call[object]]] = {
    "RevokeToken": lambda stub, who: stub.RevokeToken(REQUEST, metadata=who),
    "RevokePrincipal": lambda stub, who: stub.RevokePrincipal(principal("User", "eve"), metadata=who),
    "RevokeIssuerKey": lambda stub, who: stub.RevokeIssuerKey(
        RevokeIssuerKeyRequest(issuer="idp", kid="k1"), metadata=who
    ),
    "RevokeCertificate": lambda stub, who: stub.RevokeCertificate(
        RevokeCertificateRequest(sha256="AB:" * 31 + "AB"), metadata=who
    ),
    "ListRevocations": lambda stub, who: stub.ListRevocations(ListRevocationsRequest(), metadata=who),
}


def principal(type_: str, id_: str) -> RevokePrincipalRequest:
    return RevokePrincipalRequest(principal=EntityRef(type=type_, id=id_))


@pytest.mark.parametrize("rpc", CALLS)
@pytest.mark.parametrize("name", ["admin", "developer"])
def test_who_holds_revoke_everywhere_may(desk: Desk, name: str, rpc: str) -> None:
    desk.ask(name, CALLS[rpc])
    (record,) = desk.records.records
    assert (record.action, record.effect, record.caller) == ("magistrate.revoke", Effect.ALLOW, Ref("User", name))


@pytest.mark.parametrize("rpc", CALLS)
@pytest.mark.parametrize("name", [*map(user_of, HOLDERS[1:]), "local", "nobody"])
def test_nobody_else_may_and_the_attempt_is_recorded(desk: Desk, name: str, rpc: str) -> None:
    assert desk.fails(name, CALLS[rpc]).code() is grpc.StatusCode.PERMISSION_DENIED
    (record,) = desk.records.records
    assert (record.action, record.effect, record.code) == ("magistrate.revoke", Effect.DENY, "REVOKE")
    assert desk.store.all() == []


@pytest.mark.parametrize("rpc", CALLS)
def test_a_stranger_learns_nothing_and_is_no_record(desk: Desk, rpc: str) -> None:
    assert desk.fails("stranger", CALLS[rpc]).code() is grpc.StatusCode.UNAUTHENTICATED
    assert desk.records.records == []


@pytest.mark.parametrize("rpc", CALLS)
def test_what_cannot_be_recorded_is_not_done(desk: Desk, rpc: str) -> None:
    desk.records.is_refusing = True
    assert desk.fails("admin", CALLS[rpc]).code() is grpc.StatusCode.UNAVAILABLE
    assert desk.store.all() == []


def test_a_token_is_kept_until_a_day_after_its_end(desk: Desk) -> None:
    end = NOW // 1000 + 900
    answer: RevokeTokenResponse = desk.ask(
        "admin",
        lambda stub, who: stub.RevokeToken(
            RevokeTokenRequest(issuer="idp", jti="j1", expires_at=Timestamp(seconds=end)), metadata=who
        ),
    )
    assert answer.revision
    assert desk.store.all() == [RevokedToken(TokenName("idp", "j1"), (end + SKEW) * 1000 + KEPT_MS)]
    assert desk.records.records[0].resource == Ref("token", "j1")
    assert desk.records.records[0].inputs == {"issuer": "idp"}


def test_a_principals_tokens_are_revoked_up_to_now_plus_skew(desk: Desk) -> None:
    answer: RevokePrincipalResponse = desk.ask(
        "admin", lambda stub, who: stub.RevokePrincipal(principal("User", "eve"), metadata=who)
    )
    assert answer.issued_until == Timestamp(seconds=NOW // 1000 + SKEW)
    assert desk.store.all() == [RevokedPrincipal(Ref("User", "eve"), NOW + SKEW * 1000, None)]
    assert desk.records.records[0].resource == Ref("User", "eve")


def test_a_key_is_kept_for_ever_where_nobody_says_when_its_tokens_end(desk: Desk) -> None:
    assert desk.ask("admin", CALLS["RevokeIssuerKey"])
    assert desk.store.all() == [RevokedKey(KeyName("idp", "k1"), None)]
    assert desk.records.records[0].resource == Ref("issuer_key", "k1")
    assert desk.records.records[0].inputs == {"issuer": "idp"}


def lift(id_: str) -> Call[object]:
    ref = EntityRef(type="magistrate.Service", id=id_)
    return lambda stub, who: stub.LiftPrincipal(LiftPrincipalRequest(principal=ref), metadata=who)


def test_a_certificate_is_kept_by_its_digits_alone(desk: Desk) -> None:
    assert desk.ask("admin", CALLS["RevokeCertificate"])
    assert desk.store.all() == [RevokedCertificate("ab" * 32, None)]
    assert desk.records.records[0].resource == Ref("certificate", "ab" * 32)


def test_where_no_certificates_are_accepted_none_is_revoked(desk: Desk) -> None:
    desk.certified_types = None
    failed = desk.fails("admin", CALLS["RevokeCertificate"])
    assert (failed.code(), desk.store.all()) == (grpc.StatusCode.FAILED_PRECONDITION, [])


def test_whom_certificates_name_is_revoked_for_ever_and_lifted_by_who_may_revoke(desk: Desk) -> None:
    request = principal("magistrate.Service", "gateway")
    request.expires_at.CopyFrom(Timestamp(seconds=NOW // 1000 + 900))
    desk.ask("admin", lambda stub, who: stub.RevokePrincipal(request, metadata=who))
    revoked = RevokedPrincipal(Ref("magistrate.Service", "gateway"), NOW + SKEW * 1000, None)
    assert desk.store.all() == [revoked]
    assert desk.fails("auditor", lift("gateway")).code() is grpc.StatusCode.PERMISSION_DENIED
    assert desk.fails("admin", lift("nobody")).code() is grpc.StatusCode.NOT_FOUND
    assert desk.store.all() == [revoked]
    desk.ask("admin", lift("gateway"))
    assert set(desk.store.all()) == {revoked, LiftedPrincipal(revoked.principal, NOW + SKEW * 1000, None)}
    assert desk.records.records[-1].inputs == {"lift": "certificates"}
    listed: ListRevocationsResponse = desk.ask(
        "admin", lambda stub, who: stub.ListRevocations(ListRevocationsRequest(), metadata=who)
    )
    assert [each.WhichOneof("revoked") for each in listed.revocations] == ["lifted", "principal"]


BAD: Final[dict[str, tuple[Call[object], str]]] = {
    "an issuer that is not trusted": (
        lambda stub, who: stub.RevokeToken(RevokeTokenRequest(issuer="ipd", jti="j1"), metadata=who),
        "issuer",
    ),
    "a key of an issuer that is not trusted": (
        lambda stub, who: stub.RevokeIssuerKey(RevokeIssuerKeyRequest(issuer="ipd", kid="k1"), metadata=who),
        "issuer",
    ),
    "a fingerprint that is none": (
        lambda stub, who: stub.RevokeCertificate(RevokeCertificateRequest(sha256="ab" * 20), metadata=who),
        "sha256",
    ),
    "no kid": (
        lambda stub, who: stub.RevokeIssuerKey(RevokeIssuerKeyRequest(issuer="idp"), metadata=who),
        "kid",
    ),
    "no jti": (lambda stub, who: stub.RevokeToken(RevokeTokenRequest(issuer="idp"), metadata=who), "jti"),
    "an end out of time": (
        lambda stub, who: stub.RevokeToken(
            RevokeTokenRequest(issuer="idp", jti="j1", expires_at=Timestamp(seconds=1 << 50)), metadata=who
        ),
        "expires_at",
    ),
    "a type that no issuer names": (
        lambda stub, who: stub.RevokePrincipal(principal("Order", "o1"), metadata=who),
        "principal.type",
    ),
    "no id": (lambda stub, who: stub.RevokePrincipal(principal("User", ""), metadata=who), "principal.id"),
    "too large a page": (
        lambda stub, who: stub.ListRevocations(ListRevocationsRequest(page_size=1001), metadata=who),
        "page_size",
    ),
    "a page token of nobody's": (
        lambda stub, who: stub.ListRevocations(ListRevocationsRequest(page_token="WyJhIl0="), metadata=who),
        "page_token",
    ),
    "a page token that is none": (
        lambda stub, who: stub.ListRevocations(ListRevocationsRequest(page_token="ü"), metadata=who),
        "page_token",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_what_can_never_be_meant_is_refused_and_its_field_named(desk: Desk, case: str) -> None:
    call, named = BAD[case]
    error = desk.fails("admin", call)
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    status, violations = from_call(error), BadRequest()
    assert status is not None
    assert status.details[1].Unpack(violations)
    assert [each.field for each in violations.field_violations] == [named]
    assert desk.store.all() == []


def page_of(desk: Desk, token: str) -> ListRevocationsResponse:
    request = ListRevocationsRequest(page_size=2, page_token=token)
    answer: ListRevocationsResponse = desk.ask("admin", lambda stub, who: stub.ListRevocations(request, metadata=who))
    return answer


def test_the_list_is_given_in_pages(desk: Desk) -> None:
    for jti in ("j1", "j2", "j3"):
        desk.store.add(RevokedToken(TokenName("idp", jti), None), by=Ref("User", "root"), now=NOW)
    desk.store.add(RevokedPrincipal(Ref("User", "eve"), NOW, NOW + 5), by=Ref("User", "root"), now=NOW)
    desk.store.add(RevokedKey(KeyName("idp", "k1"), None), by=Ref("User", "root"), now=NOW)
    found, token = [], ""
    for _ in range(3):
        page = page_of(desk, token)
        found += list(page.revocations)
        token = page.next_page_token
    assert token == ""
    named = [each.token.jti or each.principal.id or each.issuer_key.kid for each in found]
    assert named == ["k1", "eve", "j1", "j2", "j3"]
    assert found[1].kept_until.ToMilliseconds() == NOW + 5
    assert found[1].issued_until.ToMilliseconds() == NOW
    assert not found[2].HasField("kept_until")
    assert {each.revoked_by for each in found} == {"User:root"}
