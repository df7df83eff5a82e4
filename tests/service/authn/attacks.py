"""Tokens that must be refused, each under the law that it breaks, with what the service's log says of it.

`k1` is EC_KEY, `k2` is OTHER_EC_KEY.
"""

import json
from dataclasses import dataclass, replace
from typing import Final

import jwt

from policy_lang.types import Json
from service.authn.strict_json import DEPTH_LIMIT
from tests.service.authn import forge
from tests.service.authn.forge import EC_KEY, NOW, OTHER_EC_KEY, RSA_KEY, claims, hmac_signed, part, sign, signed_raw

SKEW: Final = 30
TOKEN_BYTES: Final = 4096
HEADER: Final[dict[str, Json]] = {"alg": "ES256", "kid": "k1", "typ": "JWT"}


@dataclass(frozen=True, slots=True)
class Attack:
    """A token and a part of the cause for which it is refused; `law` is the section that it is to be refused by."""

    name: str
    token: str
    cause: str
    law: str = ""

    def __str__(self) -> str:
        return f"{self.law}: {self.name}"


def against(law: str, *attacks: Attack) -> tuple[Attack, ...]:
    """The attacks, each on that law."""
    return tuple(replace(attack, law=law) for attack in attacks)


def payload(text: str) -> bytes:
    """A good payload with a member written by hand after the others."""
    return f"{json.dumps(claims())[:-1]}, {text}}}".encode()


def resigned(token: str, changed: dict[str, Json]) -> str:
    """The token with other claims under its old signature."""
    header, _, signature = token.split(".")
    return f"{header}.{part(changed)}.{signature}"


def nested(depth: int) -> Json:
    """Lists within lists."""
    return [] if depth == 0 else [nested(depth - 1)]


GOOD: Final = sign(claims())

SIGNATURES: Final = (
    *against(
        "RFC 8725 3.1",
        Attack("alg none, no signature", f"{part({**HEADER, 'alg': 'none'})}.{part(claims())}.", "three parts"),
        Attack("alg none, some signature", f"{part({**HEADER, 'alg': 'none'})}.{part(claims())}.AAAA", "algorithm"),
        *(
            Attack(f"alg {none!r}", f"{part({**HEADER, 'alg': none})}.{part(claims())}.AAAA", "algorithm")
            for none in ("None", "NONE", "nOnE", "none ", "", "null", None, False)
        ),
        Attack("no alg", f"{part({'kid': 'k1'})}.{part(claims())}.AAAA", "algorithm"),
        Attack("alg a list", f"{part({**HEADER, 'alg': ['ES256']})}.{part(claims())}.AAAA", "algorithm"),
    ),
    *against(
        "RFC 8725 2.1",
        Attack("HS256 with the public key's PEM", hmac_signed(claims(), forge.pem(EC_KEY)), "algorithm"),
        Attack("HS256 with another public key's PEM", hmac_signed(claims(), forge.pem(RSA_KEY)), "algorithm"),
        Attack("HS256 with nothing", hmac_signed(claims(), b""), "algorithm"),
    ),
    *against(
        "RFC 8725 3.1",
        Attack("a good RSA signature", sign(claims(), RSA_KEY, algorithm="RS256"), "algorithm"),
    ),
    *against(
        "RFC 7515 5.2",
        Attack("the wrong key", sign(claims(), OTHER_EC_KEY), "verify"),
        Attack("a changed payload", resigned(GOOD, claims(sub="root")), "verify"),
        Attack("a changed header", f"{part({**HEADER, 'x': 1})}.{GOOD.split('.', 1)[1]}", "verify"),
        Attack("the signature cut short", GOOD[:-8], "verify"),
        Attack(
            "another token's signature", f"{GOOD.rsplit('.', 1)[0]}.{sign(claims(sub='b')).rsplit('.', 1)[1]}", "verify"
        ),
        Attack("a signature of zeros", f"{GOOD.rsplit('.', 1)[0]}.{part(bytes(64))}", "verify"),
    ),
)

