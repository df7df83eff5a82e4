"""A service that keeps its policies: the first push, activation by all or none, rollback, signatures, restarts.

What depends on no kind of database is held on SQLite alone; the store's own laws are held on each in tests/contracts.
"""

import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import grpc
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from grpc_health.v1.health_pb2 import HealthCheckResponse
from magistrate.v1 import policy_pb2 as pb
from magistrate.v1.authorization_pb2 import EFFECT_ALLOW, EFFECT_DENY, CheckResponse
from sqlalchemy import update

from policy_lang.loading import load_folder
from service.db.facts_tables import bundle
from service.db.opening import open_database
from tests.e2e.asking import SECONDS, bearer, question, refusal, stub_of
from tests.e2e.observing import scraped
from tests.e2e.pushing import Operator, denying, health, keeping, refused, replica_of
from tests.e2e.running import Project, Server, is_running, wait_until
from tests.e2e.test_motion import ROUNDS, Load, pause


@pytest.fixture
def kept(project_on_each: Project) -> Project:
    """The starter project, its policies not pushed yet, on each kind of database."""
    return keeping(project_on_each)


@pytest.fixture
def server(kept: Project) -> Iterator[Server]:
    """A service with two workers over it."""
    with kept.serving("--dev", "--workers", "2") as server:
        yield server


@pytest.fixture
def operator(kept: Project, server: Server) -> Operator:
    return Operator(kept, server)


@pytest.fixture
def on_sqlite(project: Project) -> Iterator[Operator]:
    """An operator of a service with one worker, on SQLite."""
    kept = keeping(project)
    with kept.serving("--dev") as server:
        yield Operator(kept, server)


def ask(server: Server, principal: str = "User:alice") -> CheckResponse:
    """The answer by all that is committed by now, policies among it."""
    asked = question("edit", "Document:plan")
    asked.consistency.fully_consistent = True
    with stub_of(server.address) as stub:
        metadata = bearer(server.token(principal))
        return stub.Check(asked, metadata=metadata, timeout=SECONDS, wait_for_ready=True)


def test_the_first_policies_are_pushed_to_a_service_that_has_none(
    kept: Project, server: Server, operator: Operator
) -> None:
    assert health(server.address) == HealthCheckResponse.NOT_SERVING
    assert not server.asked_ready()
    with stub_of(server.address) as stub:
        found = refusal(stub, question("edit", "Document:plan"), bearer(server.token("Service:ci")))
    assert (found.status, found.reason) == (grpc.StatusCode.UNAVAILABLE, "NO_POLICIES")

    digest = operator.push(kept.folder / "policies")
    assert [each.active for each in operator.bundles()] == [False]
    assert health(server.address) == HealthCheckResponse.NOT_SERVING

    assert operator.activate(digest[:8]).state == pb.ACTIVATION_STATE_ACTIVE
    assert [each.active for each in operator.bundles()] == [True]
    wait_until(lambda: health(server.address) == HealthCheckResponse.SERVING, True)
    wait_until(server.asked_ready, True)  # the types that a dev token may name are those of the policies
    answer = ask(server)
    assert (answer.effect, answer.policy_digest) == (EFFECT_ALLOW, digest)
    assert [(each.digest, each.asked_by) for each in operator.history()] == [(digest, "Service:ci")]


def test_the_command_line_pushes_and_shows_what_is_wrong(on_sqlite: Operator) -> None:
    operator, kept = on_sqlite, on_sqlite.project
    pushed = operator.run("push", "policies", "--activate", "-m", "the first")
    assert (pushed.returncode, pushed.stderr) == (0, "")
    assert load_folder(kept.folder / "policies").digest in pushed.stdout
    file = kept.folder / "policies" / "documents.policy"
    assert file.read_text() in operator.run("get").stdout
    file.write_text(file.read_text() + "\nrule odd: allow fly on Document to Nobody\n")
    offline = kept.run("policy", "check", "policies").stderr
    broken = operator.run("push", "policies", "--activate")
    assert broken.returncode == 1
    assert offline.startswith(broken.stderr), "what the service says is not what `check` says"
    assert offline.count("error[") == 2
    assert [each.message for each in operator.bundles()] == ["the first"]
    assert len(operator.history()) == 1


