"""Does what the Dockerfile says, without Docker: builds, installs, and serves from a tree that nobody may write to.

The RUN lines of its first stage run as they stand, with a temporary folder before their paths. As root the service then
runs as the image's user. Run it by `make rehearse`; PYTHON may name the interpreter that stands for the base image.
"""

import os
import re
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.error import URLError
from urllib.request import urlopen

ROOT: Final = Path(__file__).resolve().parents[1]
DOCKERFILE: Final = ROOT / "deploy/Dockerfile"
EXAMPLE: Final = ROOT / "examples/documents"
PLACES: Final = re.compile(r"(?<![\w.])/(opt/magistrate|dist|data)\b")
PATIENCE: Final = 60.0


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """A folder that stands for the image's root, and who runs in it: the image's user, None where we are not root."""

    root: Path
    user: int | None

    @property
    def command(self) -> str:
        """The installed command."""
        return str(self.root / "opt/magistrate/bin/magistrate")

    @property
    def environment(self) -> Mapping[str, str]:
        """What the image sets; nothing of ours but that."""
        return {
            "PATH": f"{self.root / 'opt/magistrate/bin'}:/usr/bin:/bin",
            "PYTHONDONTWRITEBYTECODE": "1",
            "MAGISTRATE_DATA": str(self.root / "data"),
            "MAGISTRATE_POLICIES": str(self.root / "policies"),
            "TMPDIR": str(self.root / "tmp"),
        }

    def build(self, python: str) -> None:
        """Lays the build context down, and runs the first stage."""
        copy_context(self.root / "src")
        for command in build_commands(DOCKERFILE.read_text()):
            moved = PLACES.sub(lambda place: str(self.root / place[1]), re.sub("^python ", f"{python} ", command))
            say(f"$ {moved}")
            subprocess.run(["/bin/sh", "-c", moved], cwd=self.root / "src", check=True)

    def hand_over(self) -> None:
        """Takes the right to write to all but the data and /tmp away, and gives those to the user."""
        for path in (self.root / "opt").rglob("*"):
            if not path.is_symlink():
                path.chmod(path.stat().st_mode & ~(stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH))
        shutil.copytree(EXAMPLE / "policies", self.root / "policies")
        shutil.copy(EXAMPLE / "data.jsonl", self.root)
        (self.root / "tmp").mkdir()
        self.root.chmod(0o755)
        if self.user is not None:
            for folder in ("data", "tmp"):
                os.chown(self.root / folder, self.user, self.user)

    def run(self, *arguments: str, token: str = "") -> str:
        """What one command of the installation prints; with the token in its environment, where there is one."""
        say(f"$ magistrate {' '.join(arguments)}")
        return subprocess.run(
            [self.command, *arguments], env={**self.environment, "MAGISTRATE_TOKEN": token},
            cwd=self.root / "data", check=True, text=True, stdout=subprocess.PIPE,
            user=self.user, group=self.user, extra_groups=None if self.user is None else [],
        ).stdout.strip()  # fmt: skip

    def serve(self) -> None:
        """Serves, answers a check, and stops well; SystemExit if it does not."""
        self.run("data", "import", str(self.root / "data.jsonl"))
        process = subprocess.Popen(
            [self.command, "serve", "--dev", *(f"--{door}=127.0.0.1:0" for door in ("grpc", "http", "ops"))],
            env=self.environment, cwd=self.root / "data", stdout=subprocess.PIPE, text=True,
            user=self.user, group=self.user, extra_groups=None if self.user is None else [],
        )  # fmt: skip
        try:
            ops, http, grpc = (said(process, what) for what in ("ops on ", "AuthZEN on ", "serving on "))
            wait_until_ready(f"{ops}/readyz")
            token = self.run("token", "mint", "--principal", "User:alice")
            say(self.run("check", "read", "Document:plan", "--server", grpc, token=token))
            with urlopen(f"{http}/.well-known/authzen-configuration", timeout=PATIENCE) as page:  # noqa: S310
                say(f"{http}: {page.read().decode()}")
            process.terminate()
            if code := process.wait(PATIENCE):
                sys.exit(f"it ended with exit code {code}")
        finally:
            process.kill()
            process.wait()


def build_commands(dockerfile: str) -> list[str]:
    """The RUN lines of the first stage."""
    first = re.split(r"^FROM .*$", dockerfile, flags=re.MULTILINE)[1]
    return re.findall(r"^RUN (.*)$", first, re.MULTILINE)


def user_of(dockerfile: str) -> int:
    """The number of the image's user."""
    found = re.search(r"^USER (\d+):\d+$", dockerfile, re.MULTILINE)
    if found is None:
        sys.exit("the Dockerfile names no user by number")
    return int(found[1])


def copy_context(target: Path) -> None:
    """Lays down what `.dockerignore` lets in."""
    for line in (ROOT / ".dockerignore").read_text().splitlines():
        if line.startswith("!"):
            source = ROOT / line[1:]
            place = target / line[1:]
            place.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, place, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))
            else:
                shutil.copy(source, place)


def said(process: subprocess.Popen[str], what: str) -> str:
    """The rest of the line in which the service says that."""
    assert process.stdout is not None, "spawned with a pipe"  # noqa: S101
    for line in process.stdout:
        if line.startswith(what):
            return line.removeprefix(what).strip()
    sys.exit(f"it ended before it said `{what}`")


def wait_until_ready(url: str) -> None:
    """Returns when the ops port says so; SystemExit if it does not in a minute."""
    ends = time.monotonic() + PATIENCE
    while time.monotonic() < ends:
        try:
            with urlopen(url, timeout=PATIENCE) as page:  # noqa: S310
                say(f"{url}: {page.read().decode().strip()}")
                return
        except URLError:
            time.sleep(0.1)
    sys.exit(f"{url} never said that it is ready")


def listing(folder: Path) -> set[tuple[str, int, int]]:
    """Every file below the folder, with its size and the time of its last change."""
    return {(str(path), path.lstat().st_size, path.lstat().st_mtime_ns) for path in folder.rglob("*")}


def say(line: str) -> None:
    """Tells how far it is."""
    print(line, flush=True)


def main() -> None:
    """Rehearses; SystemExit if something is not as it should be."""
    with tempfile.TemporaryDirectory(prefix="rehearsal-", ignore_cleanup_errors=True) as folder:
        rehearsal = Rehearsal(Path(folder), user_of(DOCKERFILE.read_text()) if os.geteuid() == 0 else None)
        rehearsal.build(os.environ.get("PYTHON", sys.executable))
        rehearsal.hand_over()
        before = listing(rehearsal.root / "opt")
        rehearsal.serve()
        if changed := listing(rehearsal.root / "opt") ^ before:
            sys.exit(f"the installation was written to: {sorted(changed)[:3]}")
        subprocess.run(["/bin/chmod", "-R", "u+w", folder], check=True)
        say("rehearsed: it installs from wheels, serves from a tree that nobody writes to, and stops with exit code 0")


if __name__ == "__main__":
    main()
