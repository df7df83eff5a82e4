"""Import and Export: bytes go from messages to a file and back; the background process does the rest."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from grpc.aio import ServicerContext
from magistrate.v1 import entity_pb2 as pb

from service.doors.beside import beside, cleared
from service.doors.grpc.caller import Callers
from service.doors.grpc.rim import message_of
from service.entities.imported import Imported, Tally
from service.entities.transfer_office import Transfer, TransferOffice
from service.entities.transfers import Export, Task
from service.errors import RateLimited
from service.transfer_settings import TransferSettings

LOOK_SECONDS: Final = 0.05
"""Between two looks at what the background process does."""
VERIFY_SECONDS: Final = 1.0
"""How often the credential of a call that lasts is looked at again."""
CHUNK_BYTES: Final = 1 << 18
RETRY_MS: Final = 1000

Request = TypeVar("Request")
Response = TypeVar("Response")


class TransferDoor:
    """What the RPCs do, so many at once."""

    def __init__(self, callers: Callers, office: TransferOffice, settings: TransferSettings) -> None:
        self._callers = callers
        self._office = office
        self._settings = settings
        self._under_way = 0

    async def take(
        self,
        requests: AsyncIterator[pb.ImportRequest | None],
        context: ServicerContext[pb.ImportRequest, pb.ImportResponse],
    ) -> pb.ImportResponse:
        """An import, from its first message to its end."""
        caller = await self._callers.admitted(context)
        first = message_of(await anext(requests, pb.ImportRequest()))
        options = first.options
        with self._one_more():
            transfer = await beside(self._office.admit_import, caller, upsert=options.upsert, dry_run=options.dry_run)
            try:
                await self._lay_down(transfer, first.chunk)
                async for request in requests:
                    await self._lay_down(transfer, message_of(request).chunk)
                await self._check(context, "import")
                await beside(transfer.begin)
                while (done := await beside(transfer.outcome)) is None:
                    await asyncio.sleep(LOOK_SECONDS)
            finally:
                await cleared(transfer.end)
        return _write_imported(done)

    async def give(
        self, context: ServicerContext[pb.ExportRequest, pb.ExportResponse]
    ) -> AsyncGenerator[pb.ExportResponse, None]:
        """An export, while it is written."""
        caller = await self._callers.admitted(context)
        with self._one_more():
            transfer = await beside(self._office.admit_export, caller)
            try:
                await beside(transfer.begin)
                clock = asyncio.get_running_loop().time
                at, verified = 0, clock()
                done: Imported | Export | None = None
                while True:
                    if clock() - verified > VERIFY_SECONDS:
                        await self._check(context, "export")
                        verified = clock()
                    if done is None:
                        done = await beside(transfer.outcome)
                    chunk = await beside(transfer.read, at, CHUNK_BYTES)
                    at += len(chunk)
                    if chunk:
                        yield pb.ExportResponse(chunk=chunk)
                    elif done is not None:
                        yield pb.ExportResponse(summary=_write_exported(done))
                        return
                    else:
                        await asyncio.sleep(LOOK_SECONDS)
            finally:
                await cleared(transfer.end)

    async def _check(self, context: ServicerContext[Request, Response], task: Task) -> None:
        """Credentials end, and roles are taken away, while a file comes in or goes out."""
        caller = await self._callers.verified(context)
        await beside(self._office.check, caller, task)

    async def _lay_down(self, transfer: Transfer, chunk: bytes) -> None:
        if chunk:
            await beside(transfer.add, chunk, self._settings.import_bytes)

    @contextmanager
    def _one_more(self) -> Iterator[None]:
        most = self._settings.at_once
        if self._under_way >= most:
            raise RateLimited(
                f"over the limit `transfers.at_once`: {most} are under way already", RETRY_MS, limit="transfers.at_once"
            )
        self._under_way += 1
        try:
            yield
        finally:
            self._under_way -= 1


def _write_imported(done: Imported | Export) -> pb.ImportResponse:
    assert isinstance(done, Imported), "an import was asked for"  # noqa: S101
    return pb.ImportResponse(
        entities=_write_tally(done.entities),
        assignments=_write_tally(done.assignments),
        relations=_write_tally(done.relations),
        revision=done.revision,
    )


def _write_tally(tally: Tally) -> pb.ImportCounts:
    return pb.ImportCounts(added=tally.added, changed=tally.changed, unchanged=tally.unchanged)


def _write_exported(done: Imported | Export) -> pb.ExportSummary:
    assert isinstance(done, Export), "an export was asked for"  # noqa: S101
    return pb.ExportSummary(facts=done.facts, left_out=done.left_out, reasons=done.reasons, revision=done.revision)
