"""The questions of the world as Cerbos is asked them, and how its answers are judged.

Its messages are those that the server itself describes by reflection.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Protocol, cast

import grpc
import orjson
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import ParseDict
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

from benchmarks.sides.body import Body, framed, unframed
from benchmarks.sides.dialect import Dialect, compare
from benchmarks.world import TENANTS, Asked, World, role_of

GRPC_PATH: Final = "/cerbos.svc.v1.CerbosService/CheckResources"
HTTP_PATH: Final = "/api/check/resources"
_ALLOW: Final = 1


class _Result(Protocol):
    actions: Mapping[str, int]


class _Answer(Protocol):
    request_id: str
    results: Sequence[_Result]


class Messages:
    """The messages of CheckResources as a running server describes them."""

    def __init__(self, address: str) -> None:
        with grpc.insecure_channel(address) as channel:
            pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
            self._request = GetMessageClass(pool.FindMessageTypeByName("cerbos.request.v1.CheckResourcesRequest"))
            self._response = GetMessageClass(pool.FindMessageTypeByName("cerbos.response.v1.CheckResourcesResponse"))

    def dialect(self) -> Dialect:
        """How it is asked over gRPC."""
        return Dialect(GRPC_PATH, True, self._judge)

    def body(self, question: dict[str, object], allowed: tuple[bool, ...]) -> Body:
        """The question as a message."""
        message: Message = ParseDict(question, self._request())
        return Body(framed([message.SerializeToString()]), "", str(question["requestId"]), allowed)

    def _judge(self, body: Body, answered: bytes) -> None:
        (message,) = unframed(answered)
        answer = cast(_Answer, self._response.FromString(message))
        allowed = tuple(effect == _ALLOW for each in answer.results for effect in each.actions.values())
        compare(body, answer.request_id, allowed)


def question_of(world: World, group: Sequence[Asked], request_id: str) -> dict[str, object]:
    """The questions of one user at one address as one request, in JSON's terms."""
    return {
        "requestId": request_id,
        "principal": _principal(world, group[0]),
        "resources": [
            {
                "actions": [asked.action],
                "resource": {"kind": "document", "id": f"d{asked.document}", "attr": world.document(asked.document)},
            }
            for asked in group
        ],
    }


def json_body(question: dict[str, object], allowed: tuple[bool, ...]) -> Body:
    """The question over HTTP."""
    return Body(orjson.dumps(question), "", str(question["requestId"]), allowed)


def _judge_json(body: Body, answered: bytes) -> None:
    answer = orjson.loads(answered)
    effects = (effect for each in answer["results"] for effect in each["actions"].values())
    compare(body, answer["requestId"], tuple(effect == "EFFECT_ALLOW" for effect in effects))


HTTP: Final = Dialect(HTTP_PATH, False, _judge_json)


def _principal(world: World, asked: Asked) -> dict[str, object]:
    role, tenant = role_of(asked.user), f"t{asked.user % TENANTS}"
    held = {
        "editor_of": [tenant] if role == "editor" else [],
        "viewer_of": [tenant] if role == "viewer" else [],
        "ip": asked.ip,
    }
    return {"id": f"u{asked.user}", "roles": ["user"], "attr": world.user(asked.user) | held}