KEYS: Final = (
    *against(
        "RFC 7515 4.1.4",
        Attack("a kid that names nothing", sign(claims(), header={"kid": "k9"}), "no key"),
        Attack("the kid of another key", sign(claims(), header={"kid": "k2"}), "verify"),
        Attack("no kid where there are two keys", jwt.encode(claims(), EC_KEY, algorithm="ES256"), "no key"),
        Attack("a kid that is a number", signed_raw({**HEADER, "kid": 1}, claims()), "`kid` is not a string"),
        Attack("a kid that is null", signed_raw({**HEADER, "kid": None}, claims()), "`kid` is not a string"),
        Attack("a kid that is SQL", sign(claims(), header={"kid": "k1' OR '1'='1"}), "no key"),
        Attack(
            "a kid that is SQL with an end", sign(claims(), header={"kid": "x'; DROP TABLE revocation; --"}), "no key"
        ),
        Attack("a kid with a NUL", sign(claims(), header={"kid": "k1\x00"}), "no key"),
        Attack(
            "a kid that is a path to a key",
            sign(claims(), header={"kid": "../../../etc/ssl/ca.pem"}),
            "no key",
        ),
        Attack("a kid that is a path", sign(claims(), header={"kid": "../../dev/null"}), "no key"),
    ),
    *against(
        "RFC 8725 3.10",
        Attack(
            "a key of its own", sign(claims(), OTHER_EC_KEY, header={"jwk": forge.public_jwk(OTHER_EC_KEY)}), "`jwk`"
        ),
        Attack("a key from elsewhere", sign(claims(), header={"jku": "https://evil.example/jwks"}), "`jku`"),
        Attack("a certificate from elsewhere", sign(claims(), header={"x5u": "https://evil.example/c"}), "`x5u`"),
        Attack("a certificate of its own", sign(claims(), header={"x5c": ["MIIB"]}), "`x5c`"),
    ),
    *against(
        "RFC 7515 4.1.11",
        Attack("an extension to understand", signed_raw({**HEADER, "crit": ["exp"]}, claims()), "`crit`"),
        Attack("an empty list of extensions", signed_raw({**HEADER, "crit": []}, claims()), "`crit`"),
        Attack("a payload not in base64", signed_raw({**HEADER, "b64": False}, claims()), "`b64`"),
    ),
)

TIMES: Final = (
    *against(
        "RFC 7519 4.1.4",
        Attack("expired", sign(claims(exp=NOW - SKEW)), "expired"),
        Attack("expired by a second past skew", sign(claims(exp=NOW - SKEW - 1)), "expired"),
        Attack("expired by a fraction", sign(claims(exp=NOW - SKEW + 0.9)), "expired"),
        Attack("expired long ago", sign(claims(exp=0)), "expired"),
        Attack("no exp", sign(claims(exp=None)), "verify"),
        Attack("exp null", signed_raw(HEADER, {**claims(), "exp": None}), "verify"),
        Attack("exp a string", sign(claims(exp=str(NOW + 60))), "`exp` is no time"),
        Attack("exp true", sign(claims(exp=True)), "`exp` is no time"),
        Attack("exp negative", sign(claims(exp=-1)), "`exp` is no time"),
        Attack("exp past all counting", sign(claims(exp=10**30)), "`exp` is no time"),
        Attack("exp infinite", signed_raw(HEADER, payload('"x": 1e999')), "too large"),
        Attack("exp NaN", signed_raw(HEADER, payload('"x": NaN')), "not finite"),
    ),
    *against(
        "RFC 7519 4.1.5",
        Attack("nbf in the future", sign(claims(nbf=NOW + SKEW + 1)), "not valid yet"),
        Attack("nbf in the future by a fraction", sign(claims(nbf=NOW + SKEW + 0.1)), "not valid yet"),
        Attack("nbf a string", signed_raw(HEADER, {**claims(), "nbf": "0"}), "`nbf` is no time"),
        Attack("nbf null", signed_raw(HEADER, {**claims(), "nbf": None}), "`nbf` is no time"),
    ),
    *against(
        "RFC 7519 4.1.6",
        Attack("iat in the future", sign(claims(iat=NOW + SKEW + 1)), "not valid yet"),
        Attack(
            "iat in the far future", sign(claims(iat=NOW + 3_000_000_000, exp=NOW + 3_000_000_060)), "not valid yet"
        ),
        Attack("iat a list", signed_raw(HEADER, {**claims(), "iat": [NOW]}), "`iat` is no time"),
    ),
)

