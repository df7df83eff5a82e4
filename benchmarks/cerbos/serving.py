"""Starts Cerbos in a process of its own, its log of decisions on, and stops it."""

import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.cerbos.rules import write_configuration

PATIENCE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Cerbos:
    """Where it answers over gRPC and over HTTP, its process, and its log of decisions."""

    grpc: str
    http: str
    pid: int
    audit_log: Path


@contextmanager
def serving_cerbos(binary: Path, folder: Path) -> Iterator[Cerbos]:
    """The server, answering."""
    grpc, http = _free_port(), _free_port()
    configuration = write_configuration(folder, grpc, http)
    command = (str(binary), "server", f"--config={configuration}", "--log-level=error")
    with (folder / "server.log").open("wb") as lines:
        process = subprocess.Popen(
            command, env=os.environ | {"CERBOS_NO_TELEMETRY": "1"}, stdout=lines, stderr=subprocess.STDOUT
        )
    try:
        _await(f"http://127.0.0.1:{http}/_cerbos/health", process)
        yield Cerbos(f"127.0.0.1:{grpc}", f"127.0.0.1:{http}", process.pid, folder / "audit.log")
    finally:
        process.terminate()
        process.wait(60)


def _await(url: str, process: "subprocess.Popen[bytes]") -> None:
    until = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < until:
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
    raise SystemExit("cerbos does not serve")


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port
