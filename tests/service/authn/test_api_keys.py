"""API keys: good by the secrets that they have now, refused by equal work, never read twice."""

import asyncio
import secrets
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from policy_lang.values import Ref
from service.authn.api_keys.api_key import ApiKey, Former, KeyParts, new_parts, new_secret, write_key
from service.authn.api_keys.peppers import Peppers, hmac_sha256, load_peppers
from service.authn.api_keys.verifier import ApiKeyVerifier
from service.authn.verified import Verified
from service.config import PepperSettings
from service.db.feed import API_KEY, Change
from service.errors import ConfigError, NotConfigured, Unauthenticated
from service.identity import Evidence, EvidenceKind
from service.model import Scopes
from service.rate import Rate
from tests.service.feed.told import ToldFeed

NOW = 1_800_000_000_000
PARTS = new_parts()
FORMER = new_secret()
ALICE, BOB = Ref("User", "alice"), Ref("User", "bob")


class Room:
    """A verifier over keys in a dictionary, with every MAC that it makes."""

    def __init__(self) -> None:
        self.told = ToldFeed()
        self.macs: list[tuple[int, int]] = []
        self.peppers = Peppers({"p1": b"1" * 32}, self._make)
        self.reads: list[str] = []
        self.used: list[tuple[str, int]] = []
        self.keys: dict[str, ApiKey] = {}
        self.verifier = ApiKeyVerifier(
            self.told.feed, self._read, peppers=self.peppers, used=lambda id_, at: self.used.append((id_, at))
        )
        self.put(self.key())
        self.macs.clear()

    def key(self) -> ApiKey:
        """Alice's key, rotated an hour ago, its former secret good for another."""
        return ApiKey(
            id=PARTS.id,
            name="ci",
            principal=ALICE,
            owner=BOB,
            scopes=Scopes(frozenset({"AuthorizationService.*"})),
            rate=Rate(60, 10),
            mac=self.peppers.mac(PARTS.secret),
            former=Former(self.peppers.mac(FORMER), NOW + 1),
            created_at=NOW - 7_200_000,
            created_by="User:root",
            rotated_at=NOW - 3_600_000,
        )

    def put(self, key: ApiKey) -> None:
        """Has the key there, and the feed tell of it."""
        self.keys[key.id] = key
        self.told.tell(Change(API_KEY, key.id))

    def verify(self, parts: KeyParts, now: int = NOW) -> Verified:
        """What the key comes to, read first if it must be."""
        return asyncio.run(self._verify(write_key(parts), now))

    def refusal(self, parts: KeyParts, now: int = NOW) -> str:
        """Why the key is refused."""
        with pytest.raises(Unauthenticated) as caught:
            self.verify(parts, now)
        assert caught.value.fetch is None
        assert parts.secret not in str(caught.value)
        return str(caught.value)

    async def _verify(self, text: str, now: int) -> Verified:
        try:
            return self.verifier.verify(text, now)
        except Unauthenticated as error:
            if error.fetch is None:
                raise
            await error.fetch()
        return self.verifier.verify(text, now)

    def _read(self, id_: str) -> ApiKey | None:
        self.reads.append(id_)
        return self.keys.get(id_)

    def _make(self, pepper: bytes, text: bytes) -> bytes:
        self.macs.append((len(pepper), len(text)))
        return hmac_sha256(pepper, text)


def revoked(key: ApiKey) -> ApiKey:
    return replace(key, revoked_at=NOW, revoked_by="User:root")


