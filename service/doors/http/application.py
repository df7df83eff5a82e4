"""The door as one ASGI application: the endpoints by their paths and methods."""

from dataclasses import dataclass
from typing import Final

import orjson
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from service.asking import Asking
from service.config import Limits
from service.doors.http.answering import Answer, Answering
from service.doors.http.authzen import BATCH_CHECK, CHECK, AuthZen
from service.doors.http.metadata import Metadata
from service.doors.http.openapi import document
from service.doors.http.paths import EVALUATION, EVALUATIONS, OPENAPI
from service.http_settings import HttpSettings
from service.ports import Policies
from service.reception.peers import Peers
from service.samples import Samples

_DOCUMENT: Final = orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


@dataclass(frozen=True, slots=True)
class Behind:
    """What stands behind the door."""

    asking: Asking
    policies: Policies
    peers: Peers
    samples: Samples


def build_application(behind: Behind, settings: HttpSettings, limits: Limits) -> ASGIApp:
    """The application."""
    authzen = AuthZen(behind.asking, behind.policies, limits, behind.samples)
    metadata = Metadata(settings.public_url)

    def answering(route: str, rpc: str, answer: Answer) -> Route:
        seconds = settings.request_seconds
        answers = Answering(route, rpc, answer, peers=behind.peers, limits=limits, seconds=seconds)
        return Route(route, answers, methods=["POST"])

    return Starlette(
        routes=[
            answering(EVALUATION, CHECK, authzen.evaluation),
            answering(EVALUATIONS, BATCH_CHECK, authzen.evaluations),
            Route(metadata.path, metadata, methods=["GET"]),
            Route(OPENAPI, _openapi, methods=["GET"]),
        ],
        exception_handlers={HTTPException: _not_served},
    )


def _openapi(_: Request) -> Response:
    return Response(_DOCUMENT, media_type="application/json")


def _not_served(request: Request, error: Exception) -> Response:
    """A path that is none, or a method that it does not have; the id is echoed here too."""
    assert isinstance(error, HTTPException)  # noqa: S101  # it is registered for no other
    request_id = request.headers.get("x-request-id")
    headers = {**(error.headers or {}), **({"x-request-id": request_id} if request_id else {})}
    return PlainTextResponse(error.detail.lower(), error.status_code, headers)
