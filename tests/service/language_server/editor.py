"""An editor for the tests: starts the server as editors do and talks to it over its standard input and output."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any

SECONDS = 60
Message = dict[str, Any]


class Refused(Exception):
    """The server answered a request with an error."""

    def __init__(self, error: Message) -> None:
        super().__init__(error["message"])
        self.code = error["code"]


@dataclass(slots=True)
class Editor:
    """One end of the conversation; `told` is what the server said unasked and nobody has looked at yet."""

    process: subprocess.Popen[bytes]
    heard: Queue[Message]
    told: list[Message] = field(default_factory=list)
    last_id: int = 0

    def send(self, message: Message) -> None:
        """Sends a message as the protocol frames it."""
        self.send_bytes(json.dumps({"jsonrpc": "2.0", **message}).encode())

    def send_bytes(self, body: bytes) -> None:
        """Sends any bytes as a message."""
        assert self.process.stdin is not None
        self.process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self.process.stdin.flush()

    def notify(self, method: str, params: Message | None = None) -> None:
        """Tells the server something."""
        self.send({"method": method, "params": params} if params is not None else {"method": method})

    def request(self, method: str, params: Message | None = None) -> Any:
        """Asks and waits for the answer; Refused."""
        self.last_id += 1
        own = self.last_id
        self.send({"id": own, "method": method, **({} if params is None else {"params": params})})
        while True:
            message = self.hear()
            if message.get("id") == own and "method" not in message:
                if "error" in message:
                    raise Refused(message["error"])
                return message["result"]
            self.told.append(message)

    def wait_for(self, method: str, **params: object) -> Message:
        """The params of the next such notification; earlier ones of the kind are passed over."""
        while True:
            for at, message in enumerate(self.told):
                found = message.get("params") or {}
                if message.get("method") == method and all(found.get(key) == value for key, value in params.items()):
                    del self.told[at]
                    return dict(found)
            self.told.append(self.hear())

    def hear(self) -> Message:
        """The next message; a request of the server is granted at once."""
        try:
            message = self.heard.get(timeout=SECONDS)
        except Empty:
            raise AssertionError("the server says nothing") from None
        if "id" in message and "method" in message:
            self.send({"id": message["id"], "result": None})
        return message

    def open(self, path: Path, text: str | None = None) -> str:
        """Opens a file, with a text that may differ from the disk's; returns its address."""
        return self.open_uri(path.as_uri(), path.read_text() if text is None else text)

    def open_uri(self, uri: str, text: str) -> str:
        """Opens a document."""
        document = {"uri": uri, "languageId": "policy", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def change(self, uri: str, text: str, version: int = 2) -> None:
        """Replaces the text of an open document."""
        identifier = {"uri": uri, "version": version}
        self.notify("textDocument/didChange", {"textDocument": identifier, "contentChanges": [{"text": text}]})

    def at(self, method: str, uri: str, line: int, character: int, **more: object) -> Any:
        """Asks about a place in a document."""
        place = {"textDocument": {"uri": uri}, "position": {"line": line, "character": character}}
        return self.request(f"textDocument/{method}", {**place, **more})

    def findings(self, uri: str, **params: object) -> list[Message]:
        """What is published next of a document."""
        return list(self.wait_for("textDocument/publishDiagnostics", uri=uri, **params)["diagnostics"])


@contextmanager
def starting(log: IO[bytes] | None = None) -> Iterator[Editor]:
    """A server process with nothing said yet, its log written there; it is ended, whatever happened."""
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "service.cli", "policy", "lsp"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log or subprocess.DEVNULL,
    )  # fmt: skip
    assert process.stdout is not None
    heard: Queue[Message] = Queue()
    reader = Thread(target=_read, args=(process.stdout, heard), daemon=True)
    reader.start()
    try:
        yield Editor(process, heard)
    finally:
        assert process.stdin is not None
        process.stdin.close()
        if process.poll() is None:
            process.kill()
        process.wait(SECONDS)
        reader.join(SECONDS)
        process.stdout.close()


def _read(stream: IO[bytes], heard: Queue[Message]) -> None:
    """Hands on every message until the stream ends."""
    length = 0
    while line := stream.readline():
        if line.startswith(b"Content-Length: "):
            length = int(line.split()[1])
        elif not line.strip():
            heard.put(json.loads(stream.read(length)))


@contextmanager
def editing(*folders: Path, encodings: list[str] | None = None) -> Iterator[Editor]:
    """A server that has been greeted, with these workspace folders."""
    with starting() as editor:
        general = {} if encodings is None else {"general": {"positionEncodings": encodings}}
        workspace = {"workspaceEdit": {"documentChanges": True}, "didChangeWatchedFiles": {"dynamicRegistration": True}}
        editor.request(
            "initialize",
            {
                "processId": None,
                "rootUri": None,
                "capabilities": {"workspace": workspace, **general},
                "workspaceFolders": [{"uri": folder.as_uri(), "name": folder.name} for folder in folders],
            },
        )
        editor.notify("initialized", {})
        yield editor