CASES: dict[str, tuple[Callable[[ApiKey], ApiKey], KeyParts, str]] = {
    "unknown": (lambda key: key, KeyParts("0" * 16, PARTS.secret), "there is no such API key"),
    "wrong": (lambda key: key, KeyParts(PARTS.id, new_secret()), "is wrong"),
    "revoked": (revoked, PARTS, "is revoked"),
    "rotated": (lambda key: key, KeyParts(PARTS.id, FORMER), "was rotated"),
    "never rotated": (lambda key: replace(key, former=None), KeyParts(PARTS.id, FORMER), "is wrong"),
    "of a pepper that is gone": (
        lambda key: replace(key, former=None, mac=key.mac._replace(pepper="p0")),
        PARTS,
        "is wrong",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_every_key_that_is_refused_took_the_path_of_one_that_is_good(case: str) -> None:
    change, parts, why = CASES[case]
    good, room = Room(), Room()
    good.verify(PARTS)
    room.put(change(room.key()))
    room.macs.clear()
    assert why in room.refusal(parts, NOW + 1)
    assert room.macs == good.macs == [(32, 43), (32, 43)]


def test_a_key_names_its_principal_with_its_own_bounds_and_may_not_be_asked_about() -> None:
    verified = Room().verify(PARTS)
    assert verified.caller is not None
    assert verified.caller.principal.ref == ALICE
    assert verified.caller.principal.evidence == Evidence(EvidenceKind.API_KEY, "", PARTS.id)
    assert verified.caller.bounds is not None
    assert (verified.caller.bounds.name, verified.caller.bounds.rate) == (f"api-key {PARTS.id}", Rate(60, 10))
    assert verified.principal is None
    assert (verified.credential.principal, verified.credential.owner) == (ALICE, BOB)


def test_the_former_secret_is_good_until_its_end_and_as_old_as_the_key() -> None:
    room = Room()
    former = KeyParts(PARTS.id, FORMER)
    by_former, by_secret = room.verify(former).credential.issued_at, room.verify(PARTS).credential.issued_at
    assert (by_former, by_secret) == ((NOW - 7_200_000) // 1000, (NOW - 3_600_000) // 1000)
    assert "was rotated" in room.refusal(former, NOW + 1)


def test_a_key_that_is_known_is_not_read_again_until_it_changes() -> None:
    room = Room()
    for _ in range(5):
        room.verify(PARTS)
    assert room.reads == [PARTS.id]
    room.put(revoked(room.key()))
    assert "is revoked" in room.refusal(PARTS)
    assert room.reads == [PARTS.id] * 2


def test_a_key_ends_when_it_expires() -> None:
    room = Room()
    room.put(replace(room.key(), expires_at=NOW))
    window = room.verify(PARTS).window
    window.check(NOW - 1)
    with pytest.raises(Unauthenticated, match="expired"):
        window.check(NOW)


def test_only_a_good_key_is_noted_as_used() -> None:
    room = Room()
    room.refusal(KeyParts(PARTS.id, new_secret()))
    room.verify(PARTS, NOW + 5)
    assert room.used == [(PARTS.id, NOW + 5)]


@pytest.mark.parametrize(
    "text",
    ["mk_", f"mk_{PARTS.id}", f"mk_{PARTS.id}_{PARTS.secret}x", f"mk_{PARTS.id.upper()}_x", "mk_' OR 1=1 --_x"],
    ids=["nothing", "no secret", "a secret too long", "an id in capitals", "sql"],
)
def test_a_text_of_another_form_is_refused_without_a_read(text: str) -> None:
    room = Room()
    with pytest.raises(Unauthenticated, match="form"):
        room.verifier.verify(text, NOW)
    assert room.reads == []


def test_keys_of_a_former_pepper_stay_good_while_it_is_listed(tmp_path: Path) -> None:
    listed = [PepperSettings(id=id_, file=pepper_file(tmp_path / id_)) for id_ in ("new", "old")]
    mac = load_peppers(listed[1:]).mac(PARTS.secret)
    assert load_peppers(listed).matches(mac, PARTS.secret)
    assert load_peppers(listed).mac(PARTS.secret).pepper == "new"
    assert not load_peppers(listed[:1]).matches(mac, PARTS.secret)


def pepper_file(path: Path, content: bytes = b"", mode: int = 0o600) -> Path:
    path.write_bytes(content or secrets.token_hex(32).encode() + b"\n")
    path.chmod(mode)
    return path


@pytest.mark.parametrize(
    ("content", "mode", "why"),
    [
        (b"x" * 32 + b"\n", 0o640, "open to others"),
        (b"x" * 31 + b"\r\n", 0o600, "31 bytes, at least 32"),
        (b"\n", 0o600, "0 bytes"),
    ],
    ids=["open", "short", "empty"],
)
def test_a_pepper_that_is_none_refuses_the_start(tmp_path: Path, content: bytes, mode: int, why: str) -> None:
    file = pepper_file(tmp_path / "pepper", content, mode)
    with pytest.raises(ConfigError, match=why):
        load_peppers([PepperSettings(id="p", file=file)])


def test_a_pepper_that_is_listed_twice_refuses_the_start(tmp_path: Path) -> None:
    listed = PepperSettings(id="p", file=pepper_file(tmp_path / "pepper"))
    with pytest.raises(ConfigError, match="twice"):
        load_peppers([listed, listed])


def test_the_dev_pepper_is_made_once_for_its_owner_alone(tmp_path: Path) -> None:
    mac = load_peppers([], dev_folder=tmp_path / "dev").mac(PARTS.secret)
    assert load_peppers([], dev_folder=tmp_path / "dev").matches(mac, PARTS.secret)
    assert stat.S_IMODE((tmp_path / "dev" / "pepper").stat().st_mode) == 0o600


def test_without_a_pepper_no_key_is_made() -> None:
    with pytest.raises(NotConfigured, match="peppers"):
        load_peppers([]).mac(PARTS.secret)
