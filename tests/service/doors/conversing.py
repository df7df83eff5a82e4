"""Talks to the one service of a door: opens the door, asks as a user whose token is its name, and closes it again."""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Generic, TypeVar

import grpc
import pytest

from service.doors.grpc.server import GrpcDoor
from tests.service.doors.talking import bearer

Answer = TypeVar("Answer")
Stub = TypeVar("Stub")
Metadata = tuple[tuple[str, str], ...]


class Conversing(ABC, Generic[Stub]):
    """One that is asked through a door."""

    __slots__ = ()

    @abstractmethod
    def door(self) -> GrpcDoor:
        """The door, not open yet; in the loop that it is opened in."""

    @abstractmethod
    def stub(self, channel: grpc.Channel) -> Stub:
        """The service over a channel."""

    def ask(self, name: str, call: Callable[[Stub, Metadata], Answer]) -> Answer:
        """What the service answers the user of that name."""

        def converse(port: int) -> Answer:
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                return call(self.stub(channel), bearer(name))

        return self.serve(converse)

    def fails(self, name: str, call: Callable[[Stub, Metadata], object]) -> grpc.Call:
        """How the call of that user fails."""
        with pytest.raises(grpc.RpcError) as caught:
            self.ask(name, call)
        assert isinstance(caught.value, grpc.Call)
        return caught.value

    def serve(self, converse: Callable[[int], Answer]) -> Answer:
        """What comes of talking to the port, in a thread beside the door's loop."""
        return asyncio.run(self._serve(converse))

    async def _serve(self, converse: Callable[[int], Answer]) -> Answer:
        door = self.door()
        port = await door.open("127.0.0.1:0")
        try:
            return await asyncio.to_thread(converse, port)
        finally:
            await door.close(1)
