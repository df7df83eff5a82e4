"""Finds the one credential of a call in its metadata."""

from grpc.aio import Metadata

from service.errors import Unauthenticated


def token_of(metadata: Metadata | None) -> str:
    """The bearer token of `authorization`; Unauthenticated unless there is exactly one (identity.md)."""
    found = metadata.get_all("authorization") if metadata is not None else []
    if len(found) != 1:
        raise Unauthenticated(f"{len(found)} credentials presented")
    scheme, _, token = str(found[0]).partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise Unauthenticated("the credential is no bearer token")
    return token
