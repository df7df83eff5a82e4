"""Takes imports and exports from callers that may, and has the background process do them; a worker only moves bytes.

Everything here waits for the disk or the database, so threads other than the loop's run it.
"""

from typing import BinaryIO, Final

import orjson
from uuid_utils import uuid7

from policy_lang.types import Json
from policy_lang.values import Ref
from service.entities.importer import Imported
from service.entities.transfers import Counter, Export, Order, Task, TransferFolder
from service.errors import LimitExceeded
from service.model import Caller
from service.permits import Act, Action
from service.ports import Gate, Policies

EVERYTHING: Final = Ref("*", "*")
"""All facts, in the record."""


class Transfer:
    """One import or export under way: its file, and what is known of its outcome."""

    def __init__(self, counter: Counter, folder: TransferFolder, order: Order, file: BinaryIO) -> None:
        self._counter = counter
        self._folder = folder
        self._order = order
        self._file = file
        self._written = 0
        self._id = ""

    def add(self, chunk: bytes, allowed: int) -> None:
        """Lays down the next bytes of an import; LimitExceeded where they are more than that altogether."""
        self._written += len(chunk)
        if self._written > allowed:
            raise LimitExceeded("transfers.import_bytes", allowed, self._written)
        rest = memoryview(chunk)
        while rest:
            rest = rest[self._file.write(rest) or 0 :]

    def begin(self) -> None:
        """Hands it to the background process."""
        self._file.close()
        self._id = self._counter.ask(self._order)

    def outcome(self) -> Imported | Export | None:
        """What it came to, once it has; DataError or FactsUnavailable where it failed."""
        return self._counter.find(self._id)

    def read(self, at: int, size: int) -> bytes:
        """Bytes of an export from there on, as many as there are by now."""
        with self._folder.open(self._order.file) as file:
            file.seek(at)
            return file.read(size)

    def end(self) -> None:
        """Takes away all that is left of it; what is not done yet is not done any more."""
        self._file.close()
        self._folder.remove([self._order.file, self._order.policies])
        if self._id:
            self._counter.clear(self._id)


class TransferOffice:
    """Where callers bring imports and ask for exports."""

    def __init__(self, *, gate: Gate, policies: Policies, counter: Counter, folder: TransferFolder) -> None:
        self._gate = gate
        self._policies = policies
        self._counter = counter
        self._folder = folder

    def admit_import(self, caller: Caller, *, upsert: bool, dry_run: bool) -> Transfer:
        """Begins an import; PermissionDenied, recorded, for a caller that may not write and assign everywhere."""
        details: dict[str, Json] = {"change": "import", "upsert": upsert, "dry_run": dry_run}
        acts = [Act(action, EVERYTHING, details=details) for action in (Action.ENTITY_WRITE, Action.ROLE_ASSIGN)]
        self._gate.admit(caller).require(acts)
        return self._open("import", upsert=upsert, dry_run=dry_run)

    def admit_export(self, caller: Caller) -> Transfer:
        """Begins an export; PermissionDenied, recorded, for a caller that may not read everywhere."""
        self._gate.admit(caller).require([Act(Action.ENTITY_READ, EVERYTHING, details={"read": "export"})])
        return self._open("export")

    def _open(self, task: Task, *, upsert: bool = False, dry_run: bool = False) -> Transfer:
        # As texts: an image of compiled policies is code, and never kept in a file.
        texts = {file.path: file.text for file in self._policies.active().bundle.files}
        name = str(uuid7())
        order = Order(task, f"{name}.jsonl", f"{name}.policies", upsert, dry_run)
        with self._folder.create(order.policies) as policies:
            policies.write(orjson.dumps(texts))
        return Transfer(self._counter, self._folder, order, self._folder.create(order.file))
