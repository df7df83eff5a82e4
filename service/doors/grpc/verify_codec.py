"""Writes what a verification of the log found as messages, out of the form for programs (`log_fields`)."""

from collections.abc import Mapping
from typing import Any

from google.protobuf.json_format import ParseDict
from magistrate.v1 import decision_log_pb2 as pb

from policy_lang.types import Json


def write_verified(found: Mapping[str, Json]) -> pb.VerifyResponse:
    """The report; the contract has its names, and leaves out what programs have by `not_shown` too."""
    told: dict[str, Any] = {name: value for name, value in found.items() if name != "reductions"}
    return ParseDict(told, pb.VerifyResponse())
