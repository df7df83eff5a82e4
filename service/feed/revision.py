"""The revision as callers hold it: text to them, an epoch and a number here."""

from typing import NamedTuple

from service.errors import RevisionUnknown

_TEXT_LIMIT = 64
_DIGITS = 18


class Revision(NamedTuple):
    """A state of the facts. Numbers rise within an epoch; those of two epochs cannot be compared."""

    epoch: str
    n: int

    @classmethod
    def parse(cls, text: str) -> "Revision":
        """The revision that an answer said; RevisionUnknown for any other text."""
        epoch, dot, number = text[:_TEXT_LIMIT].partition(".")
        is_number = number.isascii() and number.isdigit() and len(number) <= _DIGITS
        if not epoch or not dot or not is_number or len(text) > _TEXT_LIMIT:
            raise RevisionUnknown("the revision is none that an answer has said")
        return cls(epoch, int(number))

    def __str__(self) -> str:
        return f"{self.epoch}.{self.n}"
