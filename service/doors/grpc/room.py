"""What one message of gRPC has room for: its entities by the door's limits, and values of sets and records."""

from typing import TYPE_CHECKING

from service.admission import VALUES
from service.errors import LimitExceeded

if TYPE_CHECKING:
    from service.config import Limits


class Room:
    """The room of a message that is being read; entities that it has many of share it."""

    __slots__ = ("_values", "attributes", "parents")

    def __init__(self, limits: "Limits") -> None:
        self.attributes = limits.attributes
        self.parents = limits.parents
        self._values = VALUES

    def take_values(self, count: int) -> None:
        """Takes room for so many elements or fields, before they are looked at; LimitExceeded where there is none."""
        if count > self._values:
            raise LimitExceeded("values", VALUES, VALUES - self._values + count)
        self._values -= count
