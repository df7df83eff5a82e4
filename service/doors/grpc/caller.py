"""Finds out who makes a call, by the one credential that it presents."""

from collections.abc import Callable
from typing import TypeVar

from grpc.aio import ServicerContext

from service.authn.bearer import bearer
from service.errors import Unauthenticated
from service.model import Caller

Verify = Callable[[str], Caller]
"""Gives the caller whose credential it is; Unauthenticated if it does not verify."""

Request = TypeVar("Request")
Response = TypeVar("Response")


async def caller_of(context: ServicerContext[Request, Response], verify: Verify) -> Caller:
    """The caller; Unauthenticated without one credential that verifies, after what is lacked was fetched once."""
    metadata = context.invocation_metadata() or ()
    token = bearer([value for key, value in metadata if key == "authorization"])
    try:
        return verify(token)
    except Unauthenticated as error:
        if error.fetch is None:
            raise
        await error.fetch()
    return verify(token)
