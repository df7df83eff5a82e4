"""What workers and the background process say to each other about imports and exports, and the files between them.

The files are in a folder of the replica's, for its owner alone; who asked takes them away when all is said.
"""

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, Final, Literal

import orjson

from service.desk import Desk
from service.entities.imported import Imported, Tally
from service.errors import BundleRefused, DataError, FactsUnavailable, MagistrateError, why

KIND: Final = "transfer"
"""The kind of this work on the desk."""

Task = Literal["import", "export"]
Cause = Literal["file", "facts", "policies"]
"""What is at fault where nothing was done: the file's lines, the databases or disks, or policies that change."""


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be done with a file: it is named, and so is that of the policies, which read its facts."""

    task: Task
    file: str
    policies: str
    upsert: bool = False
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Export:
    """What an export came to; `reasons` are the first of what was left out."""

    facts: int
    left_out: int
    reasons: Sequence[str]
    revision: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Why it was not done."""

    why: str
    cause: Cause


class TransferFolder:
    """The folder of the files."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def create(self, name: str) -> BinaryIO:
        """A new file for its owner alone."""
        self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
        return os.fdopen(os.open(self.path / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb", buffering=0)

    def open(self, name: str) -> BinaryIO:
        """That file, to be read."""
        return (self.path / name).open("rb")

    def remove(self, names: Sequence[str]) -> None:
        """Takes files away; one that is gone is none the worse."""
        for name in names:
            (self.path / name).unlink(missing_ok=True)

    def sweep(self, before: float) -> None:
        """Takes away what a killed import had laid down, and files that nobody has touched since that time.

        For the process that imports, before it begins: what its predecessor had in hand nobody has any more.
        """
        for path in list(self.path.glob("*")):
            with suppress(FileNotFoundError):  # whoever asked for it was quicker
                if path.is_dir():
                    shutil.rmtree(path)
                elif path.stat().st_mtime < before:
                    path.unlink()


def write_whole(file: BinaryIO, data: bytes) -> None:
    """Writes all of it: a file without a buffer may take a part, as where its disk fills up."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) or 0 :]


@contextmanager
def reached() -> Iterator[None]:
    """Runs a block over the files; what the system cannot do leaves it as FactsUnavailable."""
    try:
        yield
    except OSError as error:
        raise FactsUnavailable(f"the files of imports and exports: {why(error)}") from error


class Counter:
    """The desk, in this work's words."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def ask(self, order: Order) -> str:
        """Lays an order down; the id under which its outcome will be found."""
        return self._desk.ask(orjson.dumps(asdict(order)).decode())

    def find(self, id_: str) -> Imported | Export | None:
        """The outcome, once there is one; DataError, FactsUnavailable or BundleRefused where it failed."""
        text = self._desk.find(id_)
        return None if text is None else _read_outcome(text)

    def clear(self, id_: str) -> None:
        """Nobody waits for it any more."""
        self._desk.clear(id_)

    def next(self) -> tuple[str, Order] | None:
        """The oldest order that waits, and its id."""
        asked = self._desk.next()
        return None if asked is None else (asked.id, Order(**orjson.loads(asked.question)))

    def is_wanted(self, id_: str) -> bool:
        """Whether somebody still waits for it."""
        return self._desk.is_wanted(id_)

    def answer(self, id_: str, outcome: Imported | Export | Broken) -> None:
        """Lays the outcome down."""
        self._desk.answer(id_, orjson.dumps({"kind": type(outcome).__name__, **asdict(outcome)}).decode())


def _read_outcome(text: str) -> Imported | Export:
    said = orjson.loads(text)
    match said.pop("kind"):
        case "Imported":
            kinds = {name: Tally(**said[name]) for name in ("entities", "assignments", "relations")}
            return Imported(**kinds, revision=said["revision"])
        case "Export":
            return Export(**said)
        case _:
            raise _RAISED[said["cause"]](said["why"])


_RAISED: Final[Mapping[Cause, Callable[[str], MagistrateError]]] = {
    "file": DataError,
    "facts": FactsUnavailable,
    "policies": BundleRefused,
}
