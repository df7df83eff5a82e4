"""Every attack ends at the door with the same bytes, so that none tells an attacker how far it came."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import grpc
import pytest
from magistrate.v1 import authorization_pb2 as pb

from policy_lang.values import Ref
from service.revocations.revocation import KeyName, RevokedKey, RevokedPrincipal, RevokedToken, TokenName
from tests.service.authn.attacks import ATTACKS, GOOD, resigned
from tests.service.authn.door import OTHER_ISSUER, Answer, Door, alice, gateway, opened
from tests.service.authn.forge import ASKED, EC_KEY, ISSUER, NOW_MS, OTHER_EC_KEY, claims, sign

TRAVELS: Final = re.compile(r"[!-~](?:[ -~]*[!-~])?")
"""What a header may hold; gRPC refuses to send anything else."""

Attack = Callable[[Door], Awaitable[Answer | pb.CheckResponse]]


async def the_key_of_another_issuer(door: Door) -> Answer | pb.CheckResponse:
    return await door.calls(sign(claims(), OTHER_EC_KEY, header={"kid": "k2"}))


async def the_name_of_another_issuer(door: Door) -> Answer | pb.CheckResponse:
    return await door.calls(sign(claims(iss=OTHER_ISSUER), EC_KEY))


async def the_id_of_another_issuers_key(door: Door) -> Answer | pb.CheckResponse:
    return await door.calls(sign(claims(iss=OTHER_ISSUER), EC_KEY, header={"kid": "k2"}))


async def a_callers_token_as_principal_token(door: Door) -> Answer | pb.CheckResponse:
    return await door.is_asked_about(alice())


async def a_principal_token_as_a_callers(door: Door) -> Answer | pb.CheckResponse:
    return await door.calls(alice(aud=ASKED))


async def replay_after_the_token_was_revoked(door: Door) -> Answer | pb.CheckResponse:
    token = alice(jti="j1")
    assert isinstance(await door.calls(token), pb.CheckResponse)
    door.worker.tell(RevokedToken(TokenName(ISSUER, "j1"), None))
    return await door.calls(token)


async def replay_after_the_principal_was_revoked(door: Door) -> Answer | pb.CheckResponse:
    assert isinstance(await door.calls(alice()), pb.CheckResponse)
    door.worker.tell(RevokedPrincipal(Ref("User", "alice"), NOW_MS, None))
    return await door.calls(alice())


async def replay_after_the_key_was_revoked(door: Door) -> Answer | pb.CheckResponse:
    assert isinstance(await door.calls(GOOD), pb.CheckResponse)
    door.worker.tell(RevokedKey(KeyName(ISSUER, "k1"), None))
    return await door.calls(GOOD)


async def a_remembered_signature_under_other_claims(door: Door) -> Answer | pb.CheckResponse:
    assert isinstance(await door.calls(GOOD), pb.CheckResponse)
    return await door.calls(resigned(GOOD, claims(sub="gateway")))


async def remembered_claims_under_another_signature(door: Door) -> Answer | pb.CheckResponse:
    assert isinstance(await door.calls(GOOD), pb.CheckResponse)
    return await door.calls(f"{GOOD.rsplit('.', 1)[0]}.{gateway().rsplit('.', 1)[1]}")


async def two_credentials(door: Door) -> Answer | pb.CheckResponse:
    return await door.calls(alice(), gateway())


async def one_credential_twice(door: Door) -> Answer | pb.CheckResponse:
    return await door.calls(alice(), alice())


async def two_credentials_in_one_value(door: Door) -> Answer | pb.CheckResponse:
    return await door.presents([f"Bearer {alice()}, Bearer {gateway()}"])


async def no_credential(door: Door) -> Answer | pb.CheckResponse:
    return await door.presents([])


async def another_scheme(door: Door) -> Answer | pb.CheckResponse:
    return await door.presents([f"DPoP {alice()}"])


async def an_api_key_that_nobody_made(door: Door) -> Answer | pb.CheckResponse:
    return await door.calls("mk_0000_0000")


async def an_opaque_token_where_nobody_is_asked(door: Door) -> Answer | pb.CheckResponse:
    return await door.calls("2YotnFZFEjr1zCsicMWpAA")


STORIES: Final[dict[str, Attack]] = {
    "RFC 8725 3.8: the key of another issuer": the_key_of_another_issuer,
    "RFC 8725 3.8: the name of another issuer": the_name_of_another_issuer,
    "RFC 8725 3.8: the id of another issuer's key": the_id_of_another_issuers_key,
    "RFC 8725 3.9: a caller's token as principal_token": a_callers_token_as_principal_token,
    "RFC 8725 3.9: a principal_token as a caller's": a_principal_token_as_a_callers,
    "RFC 7009 2: replay after the token was revoked": replay_after_the_token_was_revoked,
    "RFC 7009 2: replay after the principal was revoked": replay_after_the_principal_was_revoked,
    "RFC 7517 9.1: replay after the key was revoked": replay_after_the_key_was_revoked,
    "RFC 7515 10.9: a remembered signature under other claims": a_remembered_signature_under_other_claims,
    "RFC 7515 10.9: remembered claims under another signature": remembered_claims_under_another_signature,
    "RFC 6750 2: two credentials": two_credentials,
    "RFC 6750 2: one credential twice": one_credential_twice,
    "RFC 9110 11.6.2: two credentials in one value": two_credentials_in_one_value,
    "RFC 6750 3.1: no credential": no_credential,
    "RFC 9449 7.1: another scheme": another_scheme,
    "RFC 6750 5.2: an API key that nobody made": an_api_key_that_nobody_made,
    "RFC 7662 4: an opaque token where nobody is asked": an_opaque_token_where_nobody_is_asked,
}


def at_the_door(folder: Path, attack: Attack) -> Answer | pb.CheckResponse:
    async def scenario() -> Answer | pb.CheckResponse:
        async with opened(folder) as door:
            return await attack(door)

    return asyncio.run(scenario())


@pytest.fixture(scope="module")
def generic(tmp_path_factory: pytest.TempPathFactory) -> Answer:
    """What a stranger gets who shows a good signature by a key that nobody trusts."""
    answer = at_the_door(tmp_path_factory.mktemp("generic"), lambda door: door.calls(sign(claims(), OTHER_EC_KEY)))
    assert isinstance(answer, Answer)
    return answer


def test_the_generic_answer_says_nothing_but_that_it_is_one(generic: Answer) -> None:
    assert generic.code is grpc.StatusCode.UNAUTHENTICATED
    assert generic.text == "the credential is missing or does not verify"
    ((name, details),) = generic.trailers
    assert name == "grpc-status-details-bin"
    assert isinstance(details, bytes)
    assert b"UNAUTHENTICATED" in details


@pytest.mark.parametrize("story", STORIES)
def test_an_attack_in_several_steps_ends_with_the_generic_answer(tmp_path: Path, generic: Answer, story: str) -> None:
    assert at_the_door(tmp_path, STORIES[story]) == generic


def test_every_bad_token_gets_the_generic_answer_as_a_callers(tmp_path: Path, generic: Answer) -> None:
    travelling = [attack for attack in ATTACKS if TRAVELS.fullmatch(attack.token)]

    async def differing() -> dict[str, Answer | pb.CheckResponse]:
        async with opened(tmp_path) as door:
            answers = {str(attack): await door.calls(attack.token) for attack in travelling}
        return {name: answer for name, answer in answers.items() if answer != generic}

    assert len(travelling) > len(ATTACKS) - 8
    assert asyncio.run(differing()) == {}


def test_every_bad_token_gets_the_generic_answer_as_a_principal_token(tmp_path: Path, generic: Answer) -> None:
    written = [attack for attack in ATTACKS if not re.search("[\ud800-\udfff]", attack.token)]

    async def differing() -> dict[str, Answer | pb.CheckResponse]:
        async with opened(tmp_path) as door:
            answers = {str(attack): await door.is_asked_about(attack.token) for attack in written}
        return {name: answer for name, answer in answers.items() if answer != generic}

    assert asyncio.run(differing()) == {}


def test_a_role_claim_that_no_list_allows_gives_nothing(tmp_path: Path) -> None:
    claiming = alice(sub="mallory", roles=["magistrate.pep", "magistrate.admin"], groups=["admin"])
    answer = at_the_door(tmp_path, lambda door: door.calls(claiming))
    assert isinstance(answer, Answer)
    assert answer.code is grpc.StatusCode.PERMISSION_DENIED


def test_a_good_token_is_answered_before_and_after_every_attack(tmp_path: Path) -> None:
    async def scenario() -> None:
        async with opened(tmp_path) as door:
            before = await door.calls(GOOD)
            for attack in ATTACKS[::10]:
                if TRAVELS.fullmatch(attack.token):
                    await door.calls(attack.token)
            after = await door.calls(GOOD)
            for answer in (before, after):
                assert isinstance(answer, pb.CheckResponse)
                assert answer.effect == pb.EFFECT_ALLOW

    asyncio.run(scenario())
