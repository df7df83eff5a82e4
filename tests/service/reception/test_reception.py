"""What a stranger does shuts out nobody else behind the same address; what a credential is not for is refused first."""

import asyncio

import pytest

from policy_lang.values import Ref
from service.errors import PermissionDenied, RateLimited, Unauthenticated
from service.model import Bounds, Caller, Principal, Scopes
from service.rate import Rate
from service.reception.failures import Failures
from service.reception.reception import Arrival, Reception
from tests.service.doors.receiving import LocalKeeper
from tests.service.point import NOW, KeptRecords

PEER = "192.0.2.7"
CHECKS = Scopes(frozenset({"AuthorizationService.*"}))


class Rows:
    """Knows `alice` from the start, and `bob` once that was fetched; nobody else."""

    def __init__(self) -> None:
        self.known = {"alice"}
        self.fetches = 0
        self.lost = 0
        """How many fetches are of no use, since what they gave changed at once."""

    def caller(self, token: str, now: int) -> Caller:
        if token in self.known:
            return Caller(Principal(Ref("User", token)), "api-key", Bounds(token, CHECKS, Rate(60, 2)))

        async def fetch() -> None:
            self.fetches += 1
            if self.fetches > self.lost:
                self.known |= {token} & {"bob"}

        raise Unauthenticated(f"nobody knows {token}", fetch=fetch)

    def principal(self, token: str, now: int) -> Principal:
        raise Unauthenticated("nobody")


class Room:
    """A reception that bears three failures of a peer."""

    def __init__(self) -> None:
        self.rows, self.records = Rows(), KeptRecords()
        self.failures = Failures(Rate(3, 3), 100)
        self.reception = Reception(
            self.rows, meter=LocalKeeper().leases, failures=self.failures, recorder=self.records, clock=lambda: NOW
        )

    def admit(self, token: str, rpc: str = "AuthorizationService.Check", weight: int = 1) -> Caller:
        """The caller of a call with that credential."""
        return asyncio.run(self.reception.admit(Arrival(rpc, lambda: PEER, [f"Bearer {token}"], weight)))


def test_a_peer_that_fails_too_often_is_told_so_and_a_good_credential_from_there_stays_good() -> None:
    room = Room()
    for _ in range(3):
        with pytest.raises(Unauthenticated):
            room.admit("eve")
    before = room.rows.fetches
    for token in ("eve", "bob"):
        with pytest.raises(RateLimited):
            room.admit(token)
    assert room.rows.fetches == before
    assert room.admit("alice").principal.ref == Ref("User", "alice")


def test_what_is_lacking_is_fetched_once() -> None:
    room = Room()
    assert room.admit("bob").principal.ref == Ref("User", "bob")
    assert room.admit("bob")
    assert room.rows.fetches == 1


def test_what_changed_before_it_was_looked_at_is_fetched_again_and_then_no_more() -> None:
    room = Room()
    room.rows.lost = 2
    assert room.admit("bob").principal.ref == Ref("User", "bob")
    assert room.rows.fetches == 3
    with pytest.raises(Unauthenticated):
        room.admit("eve")
    assert room.rows.fetches == 6


def test_a_call_without_one_credential_counts_as_a_failure() -> None:
    room = Room()
    for credentials in ([], ["Bearer alice", "Bearer alice"], ["Basic alice"]):
        with pytest.raises(Unauthenticated):
            asyncio.run(room.reception.admit(Arrival("AuthorizationService.Check", lambda: PEER, credentials)))
    assert {failure.reason: calls for failure, calls in room.failures.taken().items()} == {
        "no credential is presented": 1,
        "two credentials are presented": 1,
        "the credential is not one bearer token": 1,
    }


def test_an_rpc_outside_the_scopes_takes_nothing_of_the_rate() -> None:
    room = Room()
    for _ in range(5):
        with pytest.raises(PermissionDenied):
            room.admit("alice", "EntityService.PutEntity")
    assert [record.code for record in room.records.records] == ["KEY_SCOPE"] * 5
    room.admit("alice", weight=2)
    with pytest.raises(RateLimited):
        room.admit("alice")
    assert room.reception.rate_limited == 1
