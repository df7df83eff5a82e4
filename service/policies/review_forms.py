"""Writes what of policies is to be tested or compared and what came of it, for the desk of the background process."""

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

import orjson

REVIEWS: Final = "review of policies"
"""The kind of work that testing and comparing is (service/desk.py)."""
ANSWER_BYTES: Final = 4_000_000
"""What one answer may hold: clients of gRPC take 4 MiB unless they are told otherwise."""


@dataclass(frozen=True, slots=True)
class Source:
    """Policies: path → text, and the digest under which they were pushed, empty where they came along."""

    texts: Mapping[str, str]
    digest: str = ""


@dataclass(frozen=True, slots=True)
class SuiteWanted:
    """Whose tests are to be run, which further ones (path → text), which alone, and whether coverage is measured."""

    source: Source
    tests: Mapping[str, str]
    only: Sequence[str]
    has_coverage: bool


@dataclass(frozen=True, slots=True)
class DifferenceWanted:
    """What is to be compared, and how many steps are searched for each kind of question."""

    old: Source
    new: Source
    steps: int


Wanted = SuiteWanted | DifferenceWanted


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing came of it: the request, which `field` names, the policies in the store, the size of the answer
    (`given`, in bytes), or a fault."""

    of: Literal["request", "store", "size", "service"]
    why: str = ""
    field: str = ""
    given: int = 0


def write_wanted(wanted: Wanted) -> str:
    """The question as text."""
    name = "tests" if isinstance(wanted, SuiteWanted) else "difference"
    return orjson.dumps({name: wanted}).decode()


def read_wanted(text: str) -> Wanted:
    """The question that was written so."""
    ((name, fields),) = orjson.loads(text).items()
    if name == "tests":
        return SuiteWanted(**fields | {"source": Source(**fields["source"])})
    return DifferenceWanted(Source(**fields["old"]), Source(**fields["new"]), fields["steps"])


def write_outcome(outcome: bytes | Refusal) -> str:
    """The answer, a message of the contract, or why there is none."""
    if isinstance(outcome, Refusal):
        return orjson.dumps({"refusal": outcome}).decode()
    return orjson.dumps({"answer": b64encode(outcome).decode()}).decode()


def read_outcome(text: str) -> bytes | Refusal:
    """The outcome that was written so."""
    said = orjson.loads(text)
    return Refusal(**said["refusal"]) if "refusal" in said else b64decode(said["answer"])
