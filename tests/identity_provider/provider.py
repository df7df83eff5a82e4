"""An identity provider for tests: a real HTTPS server with discovery, a JWKS and introspection, that can misbehave."""

import base64
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, quote_plus

from policy_lang.types import Json
from tests.identity_provider.authority import HOST, Authority

DISCOVERY = "/.well-known/openid-configuration"
JWKS = "/keys"
INTROSPECTION = "/introspect"
CLIENT = ("magistrate", "client secret with % and é")
SLOW_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answers; `after` sends it once the event is set."""

    body: bytes
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=lambda: {"Content-Type": "application/json"})
    after: threading.Event | None = None


def json_reply(value: Json, **headers: str) -> Reply:
    """A reply of JSON; headers are written with `_` for `-`."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(json.dumps(value).encode(), headers={"Content-Type": "application/json", **named})


@dataclass
class Provider:
    """The provider, while it runs. Whatever it is told counts from its next answer on."""

    url: str
    authority: Path
    keys: list[Json] = field(default_factory=list)
    cache_control: str = "max-age=3600"
    discovery: dict[str, Json] = field(default_factory=dict)
    tokens: dict[str, dict[str, Json]] = field(default_factory=dict)
    misbehaviour: dict[str, Callable[[], Reply]] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)

    def answer(self, path: str, form: Mapping[str, list[str]], authorization: str) -> Reply:
        """What it answers."""
        self.asked[path] += 1
        if path in self.misbehaviour:
            return self.misbehaviour[path]()
        if path == DISCOVERY:
            return json_reply({"issuer": self.url, "jwks_uri": self.url + JWKS, **self.discovery})
        if path == JWKS:
            return json_reply({"keys": list(self.keys)}, Cache_Control=self.cache_control)
        if path == INTROSPECTION:
            return self._introspected(form, authorization)
        return Reply(b"", status=404)

    def _introspected(self, form: Mapping[str, list[str]], authorization: str) -> Reply:
        kind, _, credentials = authorization.partition(" ")
        if kind != "Basic" or base64.b64decode(credentials).decode() != basic(*CLIENT):
            return Reply(b'{"error": "invalid_client"}', status=401)
        (token,) = form["token"]
        return json_reply(self.tokens.get(token, {"active": False}))


def basic(client: str, secret: str) -> str:
    """User and password as client_secret_basic joins them: each form-encoded (RFC 6749 section 2.3.1)."""
    return f"{quote_plus(client)}:{quote_plus(secret)}"


@contextmanager
def providing(authority: Authority | None = None) -> Iterator[Provider]:
    """A provider on a free port, over https by that authority, or over http."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer({})

        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            self._answer(parse_qs(content.decode(), keep_blank_values=True))

        def _answer(self, form: Mapping[str, list[str]]) -> None:
            reply = provider.answer(self.path, form, self.headers.get("Authorization", ""))
            if reply.after is not None:
                reply.after.wait(SLOW_SECONDS)
            try:
                self.send_response(reply.status)
                for name, text in reply.headers.items():
                    self.send_header(name, text)
                if "Content-Length" not in reply.headers:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
            except OSError:
                self.close_connection = True  # whoever asked has left

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Says nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: object, client_address: object) -> None:
            """Clients that do not like the certificate end the handshake."""

    with Server((HOST, 0), Handler) as server:
        if authority is not None:
            server.socket = authority.tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        scheme = "http" if authority is None else "https"
        provider = Provider(f"{scheme}://{HOST}:{server.server_port}", authority.file if authority else Path())
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        try:
            yield provider
        finally:
            server.shutdown()
            serving.join()
