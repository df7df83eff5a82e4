"""Says whom verified claims name, and in which role, by the settings of their issuer (identity.md)."""

from collections.abc import Sequence
from dataclasses import replace

from policy_lang.forms import check_id
from policy_lang.notation import BadValue
from policy_lang.values import Ref
from service.authn.claim_roles import roles_of
from service.authn.verified import Verified, Window
from service.errors import Unauthenticated
from service.identity import Evidence, EvidenceKind
from service.issuer_settings import IssuerSettings
from service.model import Caller, Credential, Principal, VerifiedClaims


def named_by(claims: VerifiedClaims, issuer: IssuerSettings, skew_seconds: int) -> Verified:
    """Whom the claims name; Unauthenticated where their subject makes no id.

    A token that is bound to a key (`cnf`: RFC 7800, 8705, 9449) does not call, for nobody here sees that its bearer has
    the key. It may be asked about: who shows it as `principal_token` was shown the proof.
    """
    ref = _ref_of(claims, issuer)
    evidence = Evidence(EvidenceKind.TOKEN, claims.issuer, claims.token_id or "")
    principal = Principal(ref, claims.claims, roles_of(ref, claims.claims, issuer.roles), evidence)
    handed_on = replace(principal, evidence=evidence._replace(kind=EvidenceKind.PRINCIPAL_TOKEN))
    verified = Verified(
        credential=Credential(claims.issuer, claims.token_id, ref, claims.issued_at, claims.key_id or None),
        window=Window.of(claims, skew_seconds),
        caller=Caller(principal, claims.issuer) if _is_for(claims, issuer.audience) else None,
        principal=handed_on if _is_for(claims, issuer.subject_audiences) else None,
    )
    if verified.caller is not None and "cnf" in claims.claims:
        return replace(verified, caller=None, why_no_caller="it is bound to a key (`cnf`) that a bearer does not prove")
    return verified


def _ref_of(claims: VerifiedClaims, issuer: IssuerSettings) -> Ref:
    try:
        return Ref(issuer.principal_type, check_id(issuer.id_prefix + claims.subject))
    except BadValue as error:
        raise Unauthenticated(f"the token's `sub` makes no id: {error}") from None


def _is_for(claims: VerifiedClaims, audiences: Sequence[str]) -> bool:
    """The verifier has seen to it that `aud` is a string or a list of strings (RFC 7519 section 4.1.3)."""
    named = claims.claims["aud"]
    return (
        named in audiences
        if isinstance(named, str)
        else isinstance(named, list) and any(audience in audiences for audience in named)
    )
