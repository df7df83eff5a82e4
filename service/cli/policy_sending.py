"""How commands name policies to the service: by files of a folder, by a digest, or as those in force."""

from collections.abc import Mapping
from typing import Final

from magistrate.v1.policy_pb2 import PolicyFile

ACTIVE: Final = "active"
"""Names the policies in force where a digest may stand."""


def sent(texts: Mapping[str, str]) -> list[PolicyFile]:
    """Path → text, as files that are sent."""
    return [PolicyFile(path=path, text=text) for path, text in texts.items()]
