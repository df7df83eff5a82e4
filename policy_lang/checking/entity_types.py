"""Resolves the declared types, their attributes and the context's fields."""

from collections.abc import Iterable, Mapping
from typing import Final

from policy_lang import types
from policy_lang.checking.symbols import RESERVED, Faults, statements_of
from policy_lang.diagnostics import did_you_mean
from policy_lang.schema import Attribute, EntityType, Origin
from policy_lang.syntax import statements
from policy_lang.syntax.ast import Word
from policy_lang.syntax.statements import ContextDeclaration, File, From, TypeDeclaration
from policy_lang.types import ScalarType, Type

BUILT_IN: Final[Mapping[str, ScalarType]] = {
    "bool": types.BoolType(),
    "int": types.IntType(),
    "decimal": types.DecimalType(),
    "string": types.StringType(),
    "timestamp": types.TimestampType(),
    "duration": types.DurationType(),
    "timezone": types.TimezoneType(),
    "ip": types.IpType(),
    "network": types.NetworkType(),
}
"""The scalar types that a name alone gives."""

_ROWS: Final[Mapping[From | None, Origin]] = {
    None: Origin.STORE,
    From.REQUEST: Origin.REQUEST,
    From.TOKEN: Origin.CLAIM,
}


def resolve_types(files: Iterable[File], faults: Faults) -> dict[str, EntityType]:
    """The declared types by name."""
    declared: dict[str, tuple[str, TypeDeclaration]] = {}
    for found in statements_of(files, TypeDeclaration):
        name = found.statement.name
        if refuse_reserved(name, faults):
            continue
        if name.text in BUILT_IN:
            faults.refuse("E211", f"`{name.text}` is a built-in type", name.span, "choose another name")
        elif name.text in declared:
            faults.refuse("E210", f"type `{name.text}` is declared twice", name.span, _first_at(declared[name.text][1]))
        else:
            declared[name.text] = (found.module, found.statement)
    resolver = _TypeResolver({name: declaration for name, (_, declaration) in declared.items()}, faults)
    return {name: resolver.entity_type(module, declaration) for name, (module, declaration) in declared.items()}


def resolve_context(files: Iterable[File], known: Mapping[str, EntityType], faults: Faults) -> dict[str, Attribute]:
    """The fields of the context by name."""
    resolver = _TypeResolver(known, faults)
    fields: dict[str, Attribute] = {}
    for found in statements_of(files, ContextDeclaration):
        for field in found.statement.fields:
            if field.name.text == "now":
                faults.refuse("E211", "`now` is always there", field.name.span, "remove it")
            elif field.name.text in fields:
                faults.refuse("E210", f"context field `{field.name.text}` is declared twice", field.name.span)
            else:
                fields[field.name.text] = resolver.field(field)
    return fields


def resolve_type(written: statements.TypeExpression, known: Mapping[str, EntityType], faults: Faults) -> Type:
    """The type that a template's parameter takes; records are written nowhere, so it takes none."""
    if isinstance(written, statements.RecordType):
        faults.refuse("E305", "a parameter takes no record", written.span, "name the fields that it needs")
    return _TypeResolver(known, faults).type(written, is_given=False)


def refuse_reserved(name: Word, faults: Faults) -> bool:
    """Whether the name means something already, which is a fault."""
    if name.text in RESERVED:
        faults.refuse("E211", f"`{name.text}` has a meaning of its own", name.span, "choose another name")
    return name.text in RESERVED


def _first_at(declaration: TypeDeclaration) -> str:
    return f"it is declared in {declaration.name.span.location}"


