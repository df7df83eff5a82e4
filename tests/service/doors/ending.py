"""Callers whose credentials end while they wait."""

import asyncio
from collections import Counter

from policy_lang.values import Ref
from service.errors import Unauthenticated
from service.model import Caller, Principal


class Ending:
    """Names callers by their tokens; those that have ended are nobody's."""

    def __init__(self) -> None:
        self.ended: set[str] = set()
        self.is_waiting = asyncio.Event()
        """Set once `late` is let in: it was looked at before its message was read, and then again."""
        self._looks: Counter[str] = Counter()

    def caller(self, token: str) -> Caller:
        """The caller of that name."""
        if token in self.ended:
            raise Unauthenticated("the token is revoked")
        self._looks[token] += 1
        if self._looks["late"] == 2:
            self.is_waiting.set()
        return Caller(Principal(Ref("User", token)), "dev")
