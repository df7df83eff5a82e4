"""`magistrate demo`: tells the whole story on a service of its own, and checks that every part comes out as told."""

import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

import click
import orjson
from rich.console import Console
from rich.markup import escape
from rich.rule import Rule

from policy_lang.counts import counted
from policy_lang.values import Ref
from service.authn.dev import mint
from service.cli.init import write_starter
from service.cli.settings import reported
from service.errors import ConfigError
from service.permits import PREFIX

COMMAND: Final = (sys.executable, "-P", "-m", "service.cli")
PATIENCE: Final = 60.0
OFFICE: Final = ("--context", "ip=10.1.2.3")


@dataclass(frozen=True, slots=True)
class Step:
    """One command of the story: what it shows, how it must exit, and what it must say."""

    title: str
    arguments: tuple[str, ...]
    exit_code: int = 0
    says: tuple[str, ...] = ()


def _asks(title: str, who: str, question: Sequence[str], exit_code: int, *says: str) -> Step:
    return Step(title, ("check", *question, "--token-file", f"{who}.token"), exit_code, says)


PREPARATION: Final = (
    Step("the policies are well-typed", ("policy", "check", "policies")),
    Step("and decide what their authors meant", ("policy", "test", "policies")),
    Step("the facts go into the store", ("data", "import", "data.jsonl")),
)
QUESTIONS: Final = (
    _asks("allow by role: alice is an editor of the tenant",
          "alice", ("edit", "Document:plan"), 0, "allow", "docs.by_role"),
    _asks("allow by ownership: bob has no role, the document is his",
          "bob", ("edit", "Document:plan"), 0, "allow", "docs.by_owner"),
    _asks("deny by attribute: carol is an editor too, but suspended",
          "carol", ("read", "Document:plan"), 1, "ACCOUNT_SUSPENDED", "the account is suspended"),
    _asks("allow in the office: alice exports from its network",
          "alice", ("export", "Document:plan", *OFFICE), 0, "allow", "docs.by_role"),
    _asks("deny by attribute: and not from elsewhere",
          "alice", ("export", "Document:plan", "--context", "ip=203.0.113.7"), 1, "OFFICE_ONLY", "office network"),
    _asks("deny because it cannot be told: the caller does not say from where",
          "alice", ("export", "Document:plan"), 1, "UNDETERMINED", "context.ip (not_given)"),
)  # fmt: skip
REFUSALS: Final = (
    _asks("a forged token: alice's claims under the signature of bob's",
          "forged", ("edit", "Document:plan"), 3, "UNAUTHENTICATED"),
    _asks("an expired token",
          "expired", ("edit", "Document:plan"), 3, "UNAUTHENTICATED"),
)  # fmt: skip


@click.command()
def command() -> None:
    """Show the whole story on a service of its own: tokens, rules, facts, decisions with reasons, and the log of them.

    Exit code 0 only if every part came out as told. It leaves nothing behind.
    """
    console = Console(highlight=False, soft_wrap=True)
    with tempfile.TemporaryDirectory(prefix="magistrate-demo-") as name:
        story = _Story(console, Path(name) / "project")
        with reported():
            story.tell()
    if story.failures:
        console.print(f"\n[bold red]{story.failures} steps came out otherwise than told[/]")
        sys.exit(1)
    console.print("\n[bold green]everything came out as told[/]")


