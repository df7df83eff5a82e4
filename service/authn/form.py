"""Tells what kind of credential a text is by its form alone; whether it is a good one is its verifier's to say."""

import re
from enum import Enum
from typing import Final

_JOSE: Final = re.compile(r"[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){2}(?:(?:\.[A-Za-z0-9_-]*){2})?")
"""A signed token's three parts or an encrypted one's five, any of them empty (RFC 7515 and 7516, section 7.1)."""


class Form(Enum):
    """The kinds of credential."""

    API_KEY = "api key"
    SESSION = "session"
    JWT = "jwt"
    OPAQUE = "opaque token"


_PREFIXES: Final = {"mk_": Form.API_KEY, "ms_": Form.SESSION}


def form_of(credential: str) -> Form:
    """The form of the credential. What looks like a JWT is one: it is never shown to anybody else to be judged."""
    named = _PREFIXES.get(credential[:3])
    if named is not None:
        return named
    return Form.JWT if _JOSE.fullmatch(credential) else Form.OPAQUE
