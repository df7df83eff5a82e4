"""The HTTP door over a decision point of its own, on a real socket, in a thread beside its plain clients."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from socket import socket
from typing import Final

import httpx
import orjson

from policy_lang.types import Json
from service.asking import Asking
from service.config import Limits
from service.doors.http.application import Behind, build_application
from service.doors.http.listening import listen
from service.doors.http.paths import EVALUATION
from service.doors.http.server import HttpDoor
from service.http_settings import HttpSettings
from service.model import Batch, Consistency, Known
from service.pdp import DecisionPoint
from service.policies.folder import activate
from service.ports import Authenticator, Policies
from service.reception.failures import Failures
from service.reception.peers import Peers
from service.samples import Samples
from tests.service.doors.receiving import Named, callers
from tests.service.point import POLICY, KeptRecords, OnePolicy, build_point

LIMITS: Final = Limits(batch_checks=3, attributes=4, message_bytes=4096)
Object = dict[str, Json]
Headers = Sequence[tuple[str, str]]


@dataclass
class Door:
    """The door, open at `url`; `leaving` says that it is to drain."""

    point: DecisionPoint
    recorder: KeptRecords
    policies: Policies
    settings: HttpSettings = field(default_factory=HttpSettings)
    limits: Limits = LIMITS
    samples: Samples = field(default_factory=Samples)
    leaving: threading.Event = field(default_factory=threading.Event)
    authenticator: Authenticator | None = None
    failures: Failures | None = None
    fetch_seconds: float = 0.0
    """How long facts are waited for; without it they are at hand, unless `has_facts_at_hand` says otherwise."""
    has_facts_at_hand: bool = True
    url: str = ""
    listener: socket | None = None
    _client: httpx.Client | None = None

    def post(
        self, body: Object | bytes, path: str = EVALUATION, *, token: str | None = "pep", headers: Headers = ()
    ) -> httpx.Response:
        """What the door answers the caller of that token; a body is called JSON unless the headers say another."""
        presented = () if token is None else (("Authorization", f"Bearer {token}"),)
        kind = () if any(name == "Content-Type" for name, _ in headers) else (("Content-Type", "application/json"),)
        content = body if isinstance(body, bytes) else orjson.dumps(body)
        return self.client.post(path, content=content, headers=[*presented, *kind, *headers])

    @property
    def client(self) -> httpx.Client:
        """A client of the open door."""
        assert self._client is not None
        return self._client

    @contextmanager
    def opened(self) -> Iterator["Door"]:
        """Open while the block runs."""
        ready, done = threading.Event(), threading.Event()
        thread = threading.Thread(target=lambda: asyncio.run(self._serve(ready, done)))
        thread.start()
        try:
            assert ready.wait(30)
            with httpx.Client(base_url=self.url, trust_env=False) as self._client:
                yield self
        finally:
            done.set()
            thread.join(30)

    async def _serve(self, ready: threading.Event, done: threading.Event) -> None:
        known = self.authenticator or Named(self.point.verify)
        received = callers(known, recorder=self.recorder, failures=self.failures)
        asking = Asking(received.reception, self.point, fetch=self._fetch, reach=_reach, at_hand=self._at_hand)
        behind = Behind(asking, self.policies, Peers(), self.samples)
        application = build_application(behind, self.settings, self.limits)
        door = HttpDoor(
            application,
            self.settings,
            at_once=application.at_once,
            max_connection_age=300,
            is_leaving=self.leaving.is_set,
        )
        (self.listener,) = listen("127.0.0.1:0")
        await door.open([self.listener])
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        ready.set()
        await asyncio.to_thread(done.wait)
        await door.close(1)

    def _at_hand(self, batch: Batch) -> Known | None:
        return self.point.fetch(batch) if self.has_facts_at_hand and not self.fetch_seconds else None

    async def _fetch(self, batch: Batch, _: Consistency, timeout_ms: int | None) -> Known:
        await asyncio.sleep(self.fetch_seconds)
        return self.point.fetch(batch, timeout_ms)


async def _reach(consistency: Consistency, _: int | None) -> Consistency:
    return consistency


def build_door(folder: Path, *, settings: HttpSettings | None = None, limits: Limits = LIMITS) -> Door:
    """A door over the shop's facts."""
    recorder, policies = KeptRecords(), OnePolicy(activate({"shop.policy": POLICY}))
    return Door(build_point(folder, recorder), recorder, policies, settings or HttpSettings(), limits)


def evaluation(action: str = "read", order: str = "o1", *, user: str = "alice", **more: Json) -> Object:
    """An evaluation about an order; more parts stand beside, or in place of, its own."""
    return {
        "subject": {"type": "User", "id": user},
        "action": {"name": action},
        "resource": {"type": "Order", "id": order},
        **more,
    }
