"""AuthZEN's metadata: by which URL the decision point goes, and where it answers; what it cannot do is left out."""

import re
from typing import Final
from urllib.parse import urlsplit

from starlette.types import Receive, Scope, Send

from service.doors.http.answering import send_page
from service.doors.http.arriving import read_head
from service.doors.http.pages import NO_STORE, Headers, Page, error_page, json_page
from service.doors.http.paths import EVALUATION, EVALUATIONS, METADATA
from service.errors import InvalidRequest, Violation

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_CACHED: Final = (b"cache-control", b"max-age=3600")


class Metadata:
    """Answers with the metadata (an ASGI application)."""

    def __init__(self, public_url: str) -> None:
        """Without a public URL, callers are told the one that they called by: that suits trying it."""
        self._public_url = public_url
        self.path = METADATA + urlsplit(public_url).path
        """Where it is to be had: the standard puts the well-known path before that of the decision point."""

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """One request and its answer."""
        request_id = read_head(scope["headers"]).request_id
        await send_page(self._page(scope), send, *(((b"x-request-id", request_id),) if request_id else ()))

    def _page(self, scope: Scope) -> Page:
        if self._public_url:
            return _described(self._public_url, (_CACHED,))
        host = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), "")
        if _HOST.fullmatch(host) is None:
            return error_page(InvalidRequest([Violation("Host", "expected a host")]))
        return _described(f"{scope['scheme']}://{host}", (NO_STORE,))


def _described(url: str, headers: Headers) -> Page:
    return json_page(
        {
            "policy_decision_point": url,
            "access_evaluation_endpoint": url + EVALUATION,
            "access_evaluations_endpoint": url + EVALUATIONS,
        },
        *headers,
    )
