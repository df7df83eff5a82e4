"""Revocations are kept on each kind of database, never narrowed, and pruned when nothing needs them any more."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import select

from policy_lang.values import Ref
from service.db.engine import Database
from service.db.facts_tables import change
from service.db.feed import REVOCATION
from service.errors import NotFound
from service.revocations.revocation import (
    PRUNED,
    KeyName,
    LiftedPrincipal,
    Revocation,
    RevokedCertificate,
    RevokedKey,
    RevokedPrincipal,
    RevokedToken,
    TokenName,
    revocation_change,
)
from service.revocations.store import RevocationStore, Revoked, key_of

NOW = 1_800_000_000_000
ADMIN = Ref("User", "root")
ALICE = Ref("User", "alice")


def token(jti: str, kept_until: int | None = None, issuer: str = "idp") -> RevokedToken:
    return RevokedToken(TokenName(issuer, jti), kept_until)


def changes(facts: Database) -> list[tuple[str, str]]:
    with facts.read() as connection:
        return [(row.kind, row.key) for row in connection.execute(select(change).order_by(change.c.revision))]


def test_what_is_revoked_is_read_back(store: RevocationStore) -> None:
    revoked: list[Revocation] = [
        token("j1"),
        token("j1", issuer="other"),
        RevokedPrincipal(ALICE, NOW, NOW + 5),
        RevokedKey(KeyName("idp", "j1"), NOW + 5),
        RevokedCertificate("ab" * 32, NOW + 5),
    ]
    for each in revoked:
        store.add(each, by=ADMIN, now=NOW)
    assert set(store.all()) == set(revoked)


def test_a_revocation_is_one_revision_whose_change_says_it(store: RevocationStore, facts: Database) -> None:
    kept, revision = store.add(token("j1"), by=ADMIN, now=NOW)
    assert kept == Revoked(token("j1"), NOW, "User:root")
    assert revision.endswith(".1")
    assert changes(facts) == [tuple(revocation_change(token("j1")))]


@pytest.mark.parametrize(
    ("first", "then", "kept"),
    [
        (token("j", 5), token("j", 9), token("j", 9)),
        (token("j", 9), token("j", 5), token("j", 9)),
        (token("j", None), token("j", 5), token("j", None)),
        (token("j", 5), token("j", None), token("j", None)),
        (RevokedPrincipal(ALICE, 7, 9), RevokedPrincipal(ALICE, 8, 5), RevokedPrincipal(ALICE, 8, 9)),
        (RevokedPrincipal(ALICE, 8, 5), RevokedPrincipal(ALICE, 7, None), RevokedPrincipal(ALICE, 8, None)),
        (RevokedKey(KeyName("idp", "k"), 9), RevokedKey(KeyName("idp", "k"), 5), RevokedKey(KeyName("idp", "k"), 9)),
    ],
    ids=["longer", "shorter", "from ever", "for ever", "a later time", "an earlier time", "a key, shorter"],
)
def test_revoking_anew_only_ever_refuses_more(
    store: RevocationStore, facts: Database, first: Revocation, then: Revocation, kept: Revocation
) -> None:
    store.add(first, by=ADMIN, now=NOW)
    assert store.add(then, by=ADMIN, now=NOW)[0].what == kept
    assert store.all() == [kept]
    assert changes(facts)[-1] == tuple(revocation_change(kept))


def test_of_many_who_revoke_one_principal_at_once_the_widest_stays(store: RevocationStore) -> None:
    with ThreadPoolExecutor(4) as threads:
        wanted = [RevokedPrincipal(ALICE, NOW + step, None) for step in (3, 1, 7, 2, 9, 4, 8, 5)]
        list(threads.map(lambda each: store.add(each, by=ADMIN, now=NOW), wanted))
    assert store.all() == [RevokedPrincipal(ALICE, NOW + 9, None)]


def test_pages_give_each_revocation_once_in_the_order_of_their_keys(store: RevocationStore) -> None:
    revoked: list[Revocation] = [
        RevokedCertificate("ab" * 32, None),
        RevokedPrincipal(Ref("Robot", "z"), NOW, None),
        RevokedPrincipal(ALICE, NOW, None),
        token("j1"),
        token("j2"),
        token("a", issuer="zzz"),
    ]
    for each in reversed(revoked):
        store.add(each, by=ADMIN, now=NOW)
    found: list[Revocation] = []
    while page := store.page(key_of(found[-1]) if found else None, 2):
        assert len(page) <= 2
        found += [each.what for each in page]
    assert found == revoked


def test_what_is_lifted_is_as_far_as_was_revoked_and_takes_nothing_away(store: RevocationStore) -> None:
    revoked = RevokedPrincipal(ALICE, NOW, None)
    store.add(revoked, by=ADMIN, now=NOW)
    store.lift(ALICE, by=ADMIN, now=NOW)
    assert set(store.all()) == {revoked, LiftedPrincipal(ALICE, NOW, None)}


def test_what_was_lifted_is_revoked_further_also_within_the_same_second(store: RevocationStore) -> None:
    for _ in range(2):
        store.add(RevokedPrincipal(ALICE, NOW, None), by=ADMIN, now=NOW)
        store.lift(ALICE, by=ADMIN, now=NOW)
    kept, _ = store.add(RevokedPrincipal(ALICE, NOW, None), by=ADMIN, now=NOW)
    assert kept.what == RevokedPrincipal(ALICE, NOW + 2, None)


def test_who_is_not_revoked_has_nothing_to_lift(store: RevocationStore, facts: Database) -> None:
    with pytest.raises(NotFound, match="`User:alice` is not revoked"):
        store.lift(ALICE, by=ADMIN, now=NOW)
    assert changes(facts) == []


def test_what_has_ended_is_pruned_and_nothing_else(store: RevocationStore, facts: Database) -> None:
    lasting: list[Revocation] = [token("ever"), token("later", NOW + 1), RevokedPrincipal(ALICE, NOW, None)]
    for each in (
        *lasting,
        RevokedCertificate("ab" * 32, NOW - 1),
        token("over", NOW),
        RevokedPrincipal(Ref("User", "bob"), NOW - 9, NOW - 5),
    ):
        store.add(each, by=ADMIN, now=NOW)
    assert store.prune(NOW) == 3
    assert set(store.all()) == set(lasting)
    assert changes(facts)[-1] == tuple(PRUNED)


def test_pruning_nothing_writes_nothing(store: RevocationStore, facts: Database) -> None:
    store.add(token("later", NOW + 1), by=ADMIN, now=NOW)
    assert store.prune(NOW) == 0
    assert [kind for kind, _ in changes(facts)] == [REVOCATION]
