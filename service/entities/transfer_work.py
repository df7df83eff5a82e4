"""Does imports and exports in the background process, one at a time, for the workers of its replica."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Final, Protocol

import orjson
from sqlalchemy import Connection

from policy_lang.bundle import Bundle
from policy_lang.diagnostics import PolicyError
from policy_lang.loading import load
from service.db.engine import Database
from service.entities.elsewhere import NOWHERE, Elsewhere
from service.entities.exporter import Exporter
from service.entities.imported import Asked, Imported
from service.entities.importer import Importer, Listener
from service.entities.transfers import Broken, Counter, Export, Order, TransferFolder, reached
from service.errors import ActivationUnderWay, BundleRefused, DataError, FactsUnavailable, MagistrateError, NoPolicies
from service.faults import FAULT, Faults
from service.telemetry import get_log

LOOK_SECONDS: Final = 0.1
ASK_SECONDS: Final = 1.0
"""How often it looks whether its work is still wanted."""
WORDS_BYTES: Final = 1500
"""Of an error's lines, beside the last."""
REASONS: Final = 10
"""Reasons that an export gives for what it left out."""
LEFT_SECONDS: Final = 3600.0
"""Files that nobody has touched for so long were left by a worker that died."""

Approve = Callable[[Connection], None]
"""Called first in the transaction that writes an import; may raise, and then nothing is written."""


class InForce(Protocol):
    """Which policies are in force, where they may change while an import goes on."""

    def require(self, connection: Connection, digest: str) -> None:
        """Called in the transaction of an import: ActivationUnderWay unless these stay in force."""
        ...

    def settled(self) -> Bundle | None:
        """Those in force; None while others are being put in force."""
        ...


_log = get_log("transfers")


class Unwanted(MagistrateError):
    """Whoever asked has gone, or this process is to stop: nothing is written."""


class TransferWork:
    """The work of one replica."""

    def __init__(
        self,
        database: Database,
        counter: Counter,
        folder: TransferFolder,
        elsewhere: Elsewhere = NOWHERE,
        *,
        in_force: InForce | None = None,
    ) -> None:
        self._in_force = in_force
        self._elsewhere = elsewhere
        self._database = database
        self._counter = counter
        self._folder = folder
        self._stop = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Does what is laid down until `stop` is set."""
        self._stop = stop
        try:
            with reached():
                self._folder.sweep(time.time() - LEFT_SECONDS)
        except FactsUnavailable as error:  # what cannot be taken away takes room, and no more
            _log.warning("not_swept", why=str(error))
        while not stop.wait(LOOK_SECONDS):
            with suppress(FactsUnavailable):  # the feed and the checks say so, again and again
                self.look()

    def look(self) -> None:
        """Does the next work, if there is any."""
        if (found := self._counter.next()) is None:
            return
        id_, order = found
        outcome: Imported | Export | Broken = Broken(FAULT, "facts")
        with Faults("transfer.fault", id=id_):
            try:
                outcome = self._done(id_, order)
            except Unwanted:
                return
        self._counter.answer(id_, outcome)

    def _done(self, id_: str, order: Order) -> Imported | Export | Broken:
        began = time.monotonic()
        try:
            with reached():
                outcome = self._import(id_, order) if order.task == "import" else self._export(id_, order)
        except DataError as error:
            return Broken(_shortened(str(error)), "file")
        except FactsUnavailable as error:
            return Broken(str(error), "facts")
        except (BundleRefused, NoPolicies) as error:
            return Broken(str(error), "policies")
        _log.info(order.task, seconds=round(time.monotonic() - began, 3), revision=outcome.revision)
        return outcome

    def _import(self, id_: str, order: Order) -> Imported:
        wanted = _Wanted(self._counter, id_, self._stop)
        bundle = self._bundle(order)
        if self._in_force is None:
            return self._imported(order, bundle, wanted, lambda _: None)
        while True:
            approve = partial(self._in_force.require, digest=bundle.digest)
            try:
                return self._imported(order, bundle, wanted, approve)
            except ActivationUnderWay:
                bundle = self._settled(self._in_force, wanted)

    def _imported(self, order: Order, bundle: Bundle, wanted: "_Wanted", approve: Approve) -> Imported:
        """The import by those policies; what `approve` raises where they do not stay in force."""
        asked = Asked(may_change=order.upsert, is_trial=order.dry_run, may_move_grants=False)
        importer = Importer(self._database, bundle.program.schema, self._folder.path, elsewhere=self._elsewhere)
        with self._folder.open(order.file) as file:
            return importer.run(file, asked, Listener(wanted.now_and_then, wanted.check, approve))

    def _settled(self, in_force: InForce, wanted: "_Wanted") -> Bundle:
        """The policies in force, once no others are being put in force; Unwanted if nobody waits so long."""
        while (bundle := in_force.settled()) is None:
            wanted.check()
            self._stop.wait(LOOK_SECONDS)
        return bundle

    def _export(self, id_: str, order: Order) -> Export:
        wanted, reasons, left_out = _Wanted(self._counter, id_, self._stop), list[str](), 0

        def leave_out(what: str) -> None:
            nonlocal left_out
            left_out += 1
            if left_out <= REASONS:
                reasons.append(what)

        with (self._folder.path / order.file).open("wb") as file:
            done = Exporter(self._database, self._bundle(order).program.schema).write(
                file, leave_out, wanted.now_and_then
            )
        return Export(done.facts, left_out, reasons, done.revision)

    def _bundle(self, order: Order) -> Bundle:
        with self._folder.open(order.policies) as file:
            texts: dict[str, str] = orjson.loads(file.read())
        try:
            return load(texts)
        except PolicyError as error:
            raise DataError(f"the policies in force cannot be read: {error}") from error


def _shortened(text: str) -> str:
    """As much of an error as fits in the trailers of a call, which hold it twice: whole lines, and the last one."""
    *lines, last = text.splitlines()
    kept: list[str] = []
    room = WORDS_BYTES
    for line in lines:
        room -= len(line.encode())
        if room < 0:
            break
        kept.append(line)
    return "\n".join((*kept, *([] if len(kept) == len(lines) else ["…"]), last))


class _Wanted:
    """Whether the work is still wanted."""

    def __init__(self, counter: Counter, id_: str, stop: threading.Event) -> None:
        self._counter = counter
        self._id = id_
        self._stop = stop
        self._looked = time.monotonic()

    def check(self) -> None:
        """Unwanted if it is not, or not now: who begins again after a stop finds it where it lay."""
        if self._stop.is_set() or not self._counter.is_wanted(self._id):
            raise Unwanted("nobody waits for it now")

    def now_and_then(self, _: int) -> None:
        """The same, but looks at the desk at most once a second."""
        if self._stop.is_set() or time.monotonic() - self._looked > ASK_SECONDS:
            self.check()
            self._looked = time.monotonic()
