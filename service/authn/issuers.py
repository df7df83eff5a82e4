"""Holds the trusted issuers to one rule: no two of them can name the same principal (identity.md)."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from policy_lang.forms import check_id
from policy_lang.notation import BadValue
from service.authn.authorities import tls_of
from service.errors import ConfigError
from service.issuer_settings import IssuerSettings


def check_issuers(issuers: Sequence[IssuerSettings]) -> None:
    """ConfigError if nobody is trusted, an issuer stands twice, or the subjects of two could have one id."""
    if not issuers:
        raise ConfigError(
            "no issuer of tokens is trusted, so nobody could ask\n"
            "help: name one in the configuration as [[issuers]], or start with --dev"
        )
    for name, times in Counter(issuer.issuer for issuer in issuers).items():
        if times > 1:
            raise ConfigError(f"the issuer `{name}` stands {times} times\nhelp: give its audiences in one place")
    for issuer in issuers:
        _check_prefix(issuer)
        if issuer.ca_file is not None:
            tls_of(issuer)
    asked = [issuer.issuer for issuer in issuers if issuer.introspection is not None]
    if len(asked) > 1:
        raise ConfigError(
            f"`{asked[0]}` and `{asked[1]}` both introspect\n"
            "help: an opaque token does not say whose it is, and shown to another issuer it is given away"
        )
    for one, other in combinations(issuers, 2):
        if one.principal_type == other.principal_type:
            _check_apart(one, other)


def _check_prefix(issuer: IssuerSettings) -> None:
    try:
        check_id(issuer.id_prefix or "-")
    except BadValue as error:
        raise ConfigError(f"the id_prefix of issuer `{issuer.issuer}`: {error}") from error


def _check_apart(one: IssuerSettings, other: IssuerSettings) -> None:
    both = f"the issuers `{one.issuer}` and `{other.issuer}` share the principal type `{one.principal_type}`"
    if not one.id_prefix or not other.id_prefix:
        raise ConfigError(f"{both}, so that one could name the other's principals\nhelp: give each an id_prefix")
    if one.id_prefix.startswith(other.id_prefix) or other.id_prefix.startswith(one.id_prefix):
        raise ConfigError(
            f"{both}, and of their id_prefixes `{one.id_prefix}` and `{other.id_prefix}` one begins the other\n"
            "help: end each with a mark that no other has, such as `/`"
        )
