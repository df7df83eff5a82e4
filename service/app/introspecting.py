"""Builds what verifies opaque tokens, where an issuer is to be asked; else its HTTP client is not even loaded."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager

from service.authn.form import Form
from service.authn.opaque import OpaqueTokens
from service.authn.verified import Verifier
from service.config import Limits
from service.issuer_settings import IssuerSettings


@asynccontextmanager
async def introspecting(issuers: Sequence[IssuerSettings], limits: Limits) -> AsyncIterator[Mapping[Form, Verifier]]:
    """The verifier of opaque tokens, if there is to be one, while the block runs; ConfigError as `Introspection`."""
    asked = next((issuer for issuer in issuers if issuer.introspection is not None), None)
    if asked is None or asked.introspection is None:
        yield {}
        return
    from service.authn.introspection import Introspection

    endpoint = Introspection(asked, asked.introspection)
    try:
        yield {Form.OPAQUE: OpaqueTokens(asked, asked.introspection, limits, ask=endpoint.ask)}
    finally:
        await endpoint.close()
