"""Builds the statements of the tree: a method for each of the grammar's rules, called as its text is recognised."""

from typing import Final

from policy_lang.limits import RECORD_NESTING_LIMIT
from policy_lang.syntax import statements
from policy_lang.syntax.ast import Expression, Name, Word
from policy_lang.syntax.clauses import Clause, Clauses
from policy_lang.syntax.expression_builder import ExpressionBuilder
from policy_lang.syntax.reading import Lexeme, between, deeper_record, quoted, span_of, word
from policy_lang.syntax.statements import From, Statement

_TYPE_PARTS: Final = ("principal", "tenant", "listable")


class StatementBuilder(ExpressionBuilder):
    """Methods for the rules of statements; each returns its node."""

    def module(self, name: Lexeme) -> Word:
        """`module docs`."""
        return word(name)

    def file(self, module: Word, *found: Statement) -> statements.File:
        """A whole file."""
        return statements.File(module, found)

    def rest(self, *found: Statement) -> tuple[Statement, ...]:
        """What stands after a fault."""
        return found

    def words(self, *names: Lexeme) -> tuple[Word, ...]:
        """`a, b`."""
        return tuple(map(word, names))

    words_in_brackets = words

    def names(self, *names: Name) -> tuple[Name, ...]:
        """`a, docs.b`."""
        return names

    # Declarations

    def type(self, *parts: "Word | Clause | tuple[statements.Attribute, ...] | None") -> statements.TypeDeclaration:
        """`principal type User in Team { … }`."""
        clauses = Clauses(tuple(part for part in parts if isinstance(part, Clause)))
        name = next(part for part in parts if isinstance(part, Word))
        marks = {kind: clauses.once(kind, bool) is not None for kind in _TYPE_PARTS}
        return statements.TypeDeclaration(
            name=name,
            attributes=parts[-1] if isinstance(parts[-1], tuple) else (),
            parents=clauses.once("in", tuple) or (),
            source=clauses.once("from", From),
            is_principal=marks["principal"],
            is_tenant=marks["tenant"],
            is_listable=marks["listable"],
        )

    def type_name(self, name: Lexeme) -> Word:
        """`User`."""
        return word(name)

    def type_mark(self, mark: Lexeme) -> Clause:
        """`principal`, `tenant`, `listable`."""
        return Clause(str(mark), span_of(mark))

    attribute_mark = type_mark

    def type_parents(self, parents: tuple[Word, ...]) -> Clause:
        """`in Team, Folder`."""
        return Clause("in", parents[0].span, parents)

    def type_source(self, source: Lexeme) -> Clause:
        """`from request`, `from token`."""
        return Clause("from", span_of(source), From(str(source)))

    def attribute_source(self, source: Lexeme, *steps: Lexeme) -> Clause:
        """`from request`, `from claim "a" "b"`: where from, and the way into the claims."""
        return Clause("from", span_of(source), (From(str(source)), *(quoted(step).text for step in steps)))

    def attributes(self, *attributes: statements.Attribute) -> tuple[statements.Attribute, ...]:
        """The attributes of a type, or the context's fields."""
        return attributes

    def attribute(
        self, name: Lexeme, type_: statements.TypeExpression, *rest: "Lexeme | Clause"
    ) -> statements.Attribute:
        """`salary: int? sensitive`."""
        clauses = Clauses(tuple(part for part in rest if isinstance(part, Clause)))
        source, *claim = clauses.once("from", tuple) or (None,)
        return statements.Attribute(
            name=word(name),
            type=type_,
            is_optional=any(not isinstance(part, Clause) for part in rest),
            source=source,
            claim=tuple(claim),
            is_sensitive=clauses.once("sensitive", bool) is not None,
        )

    def plain_type(self, *names: Lexeme) -> statements.PlainType:
        """`int`, `User | Team`."""
        parts = tuple(map(word, names))
        return statements.PlainType(parts, between(parts[0].span, parts[-1].span))

    def enum_type(self, members: tuple[Word, ...], right: Lexeme) -> statements.EnumType:
        """`enum(a, b)`."""
        return statements.EnumType(members, between(members[0].span, span_of(right)))

    def set_type(self, element: "statements.PlainType | statements.EnumType", right: Lexeme) -> statements.SetType:
        """`set<string>`."""
        return statements.SetType(element, between(element.span, span_of(right)))

    def record_type(
        self, left: Lexeme, fields: tuple[statements.Attribute, ...] | None, right: Lexeme
    ) -> statements.RecordType:
        """`{ city: string, zip: string? }`."""
        span = between(span_of(left), span_of(right))
        below = (field.type.depth for field in fields or () if isinstance(field.type, statements.RecordType))
        depth = deeper_record(span, below)
        return statements.RecordType(fields or () if depth <= RECORD_NESTING_LIMIT else (), span, depth)

    def context(
        self, keyword: Lexeme, fields: tuple[statements.Attribute, ...] | None
    ) -> statements.ContextDeclaration:
        """`context { ip: ip }`."""
        return statements.ContextDeclaration(fields or (), span_of(keyword))

    def actions(self, type_: Lexeme, *actions: statements.ActionName) -> statements.ActionsDeclaration:
        """`actions Document { new create, read }`."""
        return statements.ActionsDeclaration(word(type_), actions)

    def action(self, *tokens: Lexeme) -> statements.ActionName:
        """`new create`."""
        return statements.ActionName(word(tokens[-1]), is_new=len(tokens) > 1)

    def group(self, name: Lexeme, type_: Lexeme, actions: tuple[Word, ...]) -> statements.GroupDeclaration:
        """`group write on Document = comment, edit`."""
        return statements.GroupDeclaration(word(name), word(type_), actions)

    def role(
        self,
        name: Lexeme,
        on: Lexeme | None,
        includes: tuple[Name, ...] | None,
        grants: tuple[statements.Grant, ...] | None,
    ) -> statements.RoleDeclaration:
        """`role editor on Tenant includes viewer { … }`."""
        place = None if on is None else word(on)
        return statements.RoleDeclaration(word(name), place, includes or (), grants or ())

    def grants(self, *grants: statements.Grant) -> tuple[statements.Grant, ...]:
        """All that a role grants."""
        return grants

    def grant(self, type_: Lexeme, actions: tuple[Word, ...]) -> statements.Grant:
        """`Document: read, write`."""
        return statements.Grant(word(type_), actions)

    def computed_relation(self, name: Lexeme, on: Lexeme, body: Expression) -> statements.ComputedRelation:
        """`relation owner on Document = …`."""
        return statements.ComputedRelation(word(name), word(on), body)

    def stored_relation(self, name: Lexeme, on: Lexeme, subjects: tuple[Word, ...]) -> statements.StoredRelation:
        """`relation collaborator on Document: User, Team`."""
        return statements.StoredRelation(word(name), word(on), subjects)

    def let(self, name: Lexeme, body: Expression) -> statements.Let:
        """`let same_tenant = …`."""
        return statements.Let(word(name), body)