CLAIMS: Final = (
    *against(
        "RFC 8725 3.9",
        Attack("no aud", sign(claims(aud=None)), "verify"),
        Attack("aud empty", sign(claims(aud="")), "verify"),
        Attack("aud an empty list", sign(claims(aud=[])), "verify"),
        Attack("aud of another service", sign(claims(aud="billing")), "verify"),
        Attack("aud a list of other services", sign(claims(aud=["billing", "magistrate.evil.example"])), "verify"),
        Attack("aud in another case", sign(claims(aud="Magistrate")), "verify"),
        Attack("aud that begins with ours", sign(claims(aud="magistrate.evil.example")), "verify"),
        Attack("aud an object", signed_raw(HEADER, {**claims(), "aud": {"magistrate": 1}}), "verify"),
        Attack("aud with a number beside ours", signed_raw(HEADER, {**claims(), "aud": ["magistrate", 1]}), "verify"),
    ),
    *against(
        "RFC 8725 3.8",
        Attack("no iss", sign(claims(iss=None)), "issuer"),
        Attack("another iss", sign(claims(iss="https://evil.example")), "issuer"),
        Attack("iss with a slash more", sign(claims(iss=forge.ISSUER + "/")), "issuer"),
        Attack("iss a list", signed_raw(HEADER, {**claims(), "iss": [forge.ISSUER]}), "issuer"),
    ),
    *against(
        "RFC 7519 4.1.2",
        Attack("no sub", sign(claims(sub=None)), "verify"),
        Attack("sub empty", sign(claims(sub="")), "`sub` is empty"),
        Attack("sub a number", signed_raw(HEADER, {**claims(), "sub": 7}), "verify"),
        Attack("sub a list", signed_raw(HEADER, {**claims(), "sub": ["alice"]}), "verify"),
        Attack("sub too long for an id", sign(claims(sub="a" * 257)), "no id"),
        Attack("sub with a line break", sign(claims(sub="alice\nbob")), "no id"),
        Attack("sub with a NUL", sign(claims(sub="alice\x00")), "no id"),
        Attack("sub that turns the reading direction", sign(claims(sub="alice\u202e")), "no id"),
    ),
    *against(
        "RFC 7519 4.1.7",
        Attack("jti a number", signed_raw(HEADER, {**claims(), "jti": 1}), "verify"),
    ),
)

