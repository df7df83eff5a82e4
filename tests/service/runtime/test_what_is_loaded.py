"""Processes and commands load no more than they need: starts would take longer."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("service.cli.serve", ("grpc", "sqlalchemy", "alembic", "httpx")),
        ("service.runtime.background", ("grpc", "alembic", "httpx")),
        ("service.runtime.worker", ("httpx", "opentelemetry")),
        ("service.cli.policy_check", ("grpc", "pydantic", "sqlalchemy", "policy_lang.compiler")),
        ("service.cli.policy_test.command", ("pydantic", "sqlalchemy", "structlog")),
        ("service.cli.policy_store", ("pydantic", "sqlalchemy", "policy_lang.linting")),
        ("service.cli.log_query", ("alembic", "structlog", "policy_lang.checking")),
        ("service.cli.data_import", ("alembic", "structlog", "rich")),
        ("service.cli.key", ("pydantic", "sqlalchemy", "policy_lang.checking")),
        ("service.cli.token_mint", ("grpc", "sqlalchemy", "policy_lang.checking")),
    ],
)
def test_a_process_loads_no_more_than_it_needs(module: str, absent: tuple[str, ...]) -> None:
    program = f"import sys, {module}; print([name for name in {absent!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
