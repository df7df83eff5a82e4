"""Roles come from claims by the issuer's allow-list alone, where the token says; the module's only if asked for."""

from datetime import timedelta
from pathlib import Path

import pytest

from policy_lang.facts import Assignment
from policy_lang.types import Json
from policy_lang.values import Ref
from service.authn.authenticator import NothingRevoked, TokenAuthenticator
from service.authn.claim_roles import roles_of
from service.authn.dev import dev_issuers, mint
from service.config import Limits
from service.configuring import load_settings
from service.errors import ConfigError
from service.issuer_settings import ClaimRole, IssuerSettings
from tests.service.authn.forge import NOW_MS

TTL = timedelta(minutes=15)
ALICE = Ref("User", "alice")
EVERYWHERE = ClaimRole(claim=("groups",), value="audit", role="docs.auditor")
AT_TENANT = ClaimRole(
    claim=("realm", "roles"), value="edit", role="docs.editor", scope_type="Tenant", scope_claim=("org",)
)


@pytest.mark.parametrize(
    ("claims", "roles"),
    [
        pytest.param({}, [], id="nothing"),
        pytest.param({"groups": "audit"}, [("docs.auditor", None)], id="alone"),
        pytest.param({"groups": ["x", "audit", "audit"]}, [("docs.auditor", None)], id="in a list"),
        pytest.param({"groups": ["Audit", "audit "]}, [], id="exactly"),
        pytest.param({"groups": {"audit": True}}, [], id="no list"),
        pytest.param({"groups": [["audit"], 1, None]}, [], id="no texts"),
        pytest.param({"groups": ["docs.auditor", "magistrate.admin"]}, [], id="not on the list"),
        pytest.param({"realm": {"roles": ["edit"]}, "org": "t1"}, [("docs.editor", "t1")], id="at a tenant"),
        pytest.param(
            {"realm": {"roles": ["edit"]}, "org": ["t1", "t2"]},
            [("docs.editor", "t1"), ("docs.editor", "t2")],
            id="two",
        ),
        pytest.param({"realm": {"roles": ["edit"]}}, [], id="without its scope"),
        pytest.param({"realm": {"roles": ["edit"]}, "org": ""}, [], id="an empty scope"),
        pytest.param({"realm": {"roles": ["edit"]}, "org": {"id": "t1"}}, [], id="a scope of another form"),
        pytest.param({"realm": "edit", "org": "t1"}, [], id="another way"),
    ],
)  # fmt: skip
def test_the_allow_list_says_what_a_claim_gives(claims: dict[str, Json], roles: list[tuple[str, str | None]]) -> None:
    given = roles_of(ALICE, claims, [EVERYWHERE, AT_TENANT])
    assert given == tuple(
        Assignment(ALICE, role, Ref("Tenant", place) if place else None, None) for role, place in roles
    )


def settings(tmp_path: Path, lines: str) -> IssuerSettings:
    file = tmp_path / "magistrate.toml"
    file.write_text(
        '[[issuers]]\nissuer = "i"\naudience = ["a"]\nalgorithms = ["ES256"]\n'
        'jwks_file = "k"\nprincipal_type = "User"\n' + lines
    )
    return load_settings(file, {}).issuers[0]


def test_the_modules_roles_come_from_claims_only_where_the_issuer_grants_admin(tmp_path: Path) -> None:
    entry = 'roles = [{ claim = "groups", value = "ops", role = "magistrate.admin" }]\n'
    with pytest.raises(ConfigError, match="grants_admin = true"):
        settings(tmp_path, entry)
    assert settings(tmp_path, "grants_admin = true\n" + entry).roles[0].claim == ("groups",)


def test_a_scope_is_given_whole(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="give scope_type and scope_claim, or neither"):
        settings(tmp_path, 'roles = [{ claim = "g", value = "v", role = "docs.editor", scope_type = "Tenant" }]\n')


def test_a_minted_token_carries_the_roles_that_it_was_given(tmp_path: Path) -> None:
    declared = {"docs.editor": "Tenant", "docs.auditor": None}
    authenticator = TokenAuthenticator(
        dev_issuers(tmp_path, ["User"], declared), Limits(), revocations=NothingRevoked()
    )
    given = [("docs.editor", Ref("Tenant", "t1")), ("docs.auditor", None), ("docs.owner", None)]
    token = mint(tmp_path, ALICE, now=NOW_MS, ttl=TTL, roles=given)
    assert set(authenticator.caller(token, NOW_MS).principal.roles) == {
        Assignment(ALICE, "docs.editor", Ref("Tenant", "t1"), None),
        Assignment(ALICE, "docs.auditor", None, None),
    }
