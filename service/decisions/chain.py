"""Chains records by their hashes, so that none can be changed, moved or taken out unseen.

Law (runtime.md, The record): h(n) = SHA-256(h(n-1) + r(n)) with r(n) = SHA-256(salt + body), the body being the bytes
of the record as the log keeps them, and h(0) = SHA-256("magistrate chain 1" + newline + replica). Sequences begin at 1.
The salt keeps r(n) from telling what an erased record said. A body is longer than the 48 bytes that would make salt +
body look like two hashes.
"""

import secrets
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

SALT_BYTES: Final = 16

_PREFIX: Final = b"magistrate chain 1\n"


@dataclass(frozen=True, slots=True)
class Head:
    """The last place of a chain: how many records are in it, and h of the last."""

    replica: str
    sequence: int
    hash: bytes


class Link(NamedTuple):
    """The place of a record in a chain."""

    sequence: int
    salt: bytes
    record_hash: bytes
    chain_hash: bytes


def begin(replica: str) -> Head:
    """The head of a chain without records."""
    return Head(replica, 0, sha256(_PREFIX + replica.encode()).digest())


def hash_record(salt: bytes, body: str) -> bytes:
    """r(n) of a record."""
    return sha256(salt + body.encode()).digest()


def hash_next(before: bytes, record_hash: bytes) -> bytes:
    """h(n) from h(n-1) and r(n)."""
    return sha256(before + record_hash).digest()


def make_links(head: Head, bodies: list[str]) -> list[Link]:
    """The links of records that follow each other behind that head, under new salts."""
    links: list[Link] = []
    before = head.hash
    salts = secrets.token_bytes(SALT_BYTES * len(bodies))
    for place, body in enumerate(bodies):
        salt = salts[place * SALT_BYTES : (place + 1) * SALT_BYTES]
        record_hash = hash_record(salt, body)
        before = hash_next(before, record_hash)
        links.append(Link(head.sequence + place + 1, salt, record_hash, before))
    return links
