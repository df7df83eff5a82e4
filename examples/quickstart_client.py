"""A first enforcement point: asks a running service questions about the documents example, and prints the answers.

    python examples/quickstart_client.py                      # edit and delete Document:plan
    python examples/quickstart_client.py share Document:plan  # another question

The questions are about whoever the token names, such as `User:alice`, so mint it for her:

    export MAGISTRATE_TOKEN=$(magistrate token mint --principal User:alice)

MAGISTRATE_TOKEN is the token, or MAGISTRATE_TOKEN_FILE the file that holds it. MAGISTRATE_SERVER is the service's
address, 127.0.0.1:7080 if it is not set. The exit code is 0 when every question was answered, be it with a deny, and 3
when one was not.
"""

import os
import sys
from pathlib import Path

from magistrate_client import Decision, Magistrate, MagistrateError

QUESTIONS = [("edit", "Document:plan"), ("delete", "Document:plan")]


def main(arguments: list[str]) -> int:
    """Asks what the arguments say, an action and a resource each; the exit code."""
    questions = list(zip(arguments[::2], arguments[1::2], strict=False)) or QUESTIONS
    try:
        with Magistrate(os.environ.get("MAGISTRATE_SERVER", "127.0.0.1:7080"), token=read_token()) as client:
            for action, resource in questions:
                print_decision(action, resource, client.check(action, resource))
    except MagistrateError as error:
        print(f"no answer: {error}", file=sys.stderr)
        return 3
    return 0


def read_token() -> str:
    """The token from the environment, or from the file that the environment names."""
    file = os.environ.get("MAGISTRATE_TOKEN_FILE")
    return Path(file).read_text() if file else os.environ.get("MAGISTRATE_TOKEN", "")


def print_decision(action: str, resource: str, decision: Decision) -> None:
    """Says the answer and why."""
    print(f"{action} {resource}: {'allow' if decision else 'deny'} ({decision.code})")
    for reason in decision.reasons:
        print(f"  {reason.rule_id}: {reason.text or 'no words'} [{reason.location}]")
    for gap in decision.missing:
        print(f"  not known: {gap.path} ({gap.cause})")
    for obligation in decision.outstanding:
        print(f"  to be done: {obligation.type} {dict(obligation.parameters)}")
    print(f"  decision {decision.decision_id}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
