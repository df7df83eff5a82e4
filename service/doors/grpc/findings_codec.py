"""Writes what was found in policies."""

from collections.abc import Iterable

from magistrate.v1 import policy_pb2 as pb

from service.policies.verdict import Finding


def write_findings(findings: Iterable[Finding]) -> list[pb.Diagnostic]:
    """What was found."""
    return [
        pb.Diagnostic(
            code=found.code,
            severity=pb.SEVERITY_ERROR if found.is_error else pb.SEVERITY_WARNING,
            message=found.message,
            path=found.path,
            line=found.line,
            column=found.column,
            help=found.help,
            end_line=found.end_line,
            end_column=found.end_column,
            rendered=found.rendered,
        )
        for found in findings
    ]
