"""The example enforcement point, run as its reader would run it."""

import asyncio
import os
import sys
from pathlib import Path

import grpc
from magistrate.v1.authorization_pb2 import EFFECT_DENY, CheckResponse, MissingInput, Reason

from tests.magistrate_client.scripted_service import ALLOW, MOMENT, Refusal, ScriptedService, serving
from tests.magistrate_client.shells import on_a_loop

QUICKSTART = Path(__file__).parents[2] / "examples" / "quickstart_client.py"


async def _run(service: ScriptedService, *arguments: str) -> tuple[int | None, str, str]:
    environment = {**os.environ, "MAGISTRATE_SERVER": service.target, "MAGISTRATE_TOKEN": "a.b.c"}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        QUICKSTART,
        *arguments,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@on_a_loop
async def test_the_quickstart_prints_answers_and_reasons() -> None:
    reason = Reason(rule_id="docs.retention", location="documents.policy:9", text="it is kept")
    missing = [MissingInput(path="context.ip", cause="not_given")]
    deny = CheckResponse(
        effect=EFFECT_DENY, code="DENIED", decision_id="d-2", decided_at=MOMENT, reasons=[reason], missing=missing
    )
    async with serving() as service:
        service.will(ALLOW, deny)
        code, out, _ = await _run(service)
    assert code == 0
    assert out.splitlines() == [
        "edit Document:plan: allow (ALLOWED)",
        "  decision d-1",
        "delete Document:plan: deny (DENIED)",
        "  docs.retention: it is kept [documents.policy:9]",
        "  not known: context.ip (not_given)",
        "  decision d-2",
    ]
    assert service.credentials == ["Bearer a.b.c"] * 2


@on_a_loop
async def test_the_quickstart_says_that_there_was_no_answer() -> None:
    async with serving() as service:
        service.will(Refusal(grpc.StatusCode.UNAUTHENTICATED, "no valid credential"))
        code, _, err = await _run(service, "read", "Document:plan")
    assert code == 3
    assert "no answer: no valid credential (UNAUTHENTICATED)" in err
