"""What the supervisor and its children say to each other: each message a length, a head of JSON, a body of bytes.

Policies go in two steps: `Prepare` is answered by `Prepared` or `Failed`, then `Activate` puts them in force.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import BinaryIO, Final, Protocol

import orjson

from service.config import Settings
from service.samples import Samples

LENGTH_BYTES: Final = 8
READ_BYTES: Final = 1 << 20


class MessageError(Exception):
    """The stream ends within a message, because the other side is gone."""


@dataclass(frozen=True, slots=True)
class Boot:
    """To a child, first: the settings, so that it reads none that could differ."""

    settings: Settings


@dataclass(frozen=True, slots=True)
class Prepare:
    """To a worker: load these policies beside those in force. `body` is their image."""

    digest: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Activate:
    """To a worker, or from the background process: answer by these policies, which are prepared, from now on."""

    digest: str


@dataclass(frozen=True, slots=True)
class Leave:
    """To a worker: say that you are not serving, and serve on; the end comes by SIGTERM."""


@dataclass(frozen=True, slots=True)
class Ready:
    """From a child: it does its work; a worker says the port on which it answers, others 0."""

    port: int


@dataclass(frozen=True, slots=True)
class Refused:
    """From a child: it cannot start, and its restart would not help before an operator does."""

    why: str


@dataclass(frozen=True, slots=True)
class Prepared:
    """From a worker: these policies can be put in force."""

    digest: str


@dataclass(frozen=True, slots=True)
class Failed:
    """From a worker: these policies cannot be loaded."""

    digest: str
    why: str


@dataclass(frozen=True, slots=True)
class Compiled:
    """From the background process: policies that are fit for use. `body` is their image."""

    digest: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Offered:
    """From the background process: policies that workers are to prepare; answered by `Prepared` or `Failed`."""

    digest: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Candidate:
    """From the background process, and on to the workers: try these policies out beside those in force.

    Without a digest there are none to try out; `why` says it where that is a fault.
    """

    digest: str
    why: str
    body: bytes


@dataclass(frozen=True, slots=True)
class GivenUp:
    """From a worker: these candidate policies cannot be tried out, or not any more."""

    digest: str
    why: str


@dataclass(frozen=True, slots=True)
class Vacant:
    """From the background process, and on to the workers: the store has no policies in force yet; open your doors."""


@dataclass(frozen=True, slots=True)
class Broken:
    """From the background process: policies that may not be used; `is_finding` where their text is wrong."""

    why: str
    is_finding: bool


@dataclass(frozen=True, slots=True)
class Sampled:
    """From a child, again and again: what it has counted since it began."""

    samples: Samples


@dataclass(frozen=True, slots=True)
class Wanted:
    """From a worker: lease me at least that much of a rate; answered by `Leased` of the same number."""

    number: int
    name: str
    per_minute: int
    burst: int
    amount: int


@dataclass(frozen=True, slots=True)
class Leased:
    """To a worker: so much of the rate is yours; if nothing, ask again in `retry_ms`, None for never."""

    number: int
    amount: int
    retry_ms: int | None


@dataclass(frozen=True, slots=True)
class GivenBack:
    """From a worker: so much of what was leased was not used."""

    name: str
    amount: int


@dataclass(frozen=True, slots=True)
class IssuerKeys:
    """From the background process, and on to the workers: an issuer's JWKS.

    It was fetched at that moment of the monotonic clock, which all processes of a machine share.
    """

    issuer: str
    at: float
    body: bytes


@dataclass(frozen=True, slots=True)
class KeysMissed:
    """From the background process, and on to the workers: an issuer's keys could not be fetched."""

    issuer: str
    why: str


@dataclass(frozen=True, slots=True)
class KeysWanted:
    """From a worker, and on to the background process: a token names a key that the issuer did not have.

    It is answered by `IssuerKeys` or `KeysMissed`.
    """

    issuer: str


Message = (
    Boot | Prepare | Activate | Leave | Ready | Refused | Prepared | Failed | Compiled | Offered | Vacant | Broken
    | Candidate | GivenUp | Sampled | Wanted | Leased | GivenBack | IssuerKeys | KeysMissed | KeysWanted
)  # fmt: skip

_KINDS: Final[Mapping[str, type[Message]]] = {
    kind.__name__: kind
    for kind in (
        Boot, Prepare, Activate, Leave, Ready, Refused, Prepared, Failed, Compiled, Offered, Vacant, Broken, Candidate,
        GivenUp, Sampled, Wanted, Leased, GivenBack, IssuerKeys, KeysMissed, KeysWanted,
    )
}  # fmt: skip


class Exactly(Protocol):
    """A stream whose bytes are awaited, as asyncio's."""

    async def readexactly(self, n: int, /) -> bytes:
        """So many bytes; asyncio.IncompleteReadError at the end of the stream."""
        ...


def write(message: Message) -> bytes:
    """The message as it travels."""
    head: dict[str, object] = {"kind": type(message).__name__}
    body = b""
    for each in fields(message):
        value = getattr(message, each.name)
        match value:
            case bytes():
                body = value
            case Settings():
                head[each.name] = value.model_dump(mode="json")
            case Samples():
                head[each.name] = value.as_json()
            case _:
                head[each.name] = value
    payload = orjson.dumps(head) + b"\n" + body
    return len(payload).to_bytes(LENGTH_BYTES, "big") + payload


def read(stream: BinaryIO) -> Message | None:
    """The next message; None at the end of the stream, MessageError if it ends within a message."""
    length = _read_up_to(stream, LENGTH_BYTES)
    if not length:
        return None
    size = int.from_bytes(length, "big")
    payload = _read_up_to(stream, size)
    if len(length) < LENGTH_BYTES or len(payload) < size:
        raise MessageError("the stream ends within a message")
    return parse(payload)


def _read_up_to(stream: BinaryIO, size: int) -> bytes:
    """So many bytes, or all there are until the end of the stream."""
    read = bytearray()
    while len(read) < size and (more := stream.read(min(size - len(read), READ_BYTES))):
        read += more
    return bytes(read)


async def receive(stream: Exactly) -> Message:
    """The next message; asyncio.IncompleteReadError at the end of the stream."""
    return parse(await stream.readexactly(int.from_bytes(await stream.readexactly(LENGTH_BYTES), "big")))


def parse(payload: bytes) -> Message:
    """The message of a payload."""
    head, _, body = payload.partition(b"\n")
    given = orjson.loads(head)
    kind = _KINDS[given.pop("kind")]
    if kind is Boot:
        return Boot(Settings.model_validate(given["settings"]))
    if kind is Sampled:
        return Sampled(Samples.from_json(given["samples"]))
    if any(each.name == "body" for each in fields(kind)):
        given["body"] = body
    return kind(**given)
