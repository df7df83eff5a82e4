"""Turns the messages of PolicyService into the model, and what came of them into messages."""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from magistrate.v1 import policy_pb2 as pb

from policy_lang.folder import SUFFIX
from policy_lang.limits import BUNDLE_LIMIT
from service.doors.grpc.codec import write_time
from service.doors.grpc.paging import read_page_token
from service.errors import InvalidRequest, LimitExceeded, Violation
from service.policies.activations import Activation, State
from service.policies.office import Offered
from service.policies.store import Place, Pushed

MESSAGE_LENGTH: Final = 1_000
PATH_LENGTH: Final = 255
FILES: Final = 10_000
SIGNATURE_BYTES: Final = 64
_DIGEST: Final = re.compile(r"[0-9a-f]{4,64}")
_STEP: Final = re.compile(r"[^/\\\x00-\x1f\x7f]+")
_STATES: Final[Mapping[State, pb.ActivationState.ValueType]] = {
    State.PREPARING: pb.ACTIVATION_STATE_PREPARING,
    State.ACTIVE: pb.ACTIVATION_STATE_ACTIVE,
    State.FAILED: pb.ACTIVATION_STATE_FAILED,
}


def read_texts(files: Iterable[pb.PolicyFile], field: str = "files") -> dict[str, str]:
    """Path → text; InvalidRequest for no files, a path that is none or stands twice, LimitExceeded for too much."""
    texts: dict[str, str] = {}
    size = 0
    for place, file in enumerate(files):
        if not _is_path(file.path):
            raise InvalidRequest(
                [Violation(f"{field}[{place}].path", f"a path within the bundle that ends `{SUFFIX}`")]
            )
        if file.path in texts:
            raise InvalidRequest([Violation(f"{field}[{place}].path", "a path that no other file has")])
        texts[file.path] = file.text
        size += len(file.text)
    if not texts:
        raise InvalidRequest([Violation(field, "at least one")])
    if len(texts) > FILES:
        raise LimitExceeded("policy_files", FILES, len(texts))
    if size > BUNDLE_LIMIT:
        raise LimitExceeded("policy_characters", BUNDLE_LIMIT, size)
    return texts


def read_offered(request: pb.PushRequest) -> Offered:
    """The policies of a push; InvalidRequest and LimitExceeded as `read_texts`."""
    if len(request.message) > MESSAGE_LENGTH or "\0" in request.message:
        raise InvalidRequest([Violation("message", f"at most {MESSAGE_LENGTH} characters, none of them NUL")])
    if len(request.signature) not in (0, SIGNATURE_BYTES):
        raise InvalidRequest([Violation("signature", f"{SIGNATURE_BYTES} bytes, or none")])
    return Offered(read_texts(request.files), request.message, request.signature or None)


def read_digest(text: str, field: str = "digest") -> str:
    """A digest or its beginning; InvalidRequest for any other text."""
    if not _DIGEST.fullmatch(text):
        raise InvalidRequest([Violation(field, "a digest in hex, or at least 4 digits of its beginning")])
    return text


def read_place(token: str) -> Place | None:
    """Where a page ended, a number and a digest; None for no token, InvalidRequest for one that no answer has said."""
    if not token:
        return None
    number, digest = read_page_token(token, 2)
    if not (number.isascii() and number.isdigit() and len(number) <= 18):
        raise InvalidRequest([Violation("page_token", "the `next_page_token` of an answer, or nothing")])
    return Place(int(number), digest)


def write_bundle(pushed: Pushed, *, is_active: bool) -> pb.Bundle:
    """What is known about pushed policies."""
    return pb.Bundle(
        digest=pushed.digest,
        pushed_by=pushed.pushed_by,
        pushed_at=write_time(pushed.pushed_at),
        message=pushed.message,
        signed=pushed.signature is not None,
        active=is_active,
    )


def write_file(path: str, text: str) -> pb.PolicyFile:
    """A policy file as a message."""
    return pb.PolicyFile(path=path, text=text)


def write_activation(activation: Activation) -> pb.Activation:
    """An attempt to put policies in force."""
    return pb.Activation(
        number=activation.number,
        digest=activation.digest,
        state=_STATES[activation.state],
        asked_by=activation.asked_by,
        asked_at=write_time(activation.asked_at),
        ended_at=None if activation.ended_at is None else write_time(activation.ended_at),
        why=activation.why,
        revision=activation.revision,
    )


def _is_path(path: str) -> bool:
    """Relative, without a step up or a hidden one, as files in a folder of policies have."""
    steps = path.split("/")
    are_plain = all(_STEP.fullmatch(step) and not step.startswith(".") for step in steps)
    return path.endswith(SUFFIX) and len(path) <= PATH_LENGTH and are_plain
