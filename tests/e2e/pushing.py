"""A service that keeps its policies, and an operator who pushes them."""

import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypedDict

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from magistrate.v1 import policy_pb2 as pb
from magistrate.v1.policy_pb2_grpc import PolicyServiceStub

from policy_lang.loading import load_folder
from service.policies.signing import sign
from tests.e2e.asking import SECONDS, Refusal, bearer, refusal_of
from tests.e2e.running import PATIENCE, Project, Server

DENYING: Final = "\nrule shut: deny edit on Document\n"
"""A rule that denies what the starter's policies allow."""


def keeping(project: Project, **settings: str) -> Project:
    """The project whose service takes its policies from the database."""
    return project.with_settings(policies_source="store", **settings)


def replica_of(project: Project, name: str, **settings: str) -> Project:
    """Another replica over the same database, with a folder of its own."""
    folder = shutil.copytree(project.folder, project.folder.parent / name, ignore=shutil.ignore_patterns(".magistrate"))
    return Project(folder, {**project.settings, "replica_id": name, **settings})


@dataclass(frozen=True, slots=True)
class Operator:
    """One who may do everything, at the service's own contract; `run` is for what the command line adds to it."""

    project: Project
    server: Server

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """One command of `magistrate policy` to its end."""
        token = self.server.token("Service:ci")
        return self.project.with_settings(server=self.server.address, token=token).run("policy", *arguments)

    def push(self, folder: Path, key: Path | None = None) -> str:
        """The digest of policies that are pushed, signed by the key where one is given."""
        bundle = load_folder(folder)
        files = [pb.PolicyFile(path=file.path, text=file.text) for file in bundle.files]
        signature = b"" if key is None else sign(bundle.digest, str(key), key.read_bytes())
        with self._stub() as stub:
            answer = stub.Push(pb.PushRequest(files=files, signature=signature), **self._call())
        assert answer.digest == bundle.digest
        return bundle.digest

    def activate(self, digest: str) -> pb.Activation:
        """Puts pushed policies in force."""
        with self._stub() as stub:
            return stub.Activate(pb.ActivateRequest(digest=digest), **self._call()).activation

    def put_in_force(self, folder: Path, key: Path | None = None) -> str:
        """Pushes policies and activates them; their digest."""
        return self.activate(self.push(folder, key)).digest

    def rollback(self) -> pb.Activation:
        """Puts in force what was before."""
        with self._stub() as stub:
            return stub.Rollback(pb.RollbackRequest(), **self._call()).activation

    def bundles(self) -> list[pb.Bundle]:
        """What was pushed."""
        with self._stub() as stub:
            return list(stub.List(pb.ListRequest(), **self._call()).bundles)

    def history(self) -> list[pb.Activation]:
        """What was activated, and what failed to be."""
        with self._stub() as stub:
            return list(stub.ListActivations(pb.ListActivationsRequest(), **self._call()).activations)

    @contextmanager
    def _stub(self) -> Iterator[PolicyServiceStub]:
        with grpc.insecure_channel(self.server.address) as channel:
            yield PolicyServiceStub(channel)

    def _call(self) -> "Call":
        return {"metadata": bearer(self.server.token("Service:ci")), "timeout": PATIENCE}


class Call(TypedDict):
    """How a call is made."""

    metadata: tuple[tuple[str, str], ...]
    timeout: float


@contextmanager
def refused(reason: str) -> Iterator[list[Refusal]]:
    """Holds the block to fail for that reason; the refusal is in the list afterwards."""
    found: list[Refusal] = []
    try:
        yield found
    except grpc.RpcError as error:
        found.append(refusal_of(error))
        assert found[0].reason == reason
    else:
        raise AssertionError(f"it is not refused for {reason}")


def denying(project: Project) -> Path:
    """A folder of policies that deny what the project's allow."""
    folder = shutil.copytree(project.folder / "policies", project.folder / "denying")
    file = folder / "documents.policy"
    file.write_text(file.read_text() + DENYING)
    return folder


def health(address: str) -> int:
    """What the health of AuthorizationService is."""
    with grpc.insecure_channel(address) as channel:
        check = channel.unary_unary(
            "/grpc.health.v1.Health/Check",
            request_serializer=HealthCheckRequest.SerializeToString,
            response_deserializer=HealthCheckResponse.FromString,
        )
        answer = check(HealthCheckRequest(service="magistrate.v1.AuthorizationService"), timeout=SECONDS)
        return int(answer.status)
