"""`magistrate policy`: checks, formats, tests and explains policy files, offline; and moves those of a service."""

from collections.abc import Mapping
from typing import Final

import click

from service.cli.commands import Commands, Entry

COMMANDS: Final[Mapping[str, Entry]] = {
    "check": Entry(
        "service.cli.policy_check:check_command",
        "Check the policy files in FOLDER: every fault and lint at once, with its place and help.",
    ),
    "fmt": Entry("service.cli.policy_fmt:fmt", "Write policies in their canonical layout."),
    "test": Entry(
        "service.cli.policy_test.command:test",
        "Run the tests in the policy files of FOLDER, and explain each expectation that does not hold.",
    ),
    "explain": Entry(
        "service.cli.policy_explain.command:explain",
        "Decide by the policies in FOLDER, without a service, and show how.",
    ),
    "diff": Entry(
        "service.cli.policy_diff:diff",
        "Show what changes from the policies in the folder OLD to those in NEW, and which decisions.",
    ),
    "docs": Entry(
        "service.cli.policy_docs:docs", "Show the policies in FOLDER as a page: who may do what, by which rules."
    ),
    "lsp": Entry(
        "service.cli.policy_lsp:lsp", "Serve editors over the Language Server Protocol, on standard input and output."
    ),
    "push": Entry("service.cli.policy_store:push", "Have a service check the policy files in FOLDER and keep them."),
    "activate": Entry("service.cli.policy_store:activate", "Put pushed policies in force on every replica."),
    "rollback": Entry("service.cli.policy_store:rollback", "Put in force again what was in force before what is."),
    "shadow": Entry(
        "service.cli.policy_store:shadow", "Have pushed policies tried out on every replica beside those in force."
    ),
    "history": Entry(
        "service.cli.policy_store:history",
        "List the activations, the newest first; those that failed too, with the reason.",
    ),
    "list": Entry("service.cli.policy_store:list_", "List the policies that were pushed, the newest first."),
    "get": Entry("service.cli.policy_store:get", "Show the texts of pushed policies; without DIGEST those in force."),
}


@click.group(cls=Commands, entries=COMMANDS)
def command() -> None:
    """Check, format, test and explain policy files, offline.

    Push them to a service that keeps its policies, and put them in force.
    """
