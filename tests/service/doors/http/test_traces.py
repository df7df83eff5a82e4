"""A request is of its own trace, in whichever context it is read."""

import asyncio
from typing import cast

import pytest
from starlette.types import Message, Scope

from service.config import Limits
from service.doors.http.answering import Answering, Exchange
from service.doors.http.pages import Page, json_page
from service.reception.peers import Peers
from service.traces import TRACE, Trace

ASKED: Scope = {"type": "http", "method": "POST", "path": "/", "headers": [], "client": None}


@pytest.mark.parametrize("is_whole", [False, True], ids=["in pieces", "whole"])
def test_a_request_that_is_read_in_the_context_of_another_is_not_of_its_trace(is_whole: bool) -> None:
    found: list[Trace | None] = []

    def answer_at_once(_: Exchange, __: bytes) -> Page:
        found.append(TRACE.get())
        return json_page({})

    async def answer(exchange: Exchange) -> Page:
        return answer_at_once(exchange, b"")

    async def receive() -> Message:
        raise AssertionError("there is no body to read")

    async def send(_: Message) -> None:
        pass

    async def ask() -> None:
        TRACE.set(cast(Trace, "of another request"))
        answering = Answering("/", "Service.Rpc", answer, answer_at_once, peers=Peers(), limits=Limits(), seconds=1)
        if is_whole:
            answering.at_once(ASKED, receive, b"{}")
        else:
            await answering(ASKED, receive, send)

    asyncio.run(ask())

    assert found == [None]
