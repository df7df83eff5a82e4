"""Remembers what verified tokens said, the last used longest.

Law: an entry is only ever found by the digest of the whole token, signature included; and it says that the token was
verified once, never that it holds now: whoever finds one checks it against the clock and the key set before use.
Refusals are not kept, so strangers cannot fill it. It takes no lock: it belongs to one thread.
"""

import hashlib
from typing import Final, Generic, NamedTuple, TypeVar

ENTRIES: Final = 10_000
"""Tokens remembered by default."""

Entry = TypeVar("Entry")


class Counts(NamedTuple):
    """How often an entry was found and how often not, and how many there are."""

    hits: int
    misses: int
    entries: int


class TokenCache(Generic[Entry]):
    """At most so many entries; the least recently used goes first. It counts how often one was found, and not."""

    def __init__(self, capacity: int = ENTRIES) -> None:
        if capacity < 1:
            raise ValueError("a cache holds one entry at least")
        self._capacity = capacity
        self._hits = 0
        self._misses = 0
        self._entries: dict[bytes, Entry] = {}  # a dict keeps the order in which entries were put

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def counts(self) -> Counts:
        """How it is used."""
        return Counts(self._hits, self._misses, len(self._entries))

    def find(self, digest: bytes) -> Entry | None:
        """The entry of that token, now the most recently used."""
        entry = self._entries.pop(digest, None)
        if entry is None:
            self._misses += 1
            return None
        self._hits += 1
        self._entries[digest] = entry
        return entry

    def keep(self, digest: bytes, entry: Entry) -> None:
        """Remembers the entry, and forgets the least recently used one if there are too many."""
        self._entries.pop(digest, None)
        self._entries[digest] = entry
        if len(self._entries) > self._capacity:
            del self._entries[next(iter(self._entries))]

    def clear(self) -> None:
        """Forgets everything."""
        self._entries.clear()


def digest_of(token: str) -> bytes:
    """The digest by which a token is found, so that the token itself is not kept."""
    # A lone surrogate is no part of any token that verifies; it must not be an error here.
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()
