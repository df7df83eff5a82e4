"""Starts what is measured in a process of its own, and stops it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAGISTRATE: Final = (sys.executable, "-m", "service.cli")
SERVE: Final = (*MAGISTRATE, "serve", "--dev", "--grpc", "127.0.0.1:0", "--ops", "127.0.0.1:0")


@dataclass(frozen=True, slots=True)
class Serving:
    """A server: where it answers, and its process."""

    address: str
    pid: int
    http: str = ""
    """Where its HTTP door is, if it has one."""

    def workers(self) -> list[int]:
        """The process ids of a service's workers."""
        return self._children("worker")

    def background(self) -> int:
        """The process id of a service's background work, the shipper with it."""
        return self._children("background")[0]

    def _children(self, kind: str) -> list[int]:
        started = f"runtime.{kind}".encode()
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(pid) for pid in children if started in Path(f"/proc/{pid}/cmdline").read_bytes()]


@contextmanager
def serving(folder: Path, command: Sequence[str], **settings: str) -> Iterator[Serving]:
    """The server that the command starts, answering; settings as of the service's environment.

    What it logs is kept in the folder, and shown if it does not serve.
    """
    log = folder / "server.log"
    with log.open("ab") as lines:
        process = subprocess.Popen(
            command, cwd=folder, env=environment(**settings), stdout=subprocess.PIPE, stderr=lines
        )
    assert process.stdout is not None
    try:
        said = _addresses(process.stdout)
        if "serving" not in said:
            raise SystemExit(f"{' '.join(command)} does not serve:\n{log.read_text(errors='replace')}")
        yield Serving(said["serving"], process.pid, said.get("AuthZEN", ""))
    finally:
        process.terminate()
        process.wait(60)
        process.stdout.close()


def _addresses(lines: Iterable[bytes]) -> dict[str, str]:
    """What a server says of its doors, up to the one that it says last."""
    said: dict[str, str] = {}
    for line in lines:
        if found := re.match(r"(\w+) on (?:http://)?(\S+)", line.decode()):
            said[found[1]] = found[2]
        if "serving" in said:
            break
    return said


def run(folder: Path, *arguments: str, **settings: str) -> None:
    """One command of `magistrate`, to its end."""
    subprocess.run(
        [*MAGISTRATE, *arguments], cwd=folder, env=environment(**settings), check=True, stdout=subprocess.DEVNULL
    )


def environment(**settings: str) -> dict[str, str]:
    """Ours without settings of the service but these; this package is found from any folder.

    Bytecode is kept, whatever ours says of it: an installation has that of every module, and starts by it.
    """
    left_out = ("MAGISTRATE_", "PYTHONDONTWRITEBYTECODE")
    plain = {name: value for name, value in os.environ.items() if not name.startswith(left_out)}
    ours = {f"MAGISTRATE_{name.upper()}": value for name, value in settings.items()}
    return {**plain, **ours, "PYTHONPATH": str(Path(__file__).parents[1])}
