"""The OpenAPI document of the door: what may be asked, and every way in which it may be answered."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Final

import orjson

from policy_lang.types import Json
from service.doors.http.evaluation_codec import SEMANTICS
from service.doors.http.paths import EVALUATION, EVALUATIONS, METADATA, OPENAPI

Object = dict[str, Json]

BATCH_CHECKS: Final = 1000
"""What `batch_checks` can be at most; a service may take fewer."""

_TEXT: Final[Object] = {"type": "string"}
_SCOPED: Final[Object] = {
    "type": {"type": "string", "minLength": 1, "description": "A type of the policies."},
    "id": {"type": "string", "minLength": 1, "maxLength": 256, "description": "Printable characters and spaces."},
}
_PROPERTIES: Final[Object] = {
    "type": ["object", "null"],
    "description": "Attributes. What the policies do not take from a caller is left out.",
}


def _ref(name: str) -> Object:
    return {"$ref": f"#/components/schemas/{name}"}


def _object(properties: Object, *required: str, description: str = "") -> Object:
    described: Object = {"description": description} if description else {}
    needed: Object = {"required": list(required)} if required else {}
    return {"type": "object", **described, **needed, "properties": properties}


_SCHEMAS: Final[Object] = {
    "Subject": _object(
        {**_SCOPED, "properties": _PROPERTIES}, "type", "id", description="The principal whom the question is about."
    ),
    "Resource": _object({**_SCOPED, "properties": _PROPERTIES}, "type", "id"),
    "Action": _object(
        {
            "name": {"type": "string", "minLength": 1},
            "properties": {"type": ["object", "null"], "description": "Fields of the context, where it has them not."},
        },
        "name",
    ),
    "Context": {"type": ["object", "null"], "description": "The policies' context, without `now`."},
    "Parts": _object(
        {
            "subject": _ref("Subject"),
            "action": _ref("Action"),
            "resource": _ref("Resource"),
            "context": _ref("Context"),
        }
    ),
    "EvaluationRequest": {"allOf": [_ref("Parts"), {"required": ["subject", "action", "resource"]}]},
    "Options": {
        "type": ["object", "null"],
        "properties": {"evaluations_semantic": {"enum": [*SEMANTICS, None], "default": next(iter(SEMANTICS))}},
    },
    "ManyEvaluations": _object(
        {
            "subject": {"type": ["object", "null"]},
            "action": {"type": ["object", "null"]},
            "resource": {"type": ["object", "null"]},
            "context": _ref("Context"),
            "evaluations": {
                "type": "array",
                "minItems": 1,
                "maxItems": BATCH_CHECKS,
                "items": {},
                "description": "Each is an EvaluationRequest; a part that it lacks is the one above, for all."
                " One that is wrong is denied in its place, and says why.",
            },
            "options": _ref("Options"),
        },
        "evaluations",
    ),
    "EvaluationsRequest": {
        "anyOf": [
            _ref("ManyEvaluations"),
            {
                "allOf": [
                    _ref("EvaluationRequest"),
                    {"properties": {"evaluations": {"type": ["array", "null"], "maxItems": 0}}},
                ]
            },
        ]
    },
    "Reason": {
        "type": "object",
        "additionalProperties": _TEXT,
        "description": "By `200` or `403`, as the decision is.",
    },
    "Obligation": _object({"type": _TEXT, "parameters": {"type": "object"}}, "type", "parameters"),
    "Decided": _object(
        {"policy_digest": _TEXT, "revision": _TEXT, "decided_at": {"type": "string", "format": "date-time"}},
        description="By which policies, of what facts, and when.",
    ),
    "DecisionContext": _object(
        {
            "decision_id": {"type": "string", "format": "uuid", "description": "The id of its record."},
            "code": _TEXT,
            "reason_user": _ref("Reason"),
            "reason_admin": _ref("Reason"),
            "obligations": {"type": "array", "items": _ref("Obligation")},
            "hide": {"type": "boolean", "description": "Answer the user as if there were no such resource."},
            "break_glass": {"type": "string", "description": "The emergency grant by which alone this is allowed."},
            "log_only": _object(
                {"decision": {"type": "boolean"}},
                "decision",
                description="The answer that enforcing would have given, with its code and reasons; in log-only mode.",
            ),
            "error": _object({"status": {"type": "integer"}, "reason": _TEXT, "message": _TEXT}, "status", "message"),
        }
    ),
    "Decision": _object(
        {
            "decision": {"type": "boolean"},
            "context": {"allOf": [_ref("DecisionContext"), _ref("Decided")]},
        },
        "decision",
    ),
    "Decisions": _object(
        {
            "evaluations": {"type": "array", "items": _ref("Decision")},
            "context": _ref("Decided"),
        },
        "evaluations",
    ),
    "Metadata": _object(
        {
            "policy_decision_point": {"type": "string", "format": "uri"},
            "access_evaluation_endpoint": {"type": "string", "format": "uri"},
            "access_evaluations_endpoint": {"type": "string", "format": "uri"},
        },
        "policy_decision_point",
        "access_evaluation_endpoint",
        "access_evaluations_endpoint",
    ),
}

_ERRORS: Final[Mapping[str, str]] = {
    "400": "A required field is lacking, a value is of a wrong type or over a limit, or the body is no JSON object.",
    "401": "No credential, or none that verifies.",
    "403": "The caller may not ask this.",
    "413": "The body is over `message_bytes`.",
    "415": "The body is in a content coding.",
    "429": "The caller asks too often.",
    "500": "A fault of the service.",
    "504": "The answer did not come in time.",
}
_TOLD: Final[Object] = {"required": True, "schema": _TEXT}
_SECONDS: Final[Object] = {"schema": {"type": "string", "pattern": "^[0-9]+$"}}
_MORE_HEADERS: Final[Mapping[str, Object]] = {
    "401": {"WWW-Authenticate": _TOLD},
    "429": {"Retry-After": _SECONDS},
}
_ECHOED: Final[Object] = {"X-Request-ID": _TOLD}
_UNAVAILABLE: Final[Object] = {
    "description": "The facts cannot be read, the decision cannot be recorded, there are no policies, or there is too"
    " much to do; then nothing of the request is read, and there is no body.",
    "headers": {"X-Request-ID": {"schema": _TEXT}, "Magistrate-Reason": {"schema": _TEXT}, "Retry-After": _SECONDS},
    "content": {"text/plain": {"schema": _TEXT}},
}


_UNREAD: Final[Mapping[str, str]] = {
    "408": "The request did not come in time; the connection ends.",
    "431": "The request's line and headers are too long; the connection ends.",
}
"""What a request may be answered before it is read: without a body."""


def _error(status: str) -> Object:
    headers: Object = {**_ECHOED, "Magistrate-Reason": _TOLD, **_MORE_HEADERS.get(status, {})}
    return {"description": _ERRORS[status], "headers": headers, "content": {"text/plain": {"schema": _TEXT}}}


def _errors() -> Object:
    unread: Object = {status: {"description": description} for status, description in _UNREAD.items()}
    told: Object = {status: _error(status) for status in _ERRORS}
    return {**told, **unread, "503": _UNAVAILABLE}


def _answered(schema: Object, headers: Object) -> Object:
    return {"description": "It is answered.", "headers": headers, "content": {"application/json": {"schema": schema}}}


def _asked(operation: str, summary: str, request: str, answer: Object) -> Object:
    return {
        "post": {
            "operationId": operation,
            "summary": summary,
            "security": [{"bearer": []}],
            "parameters": [{"$ref": "#/components/parameters/RequestId"}],
            "requestBody": {"required": True, "content": {"application/json": {"schema": _ref(request)}}},
            "responses": {"200": _answered(answer, _ECHOED), **_errors()},
        }
    }


def _read(operation: str, summary: str, schema: Object, **more: Json) -> Object:
    responses = {"200": _answered(schema, {}), **more}
    return {"get": {"operationId": operation, "summary": summary, "security": [], "responses": responses}}


def written() -> bytes:
    """The document as it is served."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def document() -> Object:
    """The document."""
    bad_host: Object = {"description": "The `Host` is none.", "content": {"text/plain": {"schema": _TEXT}}}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Magistrate",
            "summary": "OpenID AuthZEN Authorization API 1.0",
            "version": version("magistrate"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            EVALUATION: _asked("evaluation", "Decides one question.", "EvaluationRequest", _ref("Decision")),
            EVALUATIONS: _asked(
                "evaluations",
                "Decides several questions, in their order.",
                "EvaluationsRequest",
                {"anyOf": [_ref("Decisions"), _ref("Decision")]},
            ),
            METADATA: _read("metadata", "Where this decision point answers.", _ref("Metadata"), **{"400": bad_host}),
            OPENAPI: _read("openapi", "This document.", {"type": "object"}),
        },
        "components": {
            "schemas": _SCHEMAS,
            "parameters": {
                "RequestId": {
                    "name": "X-Request-ID",
                    "in": "header",
                    "description": "The caller's id of this request, which the answer and the record have too.",
                    "schema": {"type": "string", "maxLength": 128, "pattern": "^[ -~]*$"},
                }
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A JWT, an API key or a session."}
            },
        },
    }
