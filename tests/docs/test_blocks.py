"""Every block of the documentation that can run does what the text around it says.

A document's blocks run in order, in one fresh folder that looks like a checkout whose `make setup` is done:

    console          each `$ ` line is a command; what is shown under it is what it prints, `...` being any text
    console server   one command, which runs until the document ends; the next block waits until it serves
    python           a script, run in that folder
    policy           policy text; one that does not start with `module` continues the one before
    policy FILE      the same, kept in that file, which a text that does not start with `module` is added to
    jsonl FILE       facts, kept in that file
    toml             a configuration file that `serve` would accept
    text             nothing to run

The addresses that the documents have for the service stand for free ones, which are what the blocks get to see.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

import grpc
import pytest

from policy_lang import suite
from policy_lang.linting.linter import check
from service.configuring import load_settings
from tests.docs.blocks import Block, blocks_of, commands_of

ROOT = Path(__file__).resolve().parents[2]
PLACES = ("*.md", "docs/*.md", "examples/*/README.md", "deploy/*.md")
DOCUMENTS = sorted(path for pattern in PLACES for path in ROOT.glob(pattern))
SECONDS = 120
NO_PORT = "127.0.0.1:0"
PORTS = range(20_000, 32_000)
"""Ports below those that a system gives out by itself: it would give a free one to others before the service has it."""
DEFAULT_SERVER = "127.0.0.1:7080"
DEFAULT_HTTP = "127.0.0.1:7082"


@dataclass(slots=True)
class Place:
    """The folder that a document's blocks run in, where `cd` has led them, and the environment they see."""

    folder: Path
    commands: Path
    server: str
    http: str
    exported: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """The tester's own, with the installed commands first and the free address in place of the default one."""
        left_out = ("MAGISTRATE_", "MAKE")  # a `make` among the blocks is a reader's, not one within that of the tests
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
        path = os.pathsep.join([str(self.commands), inherited["PATH"]])
        return (
            inherited
            | {
                "PATH": path,
                "MAGISTRATE_GRPC": self.server,
                "MAGISTRATE_SERVER": self.server,
                "MAGISTRATE_OPS": NO_PORT,
                "HTTP": self.http,
            }
            | self.exported
        )

    def readdressed(self, text: str) -> str:
        """The text with the free addresses in place of the documents'."""
        return text.replace(DEFAULT_SERVER, self.server).replace(DEFAULT_HTTP, self.http)

    def run(self, arguments: list[str], text: str = "") -> tuple[int, str]:
        """The exit code of a command, and all that it printed."""
        done = subprocess.run(
            arguments, input=text, cwd=self.folder, env=self.environment, timeout=SECONDS, text=True, check=False,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        return done.returncode, done.stdout


@pytest.fixture
def place(tmp_path: Path) -> Place:
    """A fresh folder with the examples in it, and make's own files older than the installation."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
        os.utime(tmp_path / name, (0, 0))
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv/bin").symlink_to(Path(sys.executable).parent)
    (tmp_path / ".venv/.installed").touch()
    return Place(tmp_path, tmp_path / ".venv/bin", free_address(), free_address())


def free_address() -> str:
    """An address that nobody has, and that no other process of the tests is told."""
    for port in _own_ports:
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return f"127.0.0.1:{port}"
    raise AssertionError("there is always another")


_own_ports = (PORTS[at % len(PORTS)] for at in count(64 * os.getpid()))


@pytest.mark.parametrize("document", DOCUMENTS, ids=[str(path.relative_to(ROOT)) for path in DOCUMENTS])
def test_what_the_document_shows_is_so(document: Path, place: Place) -> None:
    policies: list[str] = []
    with ExitStack() as servers:
        for block in blocks_of(document):
            match block.info:
                case "console":
                    run_commands(block, place)
                case "console server":
                    servers.enter_context(running(block, place))
                case "python":
                    code, printed = place.run([sys.executable, "-W", "error", "-"], place.readdressed(block.text))
                    assert code == 0, f"{block} ends with {code}:\n{printed}"
                case "policy" if block.text.startswith("module"):
                    policies.append(block.text)
                case "policy":
                    policies[-1] += block.text
                case info if info.startswith(("policy ", "jsonl ")):
                    keep(block, place.folder)
                case "toml":
                    file = place.folder / "magistrate.toml"
                    file.write_text(block.text)
                    assert load_settings(file, {}) != load_settings(None, {}), f"{block} sets nothing"
                case "text":
                    pass
                case info:
                    pytest.fail(f"{block} is marked `{info}`: nothing runs it, so it is `text`")
    for text in policies:
        hold_policy(document, text)


def keep(block: Block, folder: Path) -> None:
    """Write the block into the file that it names, below the folder."""
    file = folder / block.info.partition(" ")[2]
    file.parent.mkdir(exist_ok=True)
    is_more = block.info.startswith("policy") and not block.text.startswith("module")
    file.write_text((file.read_text() + "\n" if is_more else "") + block.text)


def run_commands(block: Block, place: Place) -> None:
    """Run each command of the block; 1 is a deny or a finding, so it passes where the block shows that."""
    for command in commands_of(block):
        if command.line.startswith("cd "):
            place.folder /= command.line.removeprefix("cd ")
            continue
        if command.line.startswith("export "):
            name = command.line.removeprefix("export ").partition("=")[0]
            code, printed = place.run(["bash", "-c", f"{command.line}; printenv {name}"])
            assert code == 0, f"{block}: `{command.line}` exports nothing"
            place.exported[name] = printed.strip()
            continue
        code, printed = place.run(["bash", "-c", place.readdressed(command.line)])
        assert command.matches(printed.replace(place.http, DEFAULT_HTTP)), (
            f"{block}: `{command.line}` printed\n{printed}"
        )
        assert code == 0 or (code == 1 and command.shown), f"{block}: `{command.line}` ends with {code}:\n{printed}"


@contextmanager
def running(block: Block, place: Place) -> Iterator[None]:
    """The block's one command runs; inside, the service that it starts answers."""
    (command,) = commands_of(block)
    log = place.folder / "server.log"
    with log.open("w") as printed:
        process = subprocess.Popen(
            ["bash", "-c", place.readdressed(command.line)],
            cwd=place.folder, env=place.environment, start_new_session=True,
            stdout=printed, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            assert answers(process, place.server), f"{block}: `{command.line}` does not serve:\n{log.read_text()}"
            yield
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(SECONDS)


def answers(process: subprocess.Popen[bytes], server: str) -> bool:
    """Whether the service comes to accept connections before its process ends."""
    often = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 100))
    with grpc.insecure_channel(server, often) as channel:
        ready = grpc.channel_ready_future(channel)
        while process.poll() is None:
            with suppress(grpc.FutureTimeoutError):
                ready.result(timeout=0.5)
                return True
    return False


def hold_policy(document: Path, text: str) -> None:
    """Check the policy text as a bundle of its own, which has not even a lint, and run its tests."""
    checked = check({document.name: text})
    assert [found.render() for found in checked.diagnostics] == []
    assert checked.bundle is not None
    results = suite.run(checked.bundle.program)
    assert [result.lines for result in results if not result.has_passed] == []
