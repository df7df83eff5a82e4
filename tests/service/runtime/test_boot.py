"""The boot message and the report survive the way; a message cut short is never taken for a whole one."""

import io
from pathlib import Path

import pytest

from service.config import IssuerSettings, Settings
from service.runtime.boot import Boot, BootError, pack, read_boot
from service.runtime.reports import Ready, Refused, Report, read_report, write_report

BOOT = Boot(
    Settings(
        policies=Path("p"),
        database="postgresql://user:secret@host/facts",
        issuers=[
            IssuerSettings(
                issuer="https://id", audience=["a"], algorithms=["ES256"], jwks_file=Path("keys"), principal_type="User"
            )
        ],
    ),
    {"one.policy": "module one\n", "two/ü.policy": "# ü\n"},
)


def test_what_is_packed_is_read() -> None:
    assert read_boot(io.BytesIO(pack(BOOT))) == BOOT


@pytest.mark.parametrize("kept", [0, 5, 8, 20, -1])
def test_a_message_cut_short_is_an_error(kept: int) -> None:
    with pytest.raises(BootError):
        read_boot(io.BytesIO(pack(BOOT)[:kept]))


def test_the_environment_changes_nothing_that_the_message_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGISTRATE_DATABASE", "sqlite:///other.db")
    monkeypatch.setenv("MAGISTRATE_LIMITS__BATCH_CHECKS", "7")
    assert read_boot(io.BytesIO(pack(BOOT))) == BOOT


@pytest.mark.parametrize("report", [Ready(7080), Ready(0), Refused("no keys\nhelp: make some")])
def test_what_is_reported_is_read(report: Report) -> None:
    assert read_report(write_report(report)) == report


@pytest.mark.parametrize("line", [b"", b'{"ready"', b'{"ready":7080}'])
def test_a_report_cut_short_is_none(line: bytes) -> None:
    assert read_report(line) is None
