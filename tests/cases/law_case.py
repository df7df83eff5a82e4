"""Cases of the law as data: what is there, what is asked, what must come out."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import yaml

from policy_lang.facts import Assignment, Link
from policy_lang.forms import read_given, write_stored
from policy_lang.notation import BadValue, parse_timestamp
from policy_lang.schema import Schema
from policy_lang.types import Json
from policy_lang.values import Ref
from service.model import ActivePolicies, CheckRequest, GivenEntity, Principal
from service.policies.folder import activate

FOLDER: Final = Path(__file__).parent
_WORLD: Final[Mapping[str, Json]] = yaml.safe_load((FOLDER / "world.yaml").read_text(encoding="utf-8"))
_KEYS: Final = frozenset(
    {"id", "when", "rules", "rows", "given", "request", "parents", "context", "principal", "claims", "claim_roles",
     "action", "resource", "now", "is", "decision", "error", "refused"}
)  # fmt: skip


@dataclass(frozen=True)
class LawCase:
    """One case: `said` as it stands in its file, beside what every case starts from."""

    name: str
    said: Mapping[str, Json]

    @property
    def text(self) -> str:
        """The policies."""
        condition = self.said.get("when")
        ends = self.principal.ref.type, self._resource.type
        rules = self.said["rules"] if condition is None else _one_rule(*ends, str(condition))
        return f"{_WORLD['policies']}{rules}\n"

    @property
    def policies(self) -> ActivePolicies:
        """The policies in all their forms."""
        return loaded(self.text)

    @property
    def now(self) -> int:
        """The time of the question."""
        return parse_timestamp(str(self.said.get("now", _WORLD["now"])))

    @property
    def principal(self) -> Principal:
        """Who asks; with claims, the bearer of a verified token."""
        ref = ref_of(str(self.said.get("principal", "User:alice")))
        claims = self.said.get("claims")
        roles = tuple(Assignment(ref, f"m.{role}", None, None) for role in _list(self.said.get("claim_roles")))
        return Principal(ref, None if claims is None else _dict(claims), roles)

    @property
    def has_token(self) -> bool:
        """Whether the principal is told by a token, and not by name."""
        return "claims" in self.said or "claim_roles" in self.said

    def request(self) -> CheckRequest:
        """The question as it comes."""
        resource = self._resource
        given = _dict(_WORLD["request"]) if resource.type == "Document" else {}
        return CheckRequest(
            request_id="r1",
            action=str(self.said.get("action", "read")),
            resource=GivenEntity(
                resource,
                {**given, **_dict(self.said.get("request", {}))},
                tuple(ref_of(str(parent)) for parent in _list(self.said.get("parents"))),
            ),
            context={**_dict(_WORLD["context"]), **_dict(self.said.get("context", {}))},
            principal=None if self.has_token else GivenEntity(self.principal.ref),
            principal_token="token" if self.has_token else None,
        )

    def rows(self, schema: Schema) -> Iterator[tuple[Ref, dict[str, Json], tuple[Ref, ...]]]:
        """Every row that there is: its attributes in the stored form, and its parents."""
        changed = _dict(self.said.get("rows", {}))
        for name, row in {**_dict(_WORLD["rows"]), **changed}.items():
            if row is None:
                continue
            found = {**_dict(_dict(_WORLD["rows"]).get(name, {})), **_dict(row)}
            parents = tuple(ref_of(str(parent)) for parent in _list(found.pop("parents", None)))
            ref = ref_of(name)
            stored = {key: _stored(schema, ref.type, key, value) for key, value in found.items()}
            yield ref, {key: value for key, value in stored.items() if value is not None}, parents

    def assignments(self) -> list[Assignment]:
        """The roles that are held."""
        return [
            Assignment(ref_of(str(row["who"])), f"m.{row['role']}", _place(row), _expiry(row))
            for row in self._given()
            if "role" in row
        ]

    def links(self) -> list[Link]:
        """The rows of stored relations."""
        return [
            Link(ref_of(str(row["of"])), f"m.{row['relation']}", ref_of(str(row["who"])), _expiry(row))
            for row in self._given()
            if "relation" in row
        ]

    @property
    def _resource(self) -> Ref:
        return ref_of(str(self.said.get("resource", "Document:plan")))

    def _given(self) -> list[dict[str, Json]]:
        return [_dict(row) for row in _list(self.said.get("given"))]


def cases() -> list[LawCase]:
    """Every case of every file, in the order of the files."""
    return [
        LawCase(f"{path.stem}: {said['id']}", said)
        for path in sorted(FOLDER.glob("*.yaml"))
        if path.stem != "world"
        for said in checked(yaml.safe_load(path.read_text(encoding="utf-8")))
    ]


def checked(found: Json) -> Iterator[dict[str, Json]]:
    """The cases of a file; one with a key that means nothing would pass for the wrong reason."""
    for said in map(_dict, _list(found)):
        if not said.keys() <= _KEYS:
            raise ValueError(f"case `{said['id']}` says {sorted(said.keys() - _KEYS)}")
        yield said


@cache
def loaded(text: str) -> ActivePolicies:
    """The policies of a text, loaded once."""
    return activate({"law.policy": text})


def ref_of(text: str) -> Ref:
    """The reference that `Type:id` writes."""
    type_, _, id_ = text.partition(":")
    return Ref(type_, id_)


def _one_rule(principal: str, resource: str, condition: str) -> str:
    return f"rule it: allow any on {resource} to {principal} when {condition}"


def _stored(schema: Schema, type_: str, name: str, given: Json) -> Json:
    """The stored form; what does not fit stays as it is written."""
    attribute = schema.types[type_].attributes.get(name)
    if attribute is None or given is None:
        return given
    try:
        return write_stored(attribute.type, read_given(attribute.type, given))
    except BadValue:
        return given


def _place(row: Mapping[str, Json]) -> Ref | None:
    return ref_of(str(row["of"])) if "of" in row else None


def _expiry(row: Mapping[str, Json]) -> int | None:
    return parse_timestamp(str(row["until"])) if "until" in row else None


def _dict(found: Json) -> dict[str, Json]:
    if not isinstance(found, dict):
        raise TypeError(f"expected a mapping, not {found!r}")
    return found


def _list(found: Json) -> list[Json]:
    if found is None:
        return []
    if not isinstance(found, list):
        raise TypeError(f"expected a list, not {found!r}")
    return found
