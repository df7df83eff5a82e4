"""Has the tests run: here, by the policies of a folder, or by the service; what comes of them has one form."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import click
from magistrate.v1 import policy_pb2 as pb
from magistrate.v1.policy_pb2_grpc import PolicyServiceStub

from policy_lang.diagnostics import PolicyError
from policy_lang.selection import UnknownTest
from service.cli.calling import Connection, call
from service.cli.policy_sending import ACTIVE, sent
from service.doors.grpc.findings_codec import write_findings
from service.doors.grpc.suite_codec import write_tested
from service.policies.folder import read_texts
from service.policies.suites import NotTestsAlone, Run, run_tests, with_tests
from service.policies.verdict import finding_of


@dataclass(frozen=True, slots=True)
class Asked:
    """Which tests: those of a folder or of pushed policies, and of a folder of further ones."""

    folder: Path
    digest: str | None
    tests: Path | None
    only: tuple[str, ...]
    has_coverage: bool

    @property
    def further(self) -> Mapping[str, str]:
        """The further tests, path → text; ConfigError."""
        return {} if self.tests is None else read_texts(self.tests)


def tested_here(asked: Asked) -> pb.TestResponse:
    """What comes of the tests here; UsageError where something means none, ConfigError for a folder without any."""
    texts, further = read_texts(asked.folder), asked.further
    if both := sorted(texts.keys() & further.keys()):
        raise click.UsageError(f"`{both[0]}` is a file of the policies and of the tests")
    try:
        bundle = with_tests(texts, further)
        return write_tested(run_tests(bundle, Run(asked.only, None, asked.has_coverage)))
    except PolicyError as error:
        return pb.TestResponse(diagnostics=write_findings(map(finding_of, error.diagnostics)))
    except (UnknownTest, NotTestsAlone) as error:
        raise click.UsageError(str(error)) from error


def tested_by_service(asked: Asked, connection: Connection) -> pb.TestResponse:
    """What comes of them where the service runs; its errors end the command."""
    request = pb.TestRequest(tests=sent(asked.further), only=asked.only, coverage=asked.has_coverage)
    if asked.digest is None:
        request.files.extend(sent(read_texts(asked.folder)))
    elif asked.digest != ACTIVE:
        request.digest = asked.digest
    return call(connection, lambda channel: PolicyServiceStub(channel).Test, request)
