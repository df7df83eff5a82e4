"""Processes and commands load no more than they need: starts would take longer."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("service.cli.serve", ("grpc", "sqlalchemy", "alembic", "httpx", "prometheus_client")),
        ("service.runtime.background", ("grpc", "alembic", "httpx", "pydantic_settings")),
        (
            "service.runtime.worker",
            (
                "httpx",
                "opentelemetry",
                "lark",
                "policy_lang.checking",
                "pydantic_settings",
                "service.entities.importer",
            ),
        ),
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
    assert loaded(f"import {module}", absent) == []


def test_a_process_that_logs_loads_nothing_to_draw_with() -> None:
    assert loaded("from service.telemetry import configure_log; configure_log()", ("rich",)) == []


def loaded(program: str, names: tuple[str, ...]) -> list[str]:
    """Which of these modules the program has loaded."""
    told = f"{program}; import sys; print(*(name for name in {names!r} if name in sys.modules))"
    return subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True).stdout.split()
