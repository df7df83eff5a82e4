"""`magistrate policy`: checks, formats, tests and explains policy files, offline; and moves those of a service."""

import click

from service.cli.policy_check import check_command
from service.cli.policy_diff import diff
from service.cli.policy_docs import docs
from service.cli.policy_explain.command import explain
from service.cli.policy_fmt import fmt
from service.cli.policy_lsp import lsp
from service.cli.policy_store import COMMANDS
from service.cli.policy_test.command import test


@click.group()
def command() -> None:
    """Check, format, test and explain policy files, offline.

    Push them to a service that keeps its policies, and put them in force.
    """


for _each in (check_command, diff, docs, explain, fmt, lsp, test, *COMMANDS):
    command.add_command(_each)