class _TypeResolver:
    """Resolves the parts of declarations against the types that there are."""

    def __init__(self, known: Mapping[str, TypeDeclaration | EntityType], faults: Faults) -> None:
        self._known = known
        self._faults = faults

    def entity_type(self, module: str, declaration: TypeDeclaration) -> EntityType:
        """A declared type."""
        if declaration.source is From.TOKEN and not declaration.is_principal:
            self._faults.refuse(
                "E305", "only a principal comes from a token", declaration.name.span, "write `principal type`"
            )
        if declaration.source is not None and declaration.is_listable:
            self._faults.refuse("E305", "a type without rows cannot be listed", declaration.name.span)
        attributes: dict[str, Attribute] = {}
        for written in declaration.attributes:
            if written.name.text == "id":
                self._faults.refuse("E211", "`id` is every entity's own id", written.name.span, "choose another name")
            elif written.name.text in attributes:
                self._faults.refuse("E210", f"attribute `{written.name.text}` is declared twice", written.name.span)
            else:
                attributes[written.name.text] = self._attribute(written, declaration)
        return EntityType(
            name=declaration.name.text,
            module=module,
            attributes=attributes,
            parents=tuple(parent.text for parent in declaration.parents if self._is_parent(parent, declaration)),
            rows=_ROWS[declaration.source],
            is_principal=declaration.is_principal,
            is_tenant=declaration.is_tenant,
            is_listable=declaration.is_listable,
        )

    def field(self, written: statements.Attribute) -> Attribute:
        """A field of the context; the request gives them all."""
        if written.source is not None:
            self._faults.refuse("E305", "a context field has no source of its own", written.name.span, "remove `from`")
        return Attribute(
            name=written.name.text,
            type=self.type(written.type, is_given=True),
            is_optional=written.is_optional,
            origin=Origin.REQUEST,
            is_sensitive=written.is_sensitive,
        )

    def _attribute(self, written: statements.Attribute, owner: TypeDeclaration) -> Attribute:
        origin = self._origin(written, owner)
        return Attribute(
            name=written.name.text,
            type=self.type(written.type, is_given=origin is not Origin.STORE),
            is_optional=written.is_optional,
            origin=origin,
            claim=written.claim,
            is_sensitive=written.is_sensitive,
        )

    def _origin(self, written: statements.Attribute, owner: TypeDeclaration) -> Origin:
        source, span = written.source, written.name.span
        if owner.source is From.TOKEN and source is not From.CLAIM:
            self._faults.refuse(
                "E305", f"which claim holds `{written.name.text}`?", span, f'add `from claim "{written.name.text}"`'
            )
        elif source is From.CLAIM and not owner.is_principal:
            self._faults.refuse("E305", "only a principal's attribute comes from a claim", span)
        elif source is From.CLAIM and owner.source is From.REQUEST:
            self._faults.refuse("E305", f"all of `{owner.name.text}` comes from the request", span, "remove `from`")
        if source is From.CLAIM:
            return Origin.CLAIM
        return Origin.REQUEST if From.REQUEST in (source, owner.source) else Origin.STORE

    def _is_parent(self, parent: Word, child: TypeDeclaration) -> bool:
        declared = self._known.get(parent.text)
        if declared is None:
            self._faults.unknown("E202", "type", parent, self._known)
        elif child.source is not None or not _has_rows(declared):
            rowless = child.name.text if child.source is not None else parent.text
            self._faults.refuse("E305", f"`{rowless}` has no rows, so no parents or children", parent.span)
            return False
        return declared is not None

    def type(self, written: statements.TypeExpression, *, is_given: bool) -> Type:
        """A written type."""
        match written:
            case statements.SetType():
                return types.SetType(self._scalar(written.element))
            case statements.RecordType():
                return self._record(written, is_given=is_given)
            case _:
                return self._scalar(written)

    def _record(self, written: statements.RecordType, *, is_given: bool) -> types.RecordType:
        fields: dict[str, types.Field] = {}
        for field in written.fields:
            name = field.name
            if field.source is not None or field.is_sensitive:
                self._faults.refuse(
                    "E305", "a record has its source and marks as a whole", name.span, "mark the attribute"
                )
            if name.text == "id":
                self._faults.refuse("E211", "`id` is every entity's own id", name.span, "choose another name")
            if name.text in fields:
                self._faults.refuse("E210", f"field `{name.text}` is declared twice", name.span)
            type_ = self.type(field.type, is_given=is_given)
            fields[name.text] = types.Field(name.text, type_, field.is_optional, is_given)
        return types.RecordType(tuple(fields.values()))

    def _scalar(self, written: statements.PlainType | statements.EnumType) -> ScalarType:
        if isinstance(written, statements.EnumType):
            return self._enum(written)
        if len(written.names) == 1 and written.names[0].text in BUILT_IN:
            return BUILT_IN[written.names[0].text]
        targets: list[str] = []
        for name in written.names:
            if name.text in BUILT_IN:
                self._faults.refuse("E301", f"`{name.text}` cannot stand beside a reference", name.span)
            elif name.text not in self._known:
                known = [*self._known, *BUILT_IN]
                self._faults.refuse("E202", f"unknown type `{name.text}`", name.span, did_you_mean(name.text, known))
            elif name.text in targets:
                self._faults.refuse("E210", f"`{name.text}` stands here twice", name.span)
            targets.append(name.text)
        return types.RefType(tuple(targets))

    def _enum(self, written: statements.EnumType) -> types.EnumType:
        members: dict[str, None] = {}
        for member in written.members:
            if member.text in members:
                self._faults.refuse("E210", f"member `{member.text}` stands here twice", member.span)
            if not refuse_reserved(member, self._faults) and member.text in self._known:
                self._faults.refuse("E211", f"`{member.text}` is a type already", member.span)
            members[member.text] = None
        return types.EnumType(tuple(members))


def _has_rows(declared: TypeDeclaration | EntityType) -> bool:
    return declared.source is None if isinstance(declared, TypeDeclaration) else declared.is_stored