class _Story:
    def __init__(self, console: Console, folder: Path) -> None:
        self.failures = 0
        self._console = console
        self._folder = folder

    def tell(self) -> None:
        self._chapter("a starter project: policies, their tests, facts")
        write_starter(self._folder)
        for step in PREPARATION:
            self._run(step, {})
        self._chapter("a service over it, and tokens for three principals")
        with self._service() as address:
            self._write_tokens()
            self._chapter("decisions, each with its reasons")
            for step in (*QUESTIONS, *REFUSALS):
                self._run(step, {"MAGISTRATE_SERVER": address})
            self._chapter("the record of them: decisions, not what was no caller's question")
            self._run(Step("every decision is in the log", ("log", "query", "--wait")), {})
            self._count_records()

    def _run(self, step: Step, environment: Mapping[str, str]) -> None:
        ended = self._magistrate(step.arguments, environment)
        output = (ended.stdout + ended.stderr).strip()
        is_as_told = ended.returncode == step.exit_code and all(text in output for text in step.says)
        self._verdict(step.title, is_as_told)
        self._console.print(f"  [dim]$ magistrate {escape(' '.join(step.arguments))}[/]")
        self._console.print("\n".join(f"    {line}" for line in output.splitlines()), markup=False)
        if not is_as_told:
            told = ", ".join((f"exit code {step.exit_code}", *step.says))
            self._console.print(f"    [red]exit code {ended.returncode}; told was: {escape(told)}[/]")

    def _count_records(self) -> None:
        ended = self._magistrate(("log", "query", "--output", "json"), {})
        records = orjson.loads(ended.stdout) if ended.returncode == 0 else []
        asked = [record for record in records if not record["action"].startswith(PREFIX)]
        acts = counted(len(records) - len(asked), "act")
        self._verdict(
            f"{len(QUESTIONS)} questions of callers, {len(asked)} records of them, and {acts} on the service",
            len(asked) == len(QUESTIONS),
        )

    def _verdict(self, title: str, is_as_told: bool) -> None:
        self.failures += not is_as_told
        self._console.print(f"{'[green]✓[/]' if is_as_told else '[red]✗[/]'} [bold]{escape(title)}[/]")

    def _chapter(self, title: str) -> None:
        self._console.print()
        self._console.print(Rule(title, align="left", style="dim"))

    def _write_tokens(self) -> None:
        data, now = self._folder / ".magistrate", time.time_ns() // 1_000_000
        hour = timedelta(hours=1)
        tokens = {who: mint(data, Ref("User", who), now=now, ttl=hour) for who in ("alice", "bob", "carol")}
        tokens["expired"] = mint(data, Ref("User", "alice"), now=now - 7_200_000, ttl=hour)
        tokens["forged"] = ".".join((*tokens["alice"].split(".")[:2], tokens["bob"].split(".")[2]))
        for name, token in tokens.items():
            (self._folder / f"{name}.token").write_text(token)
        self._verdict(f"tokens: {', '.join(tokens)}", is_as_told=True)

    def _magistrate(self, arguments: Sequence[str], environment: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, *arguments], cwd=self._folder, env={**_environment(), **environment},
            capture_output=True, text=True, timeout=PATIENCE, check=False,
        )  # fmt: skip

    @contextmanager
    def _service(self) -> Iterator[str]:
        log = self._folder / "serve.log"
        arguments = ("serve", "--dev", "--grpc", "127.0.0.1:0", "--ops", "127.0.0.1:0")
        with log.open("wb") as errors:
            service = subprocess.Popen(
                [*COMMAND, *arguments], cwd=self._folder, env=_environment(), stdout=subprocess.PIPE, stderr=errors
            )
        try:
            address = _address(service)
            if address is None:
                raise ConfigError(f"the service does not start\n{log.read_text()}")
            self._verdict(f"it answers on {address}", is_as_told=True)
            self._console.print(f"  [dim]$ magistrate {' '.join(arguments)}[/]")
            yield address
        finally:
            service.terminate()
            service.wait(PATIENCE)
        self._verdict("it stops when told, with nothing left to ship", service.returncode == 0)


def _address(service: subprocess.Popen[bytes]) -> str | None:
    """Where it answers, as it says itself; None if it ends without."""
    if service.stdout is None:
        return None
    said = (re.match(rb"serving on (\S+)", line) for line in service.stdout)
    return next((found[1].decode() for found in said if found), None)


def _environment() -> dict[str, str]:
    """Ours without settings of the service: the story is the same for everybody."""
    return {name: value for name, value in os.environ.items() if not name.startswith("MAGISTRATE_")}
