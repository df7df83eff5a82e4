"""The service's own log."""

import pytest

from service.telemetry import configure_log, get_log


def test_a_traceback_never_shows_the_values_of_variables(capsys: pytest.CaptureFixture[str]) -> None:
    configure_log()
    try:
        _fail_holding("carried-by-a-variable")
    except ZeroDivisionError:
        get_log("test").exception("fault")

    printed = capsys.readouterr().err

    assert "ZeroDivisionError" in printed
    assert "carried-by-a-variable" not in printed


def _fail_holding(token: str) -> float:
    return len(token) / 0
