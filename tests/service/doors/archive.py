"""A door with EntityService alone over the firm's facts; whom a token names is its text."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest
from grpc_status.rpc_status import from_call
from magistrate.v1.entity_pb2_grpc import EntityServiceStub

from service.config import Limits, Settings
from service.desk import Desk
from service.doors.grpc.entities import EntityServicer, Roles
from service.doors.grpc.server import ENTITY, GrpcDoor
from service.doors.grpc.transfers import TransferDoor
from service.doors.grpc.watches import Watches
from service.entities.transfer_office import TransferOffice
from service.entities.transfers import KIND, Counter, TransferFolder
from service.entities.worker_facts import follower
from service.feed.feed import Feed
from service.model import Caller
from service.transfer_settings import TransferSettings
from tests.service.doors.receiving import Named, callers
from tests.service.entities.firm import Firm, caller

Answer = TypeVar("Answer")
Metadata = tuple[tuple[str, str], ...]
Call = Callable[[EntityServiceStub, Metadata], Answer]


def _nothing() -> None:
    """Before anything is asked."""


@dataclass
class Archive:
    """The service, asked by users whose tokens are their names."""

    firm: Firm
    limits: Limits = field(default_factory=Limits)
    verified: Callable[[str], Caller] = caller
    """Whom a token names."""
    end: Callable[[], object] = _nothing
    """Has the service end its streams."""
    folder: Path = Path("transfers")
    """Where imports and exports are laid down; made by the first."""

    def ask(self, name: str, call: Call[Answer]) -> Answer:
        """What the service answers the user of that name."""
        return asyncio.run(self._ask(call, (("authorization", f"Bearer {name}"),)))

    def fails(self, name: str, call: Call[object]) -> grpc.Call:
        """How the call of that user fails."""
        with pytest.raises(grpc.RpcError) as caught:
            self.ask(name, call)
        assert isinstance(caught.value, grpc.Call)
        return caught.value

    async def _ask(self, call: Call[Answer], who: Metadata) -> Answer:
        settings, feed = Settings(database=self.firm.url), Feed(10)
        following = asyncio.create_task(follower(settings, self.firm.database, feed).run())
        received = callers(Named(self.verified), recorder=self.firm.recorder)
        ending = asyncio.Event()
        self.end = partial(asyncio.get_running_loop().call_soon_threadsafe, ending.set)
        office = TransferOffice(
            gate=self.firm.gate,
            policies=self.firm.policies,
            counter=Counter(Desk(self.firm.database, "local", KIND)),
            folder=TransferFolder(self.folder),
        )
        servicer = EntityServicer(
            callers=received,
            writes=self.firm.writes,
            batches=self.firm.batches,
            reads=self.firm.reads,
            roles=Roles(self.firm.roles, self.firm.emergencies),
            watches=Watches(received, self.firm.watching, feed, most=self.limits.watches, ended=ending.wait),
            transfers=TransferDoor(received, office, TransferSettings()),
            limits=self.limits,
        )
        door = GrpcDoor([(ENTITY, servicer)], self.limits, verify=received.verified)
        port = await door.open("127.0.0.1:0")
        try:
            return await asyncio.to_thread(_call, port, call, who)
        finally:
            await door.close(1)
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following


def _call(port: int, call: Call[Answer], who: Metadata) -> Answer:
    # Without the probe a channel does not widen what may be on its way to a reader that has stopped reading.
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.http2.bdp_probe", 0)]) as channel:
        return call(EntityServiceStub(channel), who)


def violations(error: grpc.Call) -> dict[str, str]:
    """The fields that a refusal names, and what it says of each."""
    status, found = from_call(error), BadRequest()
    assert status is not None
    for detail in status.details:
        detail.Unpack(found)
    return {each.field: each.description for each in found.field_violations}
