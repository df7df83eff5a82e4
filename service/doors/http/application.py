"""The door as one ASGI application: the endpoints by their paths and methods.

What is asked all the time is found by its path at once: Starlette's way there costs 13 µs of the 120 that an evaluation
takes behind the protocol. The rest, and every method or path that is none, is Starlette's.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from service.asking import Asking
from service.config import Limits
from service.doors.http.answering import Answer, AnswerAtOnce, Answering
from service.doors.http.authzen import BATCH_CHECK, CHECK, AuthZen
from service.doors.http.metadata import Metadata
from service.doors.http.openapi import written
from service.doors.http.paths import EVALUATION, EVALUATIONS, OPENAPI
from service.doors.http.whole import AtOnce
from service.http_settings import HttpSettings
from service.ports import Policies
from service.reception.peers import Peers
from service.samples import Samples

_DOCUMENT: Final = written()


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind the door."""

    asking: Asking
    policies: Policies
    peers: Peers
    samples: Samples


class Application:
    """The whole (an ASGI application)."""

    def __init__(self, posted: Mapping[str, Answering], rest: ASGIApp) -> None:
        self._posted = posted
        self._rest = rest
        self.at_once: Mapping[str, AtOnce] = {path: answering.at_once for path, answering in posted.items()}
        """What answers a POST of a path where it came whole."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request and its answer."""
        posted = self._posted.get(scope["path"]) if scope["method"] == "POST" else None
        await (posted or self._rest)(scope, receive, send)


def build_application(behind: Behind, settings: HttpSettings, limits: Limits) -> Application:
    """The application."""
    authzen = AuthZen(behind.asking, behind.policies, limits, behind.samples)
    metadata = Metadata(settings.public_url)

    def answering(route: str, rpc: str, answer: Answer, at_once: AnswerAtOnce) -> Answering:
        seconds = settings.request_seconds
        return Answering(route, rpc, answer, at_once, peers=behind.peers, limits=limits, seconds=seconds)

    posted = {
        EVALUATION: answering(EVALUATION, CHECK, authzen.evaluation, authzen.evaluation_at_once),
        EVALUATIONS: answering(EVALUATIONS, BATCH_CHECK, authzen.evaluations, authzen.evaluations_at_once),
    }
    rest = Starlette(
        routes=[
            *(Route(path, answers, methods=["POST"]) for path, answers in posted.items()),
            Route(metadata.path, metadata, methods=["GET"]),
            Route(OPENAPI, _openapi, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _not_served},
    )
    # A redirect would lead to the host that the caller named, by the scheme spoken here: plain text behind a proxy.
    rest.router.redirect_slashes = False
    return Application(posted, rest)


def _openapi(_: Request) -> Response:
    return Response(_DOCUMENT, media_type="application/json")


def _not_served(request: Request, error: Exception) -> Response:
    """A path that is none, or a method that it does not have; the id is echoed here too."""
    assert isinstance(error, HTTPException)  # noqa: S101  # it is registered for no other
    request_ids = request.headers.getlist("x-request-id")
    headers = {**(error.headers or {}), **({"x-request-id": request_ids[-1]} if request_ids else {})}
    return PlainTextResponse(error.detail.lower(), error.status_code, headers)
