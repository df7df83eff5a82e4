"""A service whose own log cannot be written answers as any other."""

import grpc

from tests.e2e.asking import SECONDS, bearer, question, refusal, stub_of
from tests.e2e.running import Project, wait_for

LOST = "magistrate_log_lines_lost_total"


def test_a_full_disk_of_the_log_breaks_no_call(project: Project) -> None:
    (project.folder / "serve.log").symlink_to("/dev/full")
    with project.serving("--dev") as server, stub_of(server.address) as stub:
        # The first lines: one of the background process, and two of the supervisor.
        wait_for(lambda: server.metric(LOST) >= 3)
        before = server.metric(LOST)
        asked = question("edit", "Document:plan")
        assert refusal(stub, asked, bearer("forged")).status is grpc.StatusCode.UNAUTHENTICATED
        answer = stub.Check(asked, metadata=bearer(server.token("User:alice")), timeout=SECONDS)
        assert answer.code == "ALLOWED"
        wait_for(lambda: server.metric(LOST) > before)
        assert server.stop() == 0
