"""Takes imports and exports from callers that may, and has the background process do them; a worker only moves bytes.

Everything here waits for the disk or the database, so threads other than the loop's run it.
"""

from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import BinaryIO, Final

import orjson
from uuid_utils import uuid7

from policy_lang.types import Json
from policy_lang.values import Ref
from service.entities.imported import Imported
from service.entities.transfers import Counter, Export, Order, Task, TransferFolder, reached, write_whole
from service.errors import LimitExceeded
from service.model import Caller
from service.permits import Act, Action
from service.ports import Gate, Policies

EVERYTHING: Final = Ref("*", "*")
"""All facts, in the record."""


class Transfer:
    """One import or export under way: its file, and what is known of its outcome.

    FactsUnavailable where the files cannot be written or read.
    """

    def __init__(self, counter: Counter, folder: TransferFolder, order: Order, file: BinaryIO) -> None:
        self._counter = counter
        self._folder = folder
        self._order = order
        self._file = file
        self._written = 0
        self._id = ""

    @reached()
    def add(self, chunk: bytes, allowed: int) -> None:
        """Lays down the next bytes of an import; LimitExceeded where they are more than that altogether."""
        self._written += len(chunk)
        if self._written > allowed:
            raise LimitExceeded("transfers.import_bytes", allowed, self._written)
        write_whole(self._file, chunk)

    def begin(self) -> None:
        """Hands it to the background process."""
        self._file.close()
        self._id = self._counter.ask(self._order)

    def outcome(self) -> Imported | Export | None:
        """What it came to, once it has; DataError, FactsUnavailable or BundleRefused where it failed."""
        return self._counter.find(self._id)

    @reached()
    def read(self, at: int, size: int) -> bytes:
        """Bytes of an export from there on, as many as there are by now."""
        with self._folder.open(self._order.file) as file:
            file.seek(at)
            return file.read(size)

    @reached()
    def end(self) -> None:
        """Takes away all that is left of it; what is not done yet is not done any more."""
        self._file.close()
        self._folder.remove([self._order.file, self._order.policies])
        if self._id:
            self._counter.clear(self._id)


class TransferOffice:
    """Where callers bring imports and ask for exports; FactsUnavailable where no file can be made for them."""

    def __init__(self, *, gate: Gate, policies: Policies, counter: Counter, folder: TransferFolder) -> None:
        self._gate = gate
        self._policies = policies
        self._counter = counter
        self._folder = folder

    def admit_import(self, caller: Caller, *, upsert: bool, dry_run: bool) -> Transfer:
        """Begins an import; PermissionDenied, recorded, for a caller that may not write and assign everywhere."""
        self._gate.admit(caller).require(_acts("import", {"upsert": upsert, "dry_run": dry_run}))
        return self._open("import", upsert=upsert, dry_run=dry_run)

    def admit_export(self, caller: Caller) -> Transfer:
        """Begins an export; PermissionDenied, recorded, for a caller that may not read everywhere."""
        self._gate.admit(caller).require(_acts("export"))
        return self._open("export")

    def check(self, caller: Caller, task: Task) -> None:
        """Returns where the caller still may do what it began; PermissionDenied, recorded, where it may not."""
        visitor, acts = self._gate.admit(caller), _acts(task)
        if not all(visitor.may(act.action, None) for act in acts):
            visitor.require(acts)

    @reached()
    def _open(self, task: Task, *, upsert: bool = False, dry_run: bool = False) -> Transfer:
        # As texts: an image of compiled policies is code, and never kept in a file.
        texts = {file.path: file.text for file in self._policies.active().bundle.files}
        name = str(uuid7())
        order = Order(task, f"{name}.jsonl", f"{name}.policies", upsert, dry_run)
        try:
            with self._folder.create(order.policies) as policies:
                write_whole(policies, orjson.dumps(texts))
            return Transfer(self._counter, self._folder, order, self._folder.create(order.file))
        except OSError:
            with suppress(OSError):
                self._folder.remove([order.policies, order.file])
            raise


def _acts(task: Task, details: Mapping[str, Json] = MappingProxyType({})) -> list[Act]:
    """What the caller must be permitted everywhere."""
    match task:
        case "import":
            said: dict[str, Json] = {"change": "import", **details}
            return [Act(action, EVERYTHING, details=said) for action in (Action.ENTITY_WRITE, Action.ROLE_ASSIGN)]
        case "export":
            return [Act(Action.ENTITY_READ, EVERYTHING, details={"read": "export", **details})]
