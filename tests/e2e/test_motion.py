"""Policies, keys and processes change under load: no call through the client fails, and no answer is wrong.

`make motion` runs this with more load and for longer.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import TypedDict

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from jwt.algorithms import ECAlgorithm

from policy_lang.loading import load_folder
from tests.e2e.running import PATIENCE, Project, Server, wait_for, wait_until

RATE = int(os.environ.get("MOTION_RATE", "150"))
"""Checks a second."""
ROUNDS = int(os.environ.get("MOTION_ROUNDS", "2"))
"""How often each thing is changed under load."""
BETWEEN = 0.3
"""Seconds of load between two changes, so that calls meet each state."""
ROOT = Path(__file__).parents[2]
CONFIG = """
[[issuers]]
issuer = "https://id.example"
audience = ["magistrate"]
algorithms = ["ES256"]
jwks_file = "keys.json"
principal_type = "User"
"""


class Told(TypedDict):
    """What one kind of client saw (load.py)."""

    answered: int
    wrong: int
    failed: dict[str, int]
    digests: dict[str, int]
    times: dict[str, float]


@dataclass
class Load:
    """A load under way, and what it has seen once it is over."""

    folder: Path
    seen: dict[str, Told] = field(default_factory=dict)

    def expect(self, digest: str, *, is_allowed: bool) -> None:
        """Answers under that digest are to be so; to be said before the load begins."""
        file = self.folder / "expected.json"
        known = json.loads(file.read_text()) if file.exists() else {}
        file.write_text(json.dumps(known | {digest: is_allowed}))

    def present(self, token: str) -> None:
        """The token of the calls from now on."""
        new = self.folder / "token.new"
        new.write_text(token)
        new.replace(self.folder / "token")

    def wait_for_calls_by(self, token: str) -> None:
        """Returns when no call is under way, and none will be, that presents another token."""
        in_use = self.folder / "token.in_use"
        wait_for(lambda: in_use.exists() and in_use.read_text() == token)

    @contextmanager
    def under_way(self, server: Server) -> Iterator[None]:
        """Asks while the block runs."""
        command = [sys.executable, "-m", "tests.e2e.load", server.address, str(RATE)]
        process = subprocess.Popen(
            [*command, str(self.folder / "token"), str(self.folder / "expected.json")],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        try:
            wait_for(lambda: "magistrate_decisions_total" in server.asked("/metrics")[1])
            yield
        finally:
            said, _ = process.communicate(timeout=PATIENCE)
        self.seen = json.loads(said)

    def assert_unharmed(self, what: str) -> None:
        """Nothing failed and nothing was wrong through the client; what the bare client saw is printed."""
        client, bare = self.seen["client"], self.seen["bare"]
        sys.stdout.write(
            f"{what}: {client['answered']} checks through the client, {RATE}/s: failed {client['failed']},"
            f" wrong {client['wrong']}, {client['times']} ms;"
            f" bare stub: {bare['answered']} answered, failed {bare['failed']}, wrong {bare['wrong']}\n"
        )
        assert (client["failed"], client["wrong"], bare["wrong"]) == ({}, 0, 0)
        assert set(bare["failed"]) <= {"UNAVAILABLE", "CANCELLED"}


@pytest.fixture
def loading(tmp_path: Path, project: Project) -> Load:
    load = Load(tmp_path)
    load.expect(load_folder(project.folder / "policies").digest, is_allowed=True)
    return load


@contextmanager
def two_workers(project: Project, *options: str) -> Iterator[Server]:
    settings = {"workers": "2", "watch_seconds": "0.1"}
    with project.with_settings(**settings).serving(*options) as server:
        yield server


def logged(server: Server, event: str) -> Callable[[], int]:
    """How often the service has logged the event by now."""
    return lambda: server.log().count(f'"{event}"')


def pause() -> None:
    """Lets the load go on for a while, which is what this waits for."""
    time.sleep(BETWEEN)


def test_policies_change_under_load(project: Project, loading: Load) -> None:
    file = project.folder / "policies" / "documents.policy"
    allowing = file.read_text()
    denying = allowing + "\nrule shut: deny edit on Document\n"
    before = load_folder(project.folder / "policies").digest
    file.write_text(denying)
    after = load_folder(project.folder / "policies").digest
    file.write_text(allowing)
    loading.expect(after, is_allowed=False)
    with two_workers(project, "--dev") as server:
        loading.present(server.token("User:alice"))
        with loading.under_way(server):
            for text, digest in [(denying, after), (allowing, before)] * ROUNDS:
                file.write_text(text)
                wait_until(server.digest, digest)
                pause()
    loading.assert_unharmed(f"{2 * ROUNDS} changes of policies")
    assert set(loading.seen["client"]["digests"]) == {before, after}


def test_workers_are_replaced_one_by_one_under_load(project: Project, loading: Load) -> None:
    with two_workers(project, "--dev") as server:
        loading.present(server.token("User:alice"))
        with loading.under_way(server):
            for done in range(1, ROUNDS + 1):
                former = server.workers()
                server.process.send_signal(signal.SIGHUP)
                wait_until(logged(server, "rolling restart done"), done)
                assert not set(former) & set(server.workers())
                assert server.asked_ready()
                pause()
        assert server.stop() == 0
    loading.assert_unharmed(f"{ROUNDS} rolling restarts of 2 workers")


def test_a_worker_that_is_killed_is_replaced_under_load(project: Project, loading: Load) -> None:
    with two_workers(project, "--dev") as server:
        loading.present(server.token("User:alice"))
        with loading.under_way(server):
            for done in range(1, ROUNDS + 1):
                os.kill(server.workers()[0], signal.SIGKILL)
                wait_until(partial(server.metric, "magistrate_restarts_total"), float(done))
                wait_until(server.asked_ready, True)
                pause()
    loading.assert_unharmed(f"{ROUNDS} workers killed")


def test_keys_are_rotated_under_load(project: Project, loading: Load) -> None:
    keys = [generate_private_key(SECP256R1()) for _ in range(ROUNDS + 1)]
    publish(project, keys[:1])
    (project.folder / "magistrate.toml").write_text(CONFIG)
    project.must_run("admin", "grant", "User:alice", "pep")
    loading.present(token_by(keys[0]))
    with two_workers(project.with_settings(config="magistrate.toml")) as server, loading.under_way(server):
        for turn, (former, latter) in enumerate(pairwise(keys)):
            publish(project, [former, latter])
            wait_until(logged(server, "keys.loaded"), 2 * (2 * turn + 1))
            loading.present(token := token_by(latter))
            loading.wait_for_calls_by(token)
            pause()
            publish(project, [latter])
            wait_until(logged(server, "keys.loaded"), 2 * (2 * turn + 2))
            pause()
        (project.folder / "keys.json").write_text("{")
        wait_until(logged(server, "keys.kept"), 2)
        wait_until(lambda: server.metric("magistrate_key_files_refused"), 2.0)
    loading.assert_unharmed(f"{ROUNDS} rotations of keys, then a broken key file")


def publish(project: Project, keys: list[EllipticCurvePrivateKey]) -> None:
    """Puts the public keys in the place of those before, in one step."""
    listed = [json.loads(ECAlgorithm.to_jwk(key.public_key())) | {"kid": str(id(key))} for key in keys]
    new = project.folder / "keys.new"
    new.write_text(json.dumps({"keys": listed}))
    new.replace(project.folder / "keys.json")


def token_by(key: EllipticCurvePrivateKey) -> str:
    """A token for alice that this key signs."""
    claims = {"iss": "https://id.example", "sub": "alice", "aud": "magistrate", "exp": int(time.time()) + 3600}
    return jwt.encode(claims, key, "ES256", headers={"kid": str(id(key))})
