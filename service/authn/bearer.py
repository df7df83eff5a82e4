"""Takes the one credential out of a request's `authorization` values."""

import re
from collections.abc import Sequence
from typing import Final

from service.errors import Flaw, Unauthenticated

_BEARER: Final = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)")
"""RFC 6750 section 2.1, the scheme in any case (RFC 9110 section 11.1)."""


def bearer(values: Sequence[str | bytes]) -> str:
    """The token of all the `authorization` values of a request; Unauthenticated unless it is exactly one.

    Two values are two credentials, even if equal; so are two in one value, joined by a comma.
    """
    if len(values) != 1:
        if values:
            raise Unauthenticated("two credentials are presented")
        raise Unauthenticated("no credential is presented", Flaw.MISSING)
    value = values[0]
    found = _BEARER.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Unauthenticated("the credential is not one bearer token")
    return found.group(1)
