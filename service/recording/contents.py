"""Works out what a record may hold of each question and its decision: masked, before anything is written anywhere.

What that is depends on the kind of question alone. It is worked out once for each kind, when the first one comes.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from policy_lang.access import access_to
from policy_lang.compiler import Key, Plan, case_of
from policy_lang.conclude import NO_PRINCIPAL, NO_RESOURCE, RESOURCE_EXISTS
from policy_lang.decision import Decision, Obligation
from policy_lang.diagnostics import did_you_mean
from policy_lang.facts import Facts
from policy_lang.fold import Case
from policy_lang.inputs import hides_sensitive, keeper, shown_reads
from policy_lang.schema import Schema
from policy_lang.typed import Path
from policy_lang.types import Json, RecordType, SetType, StringType, Type
from policy_lang.walk import paths
from service.errors import ConfigError
from service.model import ActivePolicies, Masked, Masking
from service.record_paths import RecordPath, read_record_path
from service.record_settings import RecordSettings
from service.recording.masks import STRICTEST, Change, Mask, Removed, mask_of, remove
from service.recording.naming import covers, is_exactly, names_beside, types_named

_NO_RULE: Final = frozenset({NO_PRINCIPAL.code, NO_RESOURCE.code, RESOURCE_EXISTS.code})
"""Codes of decisions on which no rule was asked, and so nothing was read."""


class Content(NamedTuple):
    """What a record holds of a question and its decision, beside what both are about."""

    inputs: dict[str, Json]
    obligations: tuple[Obligation, ...]
    masked: tuple[Masked, ...]
    found_by: tuple[str, ...]


class Contents:
    """Works the contents out by the settings. It belongs to one thread."""

    def __init__(self, settings: RecordSettings | None = None, key: bytes | None = None) -> None:
        """`key` is that of hashed values, needed where there are such."""
        chosen = settings or RecordSettings()
        self._masks = tuple(mask_of(mask, key) for mask in chosen.mask)
        self._find_by = tuple(map(read_record_path, chosen.find_by))
        self._policies: ActivePolicies | None = None
        self._kinds: dict[Key, _Kind] = {}

    def of(self, policies: ActivePolicies, facts: Facts, decision: Decision) -> Content:
        """What the record is to hold of a decision by these policies."""
        if policies is not self._policies:
            self._policies, self._kinds = policies, {}
        question = facts.question
        key = (question.principal.type, question.resource.type, question.action)
        kind = self._kinds.get(key)
        if kind is None:
            kind = self._kinds[key] = self._kind(policies, key)
        return kind.content(facts, decision)

    def check(self, schema: Schema) -> None:
        """ConfigError where policies do not declare what the settings name, or it cannot be masked so."""
        for mask in self._masks:
            types = _declared(mask.path, schema, "mask")
            if mask.how is Masking.TRUNCATED and (wrong := next((t for t in types if not _is_text(t)), None)):
                raise ConfigError(
                    f"record.mask: `{mask.path.text}` is of type `{wrong}`, which has no first characters"
                    "\nhelp: remove it or hash it"
                )
        for path in self._find_by:
            if any(isinstance(found, RecordType) for found in _declared(path, schema, "find_by")):
                raise ConfigError(
                    f"record.find_by: `{path.text}` is a record\nhelp: name the fields that records are found by"
                )

    def _kind(self, policies: ActivePolicies, key: Key) -> "_Kind":
        schema, plan = policies.bundle.program.schema, policies.compiled.plans[key]
        case = case_of(key, schema)
        masked = _Masked(self._masks, case, schema)
        found_by = [
            str(path)
            for path in plan.reads.paths
            if any(is_exactly(named, path, case, schema) for named in self._find_by) and not masked.is_left_out(path)
        ]
        return _kind_of(plan, case, schema, masked=masked, found_by=tuple(found_by))


class _Masked:
    """What is masked of one kind of question."""

    def __init__(self, masks: Sequence[Mask], case: Case, schema: Schema) -> None:
        self._masks = masks
        self._case = case
        self._schema = schema
        self._is_sensitive = hides_sensitive(case, schema)

    def find(self, *read: Path) -> tuple[Masking, Change] | None:
        """How a value that is made of these inputs is masked, by the strictest mask of any."""
        found = [(mask.how, mask.change) for path in read for mask in self._covering(path)]
        if any(map(self._is_sensitive, read)):
            found.append((Masking.SENSITIVE, remove))
        return min(found, key=lambda each: STRICTEST.index(each[0]), default=None)

    def hides(self, path: Path) -> bool:
        """Whether an input is masked in any way."""
        return self.find(path) is not None

    def is_left_out(self, path: Path) -> bool:
        """Whether nothing of the value stands in the record."""
        found = self.find(path)
        return found is not None and found[0] in (Masking.SENSITIVE, Masking.REMOVED)

    def _covering(self, path: Path) -> Iterator[Mask]:
        return (mask for mask in self._masks if covers(mask.path, path, self._case, self._schema))


@dataclass(frozen=True, slots=True)
class _Kind:
    """How the questions of one kind are kept: `inputs` leaves out what is sensitive, the rest is changed here.

    `parameters` are those of obligations, by (obligation, parameter).
    """

    inputs: Callable[[Facts], dict[str, Json]]
    changes: tuple[tuple[str, Change], ...]
    parameters: Mapping[tuple[str, str], tuple[Masking, Change]]
    masked: tuple[Masked, ...]
    found_by: tuple[str, ...]

    def content(self, facts: Facts, decision: Decision) -> Content:
        """What the record holds."""
        inputs, obligations, masked = self.inputs(facts), decision.obligations, self.masked
        if decision.code in _NO_RULE:
            return Content(inputs, obligations, (), self.found_by)
        for path, change in self.changes:
            _change(inputs, path, change)
        if obligations and self.parameters:
            masked += tuple([each for duty in obligations for each in self._masked_of(duty)])
            obligations = tuple(map(self._masked_duty, obligations))
        return Content(inputs, obligations, masked, self.found_by)

    def _masked_of(self, duty: Obligation) -> Iterator[Masked]:
        for name, _ in duty.parameters:
            if (found := self.parameters.get((duty.type, name))) is not None:
                yield Masked(f"obligations.{duty.type}.{name}", found[0])

    def _masked_duty(self, duty: Obligation) -> Obligation:
        parameters = dict(duty.parameters)
        for name in tuple(parameters):
            if (found := self.parameters.get((duty.type, name))) is not None:
                _change(parameters, name, found[1])
        return Obligation(duty.type, tuple(parameters.items()))


def _kind_of(plan: Plan, case: Case, schema: Schema, *, masked: _Masked, found_by: tuple[str, ...]) -> _Kind:
    listed: list[Masked] = []
    changes: list[tuple[str, Change]] = []
    for path in plan.reads.paths:
        if (found := masked.find(path)) is not None:
            how, change = found
            listed.append(Masked(str(path), how))
            if how is not Masking.SENSITIVE:
                changes.append((str(path), change))
    shown = shown_reads(plan.reads, masked.hides)
    access = plan.access if shown is plan.reads else access_to(shown, case, schema)
    parameters = _masked_parameters(plan, masked)
    return _Kind(keeper(access, plan.read_inputs), tuple(changes), parameters, tuple(listed), found_by)


def _masked_parameters(plan: Plan, masked: _Masked) -> Mapping[tuple[str, str], tuple[Masking, Change]]:
    """How parameters are masked that say what is: obligations that are called alike are masked alike."""
    read: dict[tuple[str, str], list[Path]] = {}
    for rule in plan.rules:
        for template in rule.obligations:
            for name, value in template.parameters:
                read.setdefault((template.type, name), []).extend(paths(value))
    found = {key: masked.find(*each) for key, each in read.items()}
    return {key: how for key, how in found.items() if how is not None}


def _change(values: dict[str, Json], name: str, change: Change) -> None:
    if name not in values:
        return
    changed = change(values[name])
    if isinstance(changed, Removed):
        del values[name]
    else:
        values[name] = changed


def _declared(path: RecordPath, schema: Schema, setting: str) -> list[Type]:
    """The types of what a setting names; ConfigError where there is no such and there should be."""
    types = types_named(path, schema)
    if not types and not path.may_lack:
        near = did_you_mean(".".join((path.root, *path.steps)), names_beside(path, schema))
        help_ = near or f"write `{path.text}?` if policies may lack it"
        raise ConfigError(f"record.{setting}: the policies declare no `{path.text}`\nhelp: {help_}")
    return types


def _is_text(type_: Type) -> bool:
    return isinstance(type_, StringType) or (isinstance(type_, SetType) and isinstance(type_.element, StringType))
