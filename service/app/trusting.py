"""Says whose tokens are trusted: the issuers of the settings, or in dev mode a key pair of the service's own."""

from typing import Final

from policy_lang.schema import Schema
from service.authn.dev import dev_issuers
from service.config import Settings
from service.errors import ConfigError
from service.issuer_settings import IssuerSettings
from service.model import ActivePolicies

NO_SCHEMA: Final = Schema({}, {}, {}, {}, {})
"""What is declared while there are no policies."""
SERVICE_TYPE: Final = "Service"
"""Whom a dev token may name before there are policies, which declare the types of all others."""


def trusted_issuers(settings: Settings, policies: ActivePolicies | None) -> list[IssuerSettings]:
    """Whose tokens are trusted; ConfigError where nobody is, or where dev keys stand beside real issuers.

    Dev tokens name principals of the types that the policies declare, of which a store has none at first.
    """
    if settings.dev and settings.issuers:
        raise ConfigError("`dev` trusts a key pair of its own\nhelp: take away the issuers, or `--dev`")
    if settings.dev:
        schema = policies.bundle.program.schema if policies is not None else NO_SCHEMA
        named = {declared.name for declared in schema.types.values() if declared.is_principal}
        if settings.policies_source == "store":
            named.add(SERVICE_TYPE)
        return dev_issuers(settings.data, sorted(named), {role.name: role.on for role in schema.roles.values()})
    if not settings.issuers:
        raise ConfigError("no issuer is trusted, so nobody could ask\nhelp: configure `issuers`, or try `--dev`")
    return settings.issuers