SHAPES: Final = (
    *against(
        "RFC 7515 7.1",
        Attack("nothing", "", "three parts"),
        Attack("two parts", GOOD.rsplit(".", 1)[0], "three parts"),
        Attack("five parts", f"{GOOD}.AAAA.AAAA", "three parts"),
        Attack("padding", f"{GOOD}=", "three parts"),
        Attack("a line break", f"{GOOD}\n", "three parts"),
        Attack("a space before", f" {GOOD}", "three parts"),
        Attack("two tokens", f"{GOOD},{GOOD}", "three parts"),
        Attack("the standard alphabet", f"{GOOD}+/", "three parts"),
        Attack("other letters", f"{GOOD}é", "three parts"),
        Attack("a lone surrogate", f"{GOOD}\udc80", "three parts"),
    ),
    *against(
        "RFC 6750 5.3",
        Attack("over-long", sign(claims(x="a" * TOKEN_BYTES)), "longer than"),
    ),
    *against(
        "RFC 7515 2",
        Attack("base64url cut short", f"A.{part(claims())}.AAAA", "cut short"),
        Attack("base64url with stray bits", f"{part(b'{}')[:-1]}R.{part(claims())}.AAAA", "stray bits"),
    ),
    *against(
        "RFC 7515 4",
        Attack("a header that is a list", signed_raw([], claims()), "not a JSON object"),
    ),
    *against(
        "RFC 7515 4",
        Attack(
            "a header with a member twice", signed_raw(b'{"alg":"none","alg":"ES256","kid":"k1"}', claims()), "twice"
        ),
    ),
    *against(
        "RFC 7519 4",
        Attack("a claim twice", signed_raw(HEADER, payload('"sub": "root"')), "twice"),
        Attack("claims that are a string", signed_raw(HEADER, "claims"), "not a JSON object"),
        Attack("claims that are no JSON", signed_raw(HEADER, b"{"), "not JSON"),
    ),
    *against(
        "RFC 8725 3.7",
        Attack("claims in UTF-16", signed_raw(HEADER, json.dumps(claims()).encode("utf-16")), "not JSON"),
        Attack("claims with a byte order mark", signed_raw(HEADER, b"\xef\xbb\xbf" + payload('"x": 1')), "not JSON"),
        Attack("a claim with a lone surrogate", signed_raw(HEADER, payload('"x": "\\ud800"')), "lone surrogate"),
        Attack("a name with a lone surrogate", signed_raw(HEADER, payload('"\\ud800": 1')), "lone surrogate"),
        Attack("claims nested too deeply", signed_raw(HEADER, {**claims(), "x": nested(DEPTH_LIMIT)}), "nested deeper"),
        Attack("claims nested past all reading", signed_raw(HEADER, b"[" * 2500), "not JSON"),
    ),
)

KINDS: Final = (
    *against(
        "RFC 8725 3.11",
        Attack("a logout token", sign(claims(), header={"typ": "logout+jwt"}), "another kind"),
        Attack("a security event", sign(claims(), header={"typ": "application/secevent+jwt"}), "another kind"),
        Attack("a proof of possession", sign(claims(), header={"typ": "dpop+jwt"}), "another kind"),
        Attack("a typ that begins with ours", sign(claims(), header={"typ": "at+jwt2"}), "another kind"),
        Attack("a typ that is null", signed_raw({**HEADER, "typ": None}, claims()), "`typ` is not a string"),
        Attack("a typ that is a list", signed_raw({**HEADER, "typ": ["JWT"]}, claims()), "`typ` is not a string"),
    ),
    *against(
        "RFC 8725 3.12",
        Attack("an ID token by its nonce", sign(claims(nonce="n")), "ID token"),
        Attack("an ID token by its at_hash", sign(claims(at_hash="h")), "ID token"),
        Attack("an ID token by its c_hash", sign(claims(c_hash="h")), "ID token"),
        Attack("an ID token by whom it is for", sign(claims(azp=forge.CALLS)), "ID token"),
        Attack("an ID token for several", sign(claims(azp=forge.CALLS, aud=["x", forge.CALLS])), "ID token"),
        Attack("an ID token by a claim of its issuer", sign(claims(typ="ID")), "`typ` says so"),
        Attack("a refresh token by a claim of its issuer", sign(claims(typ="Refresh")), "`typ` says so"),
        Attack("an ID token by its use", sign(claims(token_use="id")), "`token_use` says so"),
        Attack("events without a typ", sign(claims(events={"https://schemas.example/logout": {}})), "an event"),
    ),
    *against(
        "RFC 7519 5.2",
        Attack("a token within a token", signed_raw({**HEADER, "cty": "JWT"}, GOOD.encode()), "not JSON"),
        Attack("a token within a token, as text", signed_raw({**HEADER, "cty": "JWT"}, GOOD), "not a JSON object"),
        Attack("an encrypted token", ".".join([part({"alg": "dir", "enc": "A256GCM"}), *["AAAA"] * 4]), "three parts"),
    ),
    *against(
        "RFC 8693 4.2",
        Attack("scopes that differ by name", sign(claims(scope="read", scp=["write"])), "differ"),
        Attack("scopes that are a number", sign(claims(scope=7)), "no text"),
        Attack("scopes with a number among them", sign(claims(scp=["read", 7])), "no text"),
    ),
)

ATTACKS: Final = (*SIGNATURES, *KEYS, *TIMES, *CLAIMS, *SHAPES, *KINDS)