def test_a_preview_tells_what_would_flip_and_pushes_nothing(on_sqlite: Operator) -> None:
    operator, kept, server = on_sqlite, on_sqlite.project, on_sqlite.server
    assert operator.run("push", "policies", "--preview").stdout == "no policies are in force\n"
    digest = operator.put_in_force(kept.folder / "policies")
    wait_until(server.asked_ready, True)
    assert ask(server).effect == EFFECT_ALLOW
    changed = str(denying(kept))

    def shown() -> list[str]:
        return operator.run("push", changed, "--preview").stdout.splitlines()

    wait_until(lambda: "  now denied, by docs.shut: 1" in shown(), True)
    lines = shown()
    assert lines[0].startswith("added rule docs.shut (documents.policy:")
    assert [each.digest for each in operator.bundles()] == [digest]


def test_a_service_that_takes_its_policies_from_a_folder_cannot_be_pushed_to(
    project: Project, shared_server: Server
) -> None:
    token = shared_server.token("User:alice")
    ended = project.with_settings(server=shared_server.address, token=token).run("policy", "push")
    assert (ended.returncode, "this service does not offer that" in ended.stderr) == (1, True)


def test_a_rollback_puts_in_force_what_was_before(kept: Project, server: Server, operator: Operator) -> None:
    with refused("NOT_FOUND"):
        operator.rollback()
    first = operator.put_in_force(kept.folder / "policies")
    second = operator.put_in_force(denying(kept))
    answer = ask(server)
    assert (answer.effect, answer.policy_digest) == (EFFECT_DENY, second)
    assert operator.rollback().digest == first
    assert ask(server).policy_digest == first
    assert [each.digest for each in operator.history()] == [first, second, first]


def test_a_restart_and_new_processes_have_what_is_in_force(kept: Project) -> None:
    with kept.serving("--dev", "--workers", "2") as server:
        operator = Operator(kept, server)
        operator.put_in_force(kept.folder / "policies")
        digest = operator.put_in_force(denying(kept))
        for pid in [*server.workers(), server.child("background")]:
            os.kill(pid, signal.SIGKILL)
            wait_until(partial(is_running, pid), False)
        wait_until(server.asked_ready, True)
        assert ask(server).policy_digest == digest
        operator.rollback()
        assert operator.rollback().digest == digest
        assert server.stop() == 0
    with kept.serving("--dev") as server:
        assert (ask(server).policy_digest, server.digest()) == (digest, digest)


def test_replicas_change_over_together_and_one_that_cannot_load_them_blocks_and_is_named(
    kept: Project, tmp_path: Path
) -> None:
    public, private = key_files(Ed25519PrivateKey.generate(), tmp_path)
    strict = replica_of(kept, "strict", bundle_keys=f'["{public}"]')
    with kept.serving("--dev") as here, strict.serving("--dev") as there:
        operator = Operator(kept, here)
        signed = operator.put_in_force(kept.folder / "policies", private)
        wait_until(there.asked_ready, True)
        assert (ask(here).policy_digest, ask(there).policy_digest) == (signed, signed)

        unsigned = operator.push(denying(kept))
        with refused("ACTIVATION_FAILED") as found:
            operator.activate(unsigned)
        assert "the replica `strict` cannot load it: the policies" in found[0].text
        assert "are not signed" in found[0].text
        assert (ask(here).policy_digest, ask(there).policy_digest) == (signed, signed)
        assert operator.history()[0].state == pb.ACTIVATION_STATE_FAILED

        assert there.stop() == 0
        operator.activate(unsigned)
        assert ask(here).policy_digest == unsigned


