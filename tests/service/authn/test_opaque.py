"""An opaque token is as good as its issuer says, for as long as that is believed and the token lives, and no longer."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from policy_lang.types import Json
from policy_lang.values import Ref
from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.authn.form import Form, form_of
from service.authn.opaque import AT_ONCE, name_of_opaque
from service.errors import ConfigError, Unauthenticated
from service.issuer_settings import IssuerSettings
from service.ports import Revocations
from service.revocations.revocation import Revocation, RevokedPrincipal, RevokedToken, TokenName
from tests.identity_provider.provider import CLIENT, INTROSPECTION, Provider, Reply, json_reply
from tests.service.authn.asking import LIMITS, TOKEN, Asking, asking_of, good, issuer_of
from tests.service.authn.forge import ASKED, CALLS, ISSUER, NOW, NOW_MS, claims, sign, write_secret
from tests.service.revocations.worker import Stored, working

Scenario = Callable[[Asking], Coroutine[None, None, None]]
Run = Callable[..., None]


@pytest.fixture
def run(provider: Provider, tmp_path: Path) -> Run:
    """Runs a scenario with a worker that asks the provider."""

    def run_with(scenario: Scenario, revocations: Revocations | None = None, **changes: object) -> None:
        asyncio.run(_scenario(scenario, issuer_of(provider, tmp_path, **changes), revocations or NothingRevoked()))

    return run_with


async def _scenario(scenario: Scenario, issuer: IssuerSettings, revocations: Revocations) -> None:
    asking = asking_of(issuer, revocations)
    try:
        await scenario(asking[0])
    finally:
        await asking[1].close()


@pytest.mark.parametrize(
    ("credential", "form"),
    [
        (TOKEN, Form.OPAQUE),
        ("ya29.a0AfH6SM", Form.OPAQUE),
        ("a.b.c.d", Form.OPAQUE),
        ("a.b+c.d", Form.OPAQUE),
        ("a.b.c", Form.JWT),
        ("a.b.", Form.JWT),
        ("..", Form.JWT),
        ("a.b.c.d.e", Form.JWT),
        ("a....e", Form.JWT),
        ("mk_1_s", Form.API_KEY),
        ("ms_1", Form.SESSION),
        ("mk_a.b.c", Form.API_KEY),
    ],
)
def test_each_credential_has_one_form(credential: str, form: Form) -> None:
    assert form_of(credential) is form


def test_a_token_is_good_once_its_issuer_has_said_so_and_it_is_asked_once(run: Run, provider: Provider) -> None:
    provider.tokens[TOKEN] = good(scope="write read")

    async def scenario(asking: Asking) -> None:
        for _ in range(3):
            caller = await asking.caller(TOKEN)
            assert (caller.principal.ref, caller.issuer) == (Ref("User", "alice"), ISSUER)
            assert (caller.principal.claims or {})["scope"] == ["read", "write"]

    run(scenario)
    assert provider.asked[INTROSPECTION] == 1


def test_a_token_for_being_asked_about_may_not_call(run: Run, provider: Provider) -> None:
    provider.tokens[TOKEN] = good(aud=[ASKED])

    async def scenario(asking: Asking) -> None:
        assert (await asking.principal(TOKEN)).ref == Ref("User", "alice")
        assert "may only be asked about" in await asking.why_not(TOKEN)

    run(scenario)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param({"active": False}, "not active", id="not active"),
        pytest.param({"active": "true"}, "not active", id="active as a text"),
        pytest.param({"active": 1}, "not active", id="active as a number"),
        pytest.param({"active": None}, "not active", id="nothing about active"),
        pytest.param({"iss": "https://other.example"}, "another issuer's", id="another issuer"),
        pytest.param({"aud": None}, "its `aud`", id="no audience"),
        pytest.param({"aud": "billing"}, "not for this service", id="another audience"),
        pytest.param({"aud": ["billing"]}, "not for this service", id="other audiences"),
        pytest.param({"aud": [CALLS, 7]}, "`aud` is no text", id="an audience that is a number"),
        pytest.param({"exp": None}, "its `exp`", id="no end"),
        pytest.param({"exp": NOW - 30}, "expired", id="expired"),
        pytest.param({"exp": "soon"}, "`exp` is no time", id="an end that is a text"),
        pytest.param({"nbf": NOW + 31}, "not valid yet", id="not valid yet"),
        pytest.param({"iat": NOW + 31}, "issued in the future", id="issued in the future"),
        pytest.param({"sub": None}, "its `sub`", id="no subject"),
        pytest.param({"sub": ""}, "`sub` is empty", id="an empty subject"),
        pytest.param({"sub": "alice\n"}, "no id", id="a subject that is no id"),
        pytest.param({"token_type": "DPoP"}, "no bearer token", id="a token that needs a proof"),
        pytest.param({"cnf": {"jkt": "x"}}, "bound to a key", id="a token that is bound to a key"),
    ],
)
def test_what_an_issuer_says_must_make_a_good_token(
    run: Run, provider: Provider, said: dict[str, Json], why: str
) -> None:
    provider.tokens[TOKEN] = good(**said)

    async def scenario(asking: Asking) -> None:
        assert why in await asking.why_not(TOKEN)

    run(scenario)


MISBEHAVIOUR: dict[str, tuple[Callable[[], Reply], str]] = {
    "slow": (lambda: Reply(b"{}", after=threading.Event()), "did not answer within 1 seconds"),
    "500": (lambda: Reply(b"{}", status=500), "status 500"),
    "garbage": (lambda: Reply(b"\x00"), "not JSON"),
    "active twice": (lambda: Reply(b'{"active": false, "active": true}'), "stands twice"),
    "huge": (lambda: Reply(b" " * (1 << 20)), "more than"),
    "HTML": (lambda: Reply(b"{}", headers={"Content-Type": "text/html"}), "content type"),
    "elsewhere": (lambda: Reply(b"", status=307, headers={"Location": "/other"}), "credentials are not sent"),
}


@pytest.mark.parametrize("case", MISBEHAVIOUR)
def test_an_issuer_that_does_not_answer_lets_nobody_in(run: Run, provider: Provider, case: str) -> None:
    reply, why = MISBEHAVIOUR[case]
    provider.tokens[TOKEN] = good()
    provider.misbehaviour[INTROSPECTION] = reply

    async def scenario(asking: Asking) -> None:
        assert why in await asking.why_not(TOKEN)
        del provider.misbehaviour[INTROSPECTION]
        assert why in await asking.why_not(TOKEN)
        asking.clock.now += 5
        assert await asking.caller(TOKEN)

    run(scenario, timeout_seconds=1 if case == "slow" else 20)
    assert provider.asked == {INTROSPECTION: 2}


def test_the_client_is_authenticated_by_the_secret_as_the_file_has_it_now(
    run: Run, provider: Provider, tmp_path: Path
) -> None:
    provider.tokens[TOKEN] = good()

    async def scenario(asking: Asking) -> None:
        write_secret(tmp_path / "client.secret", b"another")
        assert "status 401" in await asking.why_not(TOKEN)
        write_secret(tmp_path / "client.secret", CLIENT[1].encode())
        asking.clock.now += 5
        assert await asking.caller(TOKEN)

    run(scenario)


@pytest.mark.parametrize(("content", "mode"), [(b"", 0o600), (b"s", 0o644), (b"\xff", 0o600)])
def test_a_client_secret_that_is_none_or_open_refuses_the_start(
    provider: Provider, tmp_path: Path, content: bytes, mode: int
) -> None:
    issuer = issuer_of(provider, tmp_path)
    write_secret(tmp_path / "client.secret", content, mode)
    with pytest.raises(ConfigError, match=r"client's secret"):
        asking_of(issuer, NothingRevoked())


def test_an_answer_is_believed_no_longer_than_configured(run: Run, provider: Provider) -> None:
    provider.tokens[TOKEN] = good()

    async def scenario(asking: Asking) -> None:
        await asking.caller(TOKEN)
        provider.tokens[TOKEN] = {"active": False}
        asking.clock.now += 59.9
        assert await asking.caller(TOKEN)
        asking.clock.now += 0.1
        assert "not active" in await asking.why_not(TOKEN)

    run(scenario, cache_seconds=60)


def test_an_answer_is_believed_no_longer_than_the_token_lives(run: Run, provider: Provider) -> None:
    provider.tokens[TOKEN] = good(exp=NOW + 10)

    async def scenario(asking: Asking) -> None:
        assert await asking.caller(TOKEN, NOW_MS + 40_000 - 1)
        with pytest.raises(Unauthenticated, match="expired"):
            await asking.caller(TOKEN, NOW_MS + 40_000)

    run(scenario, cache_seconds=3600)
    assert provider.asked[INTROSPECTION] == 1


def test_a_refusal_is_remembered_for_a_short_time(run: Run, provider: Provider) -> None:
    async def scenario(asking: Asking) -> None:
        for _ in range(3):
            assert "not active" in await asking.why_not(TOKEN)
        provider.tokens[TOKEN] = good()
        asking.clock.now += 5
        assert await asking.caller(TOKEN)

    run(scenario, negative_cache_seconds=5)
    assert provider.asked[INTROSPECTION] == 2


def test_tokens_that_are_not_good_push_no_good_one_out(run: Run, provider: Provider) -> None:
    provider.tokens[TOKEN] = good()

    async def scenario(asking: Asking) -> None:
        await asking.caller(TOKEN)
        for number in range(40):
            await asking.why_not(f"stranger-{number}")
        assert await asking.caller(TOKEN)

    run(scenario)
    assert provider.asked[INTROSPECTION] == 41


def test_however_many_calls_bring_a_token_it_is_asked_about_once(run: Run, provider: Provider) -> None:
    provider.tokens[TOKEN] = good()

    async def scenario(asking: Asking) -> None:
        assert len(await asyncio.gather(*(asking.caller(TOKEN) for _ in range(50)))) == 50

    run(scenario)
    assert provider.asked[INTROSPECTION] == 1


def test_a_call_that_ends_takes_the_answer_from_no_other(run: Run, provider: Provider) -> None:
    may_answer = threading.Event()
    provider.misbehaviour[INTROSPECTION] = lambda: Reply(json_reply(good()).body, after=may_answer)

    async def scenario(asking: Asking) -> None:
        first, second = (asyncio.create_task(asking.caller(TOKEN)) for _ in range(2))
        while not provider.asked[INTROSPECTION]:
            await asyncio.sleep(0.01)
        first.cancel()
        may_answer.set()
        assert (await second).principal.ref.id == "alice"

    run(scenario)
    assert provider.asked[INTROSPECTION] == 1


def test_only_so_many_tokens_are_asked_about_and_may_wait_for_it(
    run: Run, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.authn.opaque.WAITING", AT_ONCE + 20)
    may_answer = threading.Event()
    provider.misbehaviour[INTROSPECTION] = lambda: Reply(json_reply(good()).body, after=may_answer)

    async def scenario(asking: Asking) -> None:
        waiting = [asyncio.create_task(asking.caller(f"token-{number}")) for number in range(AT_ONCE + 20)]
        while provider.asked[INTROSPECTION] < AT_ONCE:
            await asyncio.sleep(0.01)
        assert "too many tokens" in await asking.why_not("one-more")
        assert provider.asked[INTROSPECTION] == AT_ONCE
        may_answer.set()
        assert len(await asyncio.gather(*waiting)) == AT_ONCE + 20

    run(scenario, timeout_seconds=20)


def test_what_looks_like_a_jwt_is_never_shown_to_the_issuer(run: Run, provider: Provider) -> None:
    async def scenario(asking: Asking) -> None:
        for token in (sign(claims()), "a.b.c", "a.b.", "a.b.c.d.e", "mk_id_secret", "ms_session"):
            await asking.why_not(token)

    run(scenario)
    assert provider.asked == {}


@pytest.mark.parametrize(
    "revoked",
    [
        pytest.param(RevokedToken(TokenName(ISSUER, name_of_opaque(TOKEN)), None), id="the token"),
        pytest.param(RevokedPrincipal(Ref("User", "alice"), NOW_MS, None), id="its principal"),
    ],
)
def test_a_revocation_bites_a_token_that_is_remembered(provider: Provider, tmp_path: Path, revoked: Revocation) -> None:
    provider.tokens[TOKEN] = good(jti="whatever")

    async def scenario() -> None:
        async with working(Stored()) as worker:
            asking, endpoint = asking_of(issuer_of(provider, tmp_path), worker.revocations)
            await asking.caller(TOKEN)
            worker.tell(revoked)
            assert "revoked" in await asking.why_not(TOKEN)
            await endpoint.close()

    asyncio.run(scenario())
    assert provider.asked[INTROSPECTION] == 1


def test_two_issuers_that_are_asked_refuse_the_start(provider: Provider, tmp_path: Path) -> None:
    one = issuer_of(provider, tmp_path)
    other = one.model_copy(update={"issuer": "https://other.example", "principal_type": "Robot"})
    with pytest.raises(ConfigError, match="both introspect\nhelp:"):
        TokenAuthenticator([one, other], LIMITS, revocations=NothingRevoked())
