"""Messages survive the way between processes; one that is cut short is never taken for a whole one."""

import asyncio
import io
from pathlib import Path

import pytest

from service.config import Settings
from service.issuer_settings import IntrospectionSettings, IssuerSettings
from service.retention_settings import RetentionSettings
from service.runtime.messages import (
    Activate,
    Boot,
    Broken,
    Candidate,
    Compiled,
    Failed,
    GivenUp,
    IssuerKeys,
    KeysMissed,
    KeysWanted,
    Leave,
    Message,
    MessageError,
    Offered,
    Prepare,
    Prepared,
    Ready,
    Refused,
    Sampled,
    Vacant,
    read,
    receive,
    write,
)
from service.samples import Samples

BOOT = Boot(
    Settings(
        policies=Path("p"),
        database="postgresql://user:secret@host/facts",
        retention=RetentionSettings.model_validate(
            {"default": "90d", "rules": [{"effect": "deny", "keep": "forever"}]}
        ),
        issuers=[
            IssuerSettings(
                issuer="https://id", audience=["a"], algorithms=["ES256"], jwks_file=Path("keys"), principal_type="User"
            ),
            IssuerSettings(
                issuer="https://ci",
                audience=["a"],
                algorithms=["HS256"],
                secret_files={"k1": Path("1"), "k2": Path("2")},
                introspection=IntrospectionSettings(
                    url="https://ci/ask", client_id="me", client_secret_file=Path("secret")
                ),
                max_age_seconds=60,
                principal_type="Job",
            ),
        ],
    )
)


def counted() -> Samples:
    samples = Samples(gauges={"lag": 0.5})
    samples.count("decisions", effect="allow", code="ALLOWED")
    samples.histogram("seconds", stage="fetch").observe(0.002)
    return samples


MESSAGES: tuple[Message, ...] = (
    BOOT,
    Prepare("d1", b"an\nimage\x00"),
    Activate("d1"),
    Leave(),
    Ready(7080),
    Refused("no keys\nhelp: make some"),
    Prepared("d1"),
    Failed("d1", "it is ü"),
    Compiled("d1", b""),
    Offered("d1", b"\n"),
    Vacant(),
    Broken("error[E203]: unknown\n  --> a", is_finding=True),
    Candidate("d2", "", b"\x00\n"),
    Candidate("", "error[E203]: unknown", b""),
    GivenUp("d2", "it does nothing but fail: it is ü"),
    Sampled(counted()),
    IssuerKeys("https://id", 12.75, b'{"keys": []}\n'),
    KeysMissed("https://id", "it did not answer\nhelp: ask it"),
    KeysWanted("https://id"),
)


@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: type(message).__name__)
def test_what_is_written_is_read(message: Message) -> None:
    assert read(io.BytesIO(write(message))) == message


def test_messages_follow_each_other() -> None:
    async def scenario() -> list[Message]:
        stream = asyncio.StreamReader()
        for message in MESSAGES:
            stream.feed_data(write(message))
        return [await receive(stream) for _ in MESSAGES]

    assert asyncio.run(scenario()) == list(MESSAGES)


def test_the_end_of_the_stream_is_no_message() -> None:
    assert read(io.BytesIO(b"")) is None


@pytest.mark.parametrize("kept", [5, 8, 20, -1])
def test_a_message_cut_short_is_an_error(kept: int) -> None:
    with pytest.raises(MessageError):
        read(io.BytesIO(write(BOOT)[:kept]))


def test_the_environment_changes_nothing_that_the_message_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAGISTRATE_DATABASE", "sqlite:///other.db")
    monkeypatch.setenv("MAGISTRATE_LIMITS__BATCH_CHECKS", "7")
    assert read(io.BytesIO(write(BOOT))) == BOOT