def test_a_replica_that_hangs_is_not_waited_for_long_and_not_ready_until_it_has_what_is_in_force(
    project: Project,
) -> None:
    kept = keeping(project, database=f"sqlite:///{project.folder / '.magistrate/facts.db'}")
    other = replica_of(kept, "other")
    with kept.serving("--dev") as here, other.serving("--dev") as there:
        operator = Operator(kept, here)
        operator.put_in_force(kept.folder / "policies")
        wait_until(there.asked_ready, True)
        os.kill(there.child("background"), signal.SIGSTOP)
        digest = operator.put_in_force(denying(kept))
        assert ask(here).policy_digest == digest
        wait_until(there.asked_ready, False)
        assert there.asked("/readyz") == (503, "0 of 1 workers have the policies in force\n")
        silences = scraped(there)["magistrate_process_silent_seconds"].samples
        assert [each.labels["process"] for each in silences if each.value > 2.0] == ["background process"]
        os.kill(there.child("background"), signal.SIGCONT)
        wait_until(there.asked_ready, True)
        assert ask(there).policy_digest == digest


def test_only_policies_signed_by_a_configured_key_are_taken(project: Project, tmp_path: Path) -> None:
    public, private = key_files(Ed25519PrivateKey.generate(), tmp_path)
    _, foreign = key_files(Ed25519PrivateKey.generate(), tmp_path / "foreign")
    folder = project.folder / "policies"
    with keeping(project, bundle_keys=f'["{public}"]').serving("--dev") as server:
        operator = Operator(project, server)
        for key in (None, foreign):
            with refused("BUNDLE_REFUSED"):
                operator.push(folder, key)
        assert operator.bundles() == []
        private.chmod(0o644)
        open_to_others = operator.run("push", "--sign-key", str(private))
        assert (open_to_others.returncode, "is open to others" in open_to_others.stderr) == (2, True)
        private.chmod(0o600)
        signed = operator.run("push", "--sign-key", str(private), "--activate")
        assert (signed.returncode, signed.stderr) == (0, "")
        assert [(each.signed, each.active) for each in operator.bundles()] == [(True, True)]


def test_policies_that_were_pushed_unsigned_are_signed_by_pushing_them_again(project: Project, tmp_path: Path) -> None:
    public, private = key_files(Ed25519PrivateKey.generate(), tmp_path)
    with keeping(project).serving("--dev") as server:
        digest = Operator(project, server).push(project.folder / "policies")
        assert server.stop() == 0
    with keeping(project, bundle_keys=f'["{public}"]').serving("--dev") as server:
        operator = Operator(project, server)
        with refused("BUNDLE_REFUSED"):
            operator.activate(digest)
        assert operator.put_in_force(project.folder / "policies", private) == digest


def test_what_somebody_wrote_into_the_database_is_not_loaded(project: Project) -> None:
    store = keeping(project)
    with store.serving("--dev") as server:
        operator = Operator(store, server)
        operator.put_in_force(project.folder / "policies")
        digest = operator.push(denying(project))
        database = open_database(f"sqlite:///{server.data / 'facts.db'}")
        with database.write() as connection:
            other = '{"a.policy": "module a"}'
            connection.execute(update(bundle).where(bundle.c.digest == digest).values(texts=other))
        database.close()
        with refused("ACTIVATION_FAILED") as found:
            operator.activate(digest)
        assert "the texts in the store are those of" in found[0].text
        assert ask(server).effect == EFFECT_ALLOW


def test_policies_are_pushed_and_activated_under_load(kept: Project, tmp_path: Path) -> None:
    loading = Load(tmp_path)
    folders = [denying(kept), kept.folder / "policies"]
    digests = [load_folder(folder).digest for folder in folders]
    for digest, is_allowed in zip(digests, (False, True), strict=True):
        loading.expect(digest, is_allowed=is_allowed)
    with kept.serving("--dev", "--workers", "2") as server:
        operator = Operator(kept, server)
        operator.put_in_force(folders[1])
        loading.present(server.token("User:alice"))
        with loading.under_way(server):
            for folder in folders * ROUNDS:
                operator.put_in_force(folder)
                pause()
    loading.assert_unharmed(f"{2 * ROUNDS} activations")
    assert set(loading.seen["client"]["digests"]) == set(digests)


def key_files(key: Ed25519PrivateKey, folder: Path) -> tuple[Path, Path]:
    """The public key and the private one, in PEM files."""
    folder.mkdir(exist_ok=True)
    public, private = folder / "public.pem", folder / "private.pem"
    public.write_bytes(key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    private.touch(0o600)
    private.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return public, private
