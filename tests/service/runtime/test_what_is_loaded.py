"""Processes that answer no calls load no gRPC, and none an HTTP client that is not needed: starts would take longer."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("service.cli.serve", ("grpc", "sqlalchemy", "alembic", "httpx")),
        ("service.runtime.background", ("grpc", "alembic", "httpx")),
        ("service.runtime.worker", ("httpx", "opentelemetry")),
    ],
    ids=["supervisor", "background process", "worker"],
)
def test_a_process_loads_no_more_than_it_needs(module: str, absent: tuple[str, ...]) -> None:
    program = f"import sys, {module}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
