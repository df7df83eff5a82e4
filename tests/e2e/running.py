"""A real service for tests: `magistrate serve` in a process of its own, on a free port, over a folder of its own."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeVar
from urllib.error import HTTPError
from urllib.request import urlopen

from policy_lang.values import Ref
from service.authn.dev import mint

COMMAND = (sys.executable, "-P", "-m", "service.cli")
PATIENCE = 120.0
T = TypeVar("T")
_SERVING = re.compile(rb"serving on (\S+)\n")
_MUTUAL_TLS = re.compile(rb"mutual TLS on (\S+)\n")
_HTTP = re.compile(rb"AuthZEN on (\S+)\n")
_OPS = re.compile(rb"ops on (\S+)\n")


@dataclass(frozen=True, slots=True)
class Server:
    """A service that answers at `address` and keeps its things in `data`."""

    process: subprocess.Popen[bytes]
    address: str
    ops: str
    data: Path
    errors: Path
    mutual_tls: str = ""
    http: str = ""

    def token(self, principal: str, *, ttl: timedelta = timedelta(minutes=5), now: float | None = None) -> str:
        """A dev token of this service for `Type:id`."""
        type_, _, id_ = principal.partition(":")
        moment = int((time.time() if now is None else now) * 1000)
        return mint(self.data, Ref(type_, id_), now=moment, ttl=ttl)

    def children(self) -> dict[int, str]:
        """Its child processes: what each one runs, by process id."""
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {int(pid): _command_of(int(pid)) for pid in listed}

    def child(self, program: str) -> int:
        """The process id of the `worker` or the `background` process; waits for one that is being started again."""
        module = f"service.runtime.{program}"
        return wait_for(lambda: next((pid for pid, command in self.children().items() if module in command), None))

    def worker(self) -> int:
        """The process id of the worker."""
        return self.child("worker")

    def stop(self) -> int:
        """Asks it to stop; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE)

    def workers(self) -> list[int]:
        """The process ids of the workers that are there now."""
        return [pid for pid, command in self.children().items() if "service.runtime.worker" in command]

    def asked(self, path: str) -> tuple[int, str]:
        """Status and text of a page of the ops port."""
        try:
            with urlopen(self.ops + path, timeout=PATIENCE) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def metric(self, name: str) -> float:
        """A metric, summed over its labels and all processes."""
        lines = self.asked("/metrics")[1].splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name} ", f"{name}{{")))

    def asked_ready(self) -> bool:
        """Whether it says that it is ready."""
        return self.asked("/readyz")[0] == 200

    def digest(self) -> str:
        """The digest of the policies in force."""
        return str(json.loads(self.asked("/policies")[1])["digest"])

    def log(self) -> str:
        """What it has written on standard error."""
        return self.errors.read_text()


def wait_for(condition: Callable[[], T | None], patience: float = PATIENCE) -> T:
    """The condition's value as soon as it has a true one; what is waited for gets half of the time to itself."""
    ends = time.monotonic() + patience
    while True:
        began = time.monotonic()
        if value := condition():
            return value
        now = time.monotonic()
        assert now < ends, "waited in vain"
        time.sleep(max(0.01, now - began))


def wait_until(get: Callable[[], T], value: T) -> None:
    """Returns as soon as that is what it gets."""
    wait_for(lambda: get() == value)


def is_running(pid: int) -> bool:
    """Whether there is such a process, other than one that is dead and only not yet reaped."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@dataclass(frozen=True, slots=True)
class Project:
    """A folder with policies, and the settings that every command in it gets by its environment."""

    folder: Path
    settings: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """This process's environment, with the project's settings in place of any other."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("MAGISTRATE_")}
        return (
            inherited
            | {"MAGISTRATE_OPS": "127.0.0.1:0"}
            | {f"MAGISTRATE_{name.upper()}": value for name, value in self.settings.items()}
            | dict(self.variables)
        )

    def with_settings(self, **settings: str) -> "Project":
        """The same folder under more settings."""
        return replace(self, settings={**self.settings, **settings})

    def with_environment(self, **variables: str) -> "Project":
        """The same, with more variables that are no settings."""
        return replace(self, variables={**self.variables, **variables})

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Runs one command of `magistrate` to its end."""
        return subprocess.run(
            [*COMMAND, *arguments], input=stdin,
            cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip

    def must_run(self, *arguments: str, stdin: str | None = None) -> str:
        """Runs one command that must succeed; what it printed."""
        ended = self.run(*arguments, stdin=stdin)
        assert ended.returncode == 0, f"`{' '.join(arguments)}`: {ended.stdout}{ended.stderr}"
        return ended.stdout

    def refused(self, *options: str) -> str:
        """What `serve` says when it refuses to start."""
        ended = self.run("serve", "--grpc", "127.0.0.1:0", "--dev", *options)
        assert ended.returncode in (1, 2, 3), f"exit code {ended.returncode}: {ended.stderr}"
        assert "serving on" not in ended.stdout
        return ended.stderr

    @contextmanager
    def serving(self, *options: str) -> Iterator[Server]:
        """The service, answering; it is made to end when the block does."""
        errors = self.folder / "serve.log"
        port = () if "--grpc" in options else ("--grpc", "127.0.0.1:0")
        with errors.open("ab") as log:
            process = subprocess.Popen(
                [*COMMAND, "serve", *port, *options],
                cwd=self.folder, env=self.environment, stdout=subprocess.PIPE, stderr=log,
            )  # fmt: skip
        try:
            address, ops, secured, http = _addresses_of(process, errors)
            yield Server(process, address, ops, self.folder / ".magistrate", errors, secured, http)
        finally:
            if process.poll() is None:
                process.kill()
            process.wait(PATIENCE)
            assert process.stdout is not None
            process.stdout.close()


def _addresses_of(process: subprocess.Popen[bytes], errors: Path) -> tuple[str, str, str, str]:
    assert process.stdout is not None
    seen = b""
    for line in process.stdout:
        seen += line
        if (address := _SERVING.search(line)) and (ops := _OPS.search(seen)):
            also = [found[1].decode() if (found := each.search(seen)) else "" for each in (_MUTUAL_TLS, _HTTP)]
            return address[1].decode(), ops[1].decode(), also[0], also[1]
    raise AssertionError(f"it does not serve:\n{seen.decode()}\n{errors.read_text()}")


def _command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except (FileNotFoundError, ProcessLookupError):
        return ""
