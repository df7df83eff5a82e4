"""Builds the expressions of the tree: a method for each of the grammar's rules, called as its text is recognised.

The parser calls a method when it has the parts, so that no text, however deep, makes Python recurse. Depth is counted
on the way up, and a fault in a literal is noted and a stand-in built, so that the rest is read too.
"""

from dataclasses import replace

from policy_lang.limits import LIST_LIMIT, NESTING_LIMIT
from policy_lang.source import Span
from policy_lang.syntax import ast
from policy_lang.syntax.ast import EntityLiteral, Expression, Name
from policy_lang.syntax.reading import READING, Lexeme, between, literal, quoted, span_of, word


class ExpressionBuilder:
    """Methods for the rules of expressions; each returns its node."""

    def literal(self, token: Lexeme) -> ast.Literal:
        """A literal of one token."""
        return literal(token)

    def signed(self, sign: Lexeme, token: Lexeme) -> ast.Literal:
        """A number or a duration with its sign."""
        number = literal(token)
        span = between(span_of(sign), number.span)
        if str(sign) == "-" and isinstance(number.value, int):
            return replace(number, value=-number.value, span=span)
        return replace(number, span=span)

    def name(self, *tokens: Lexeme) -> Name:
        """A dotted name."""
        parts = tuple(map(word, tokens))
        return Name(parts, between(parts[0].span, parts[-1].span))

    def entity(self, type_: Lexeme, id_: Lexeme) -> EntityLiteral:
        """`Team "legal"`."""
        kind, text = word(type_), quoted(id_)
        return EntityLiteral(kind, text, between(kind.span, text.span))

    def bracketed(self, left: Lexeme, inner: Expression, right: Lexeme) -> Expression:
        """What stands in brackets counts as nested; the brackets belong to it, save to a name."""
        span = inner.span if isinstance(inner, Name) else between(span_of(left), span_of(right))
        return replace(inner, span=span, depth=_deeper(inner.span, inner))

    def items(self, *items: Expression) -> tuple[Expression, ...]:
        """What stands in a list, or between a function's brackets."""
        if len(items) > LIST_LIMIT:
            READING.get().refuse(
                "E403", f"a list has at most {LIST_LIMIT} items (this one has {len(items)})", items[LIST_LIMIT].span
            )
        return items

    cell_values = items

    def list(self, left: Lexeme, items: tuple[Expression, ...] | None, right: Lexeme) -> ast.ListLiteral:
        """`[a, b]`."""
        span = between(span_of(left), span_of(right))
        return ast.ListLiteral(items or (), span, _deeper(span, *items or ()))

    def call(self, function: Lexeme, _: Lexeme, arguments: tuple[Expression, ...] | None, right: Lexeme) -> ast.Call:
        """`hour(a, b)`."""
        name = word(function)
        span = between(name.span, span_of(right))
        return ast.Call(name, arguments or (), span, _deeper(span, *arguments or ()))

    def coalesce(self, path: Name, otherwise: Expression) -> ast.Coalesce:
        """`path ?? otherwise`."""
        span = between(path.span, otherwise.span)
        return ast.Coalesce(path, otherwise, span, _deeper(span, otherwise))

    def total(self, first: Expression, *rest: "Lexeme | Expression") -> ast.Sum:
        """`a + b - c`: a term, then signs and terms in turn."""
        terms = tuple(term for term in rest[1::2] if isinstance(term, Expression))
        signs = tuple(str(sign) == "-" for sign in rest[::2])
        span = between(first.span, terms[-1].span)
        depth = _deeper(span, first, *terms, extra=len(terms))
        return ast.Sum(first, tuple(zip(signs, terms, strict=True)), span, depth)

    def range(self, low: Expression, high: Expression) -> ast.Range:
        """`low..high`."""
        span = between(low.span, high.span)
        return ast.Range(low, high, span, _deeper(span, low, high))

    def compare(self, left: Expression, operator: Lexeme, right: Expression) -> ast.Compare:
        """`left < right`."""
        span = between(left.span, right.span)
        return ast.Compare(word(operator), left, right, span, _deeper(span, left, right))

    def membership(self, needle: Expression, haystack: Expression) -> ast.In:
        """`needle in haystack`."""
        span = between(needle.span, haystack.span)
        return ast.In(needle, haystack, span, _deeper(span, needle, haystack))

    def no_membership(self, needle: Expression, _: Lexeme, haystack: Expression) -> ast.Not:
        """`needle not in haystack`."""
        inner = self.membership(needle, haystack)
        return ast.Not(inner, inner.span, _deeper(inner.span, inner))

    def overlap(self, left: Expression, quantifier: Lexeme, right: Expression) -> ast.Overlap:
        """`set any in among`."""
        span = between(left.span, right.span)
        return ast.Overlap(word(quantifier), left, right, span, _deeper(span, left, right))

    def like(self, subject: Expression, pattern: Lexeme) -> ast.Like:
        """`subject like "a*"`."""
        text = quoted(pattern)
        span = between(subject.span, text.span)
        return ast.Like(subject, text, span, _deeper(span, subject))

    def under(self, low: Expression, high: Expression) -> ast.Under:
        """`low under high`."""
        span = between(low.span, high.span)
        return ast.Under(low, high, span, _deeper(span, low, high))

    def is_type(self, subject: Expression, type_: Lexeme) -> ast.Is:
        """`subject is Type`."""
        kind = word(type_)
        span = between(subject.span, kind.span)
        return ast.Is(subject, kind, span, _deeper(span, subject))

    def has(self, keyword: Lexeme, path: Name) -> ast.Has:
        """`has path`."""
        return ast.Has(path, between(span_of(keyword), path.span))

    def role_test(self, keyword: Lexeme, *rest: "Lexeme | Name | EntityLiteral") -> ast.RoleTest:
        """`role R`, `role R in P`, `role over P`: the keyword, then a name, then how and where."""
        role = rest[0] if isinstance(rest[0], Name) else None
        if len(rest) == 1:
            return ast.RoleTest(role, None, False, between(span_of(keyword), _span(rest[0])))
        place = rest[-1]
        if not isinstance(place, Name | EntityLiteral):
            raise TypeError("the grammar gives a place last")
        span = between(span_of(keyword), place.span)
        return ast.RoleTest(role, place, str(rest[-2]) == "over", span)

    def relation_of(self, relation: Name, resource: "Name | EntityLiteral") -> ast.RelationOf:
        """`relation of path`."""
        return ast.RelationOf(relation, resource, between(relation.span, resource.span))

    def anyone(self, keyword: Lexeme) -> ast.Anyone:
        """`anyone`."""
        return ast.Anyone(span_of(keyword))

    def negation(self, keyword: Lexeme, item: Expression) -> ast.Not:
        """`not item`."""
        span = between(span_of(keyword), item.span)
        return ast.Not(item, span, _deeper(span, item))

    def conjunction(self, *items: Expression) -> ast.And:
        """`a and b`."""
        span = between(items[0].span, items[-1].span)
        return ast.And(items, span, _deeper(span, *items))

    def disjunction(self, *items: Expression) -> ast.Or:
        """`a or b`."""
        span = between(items[0].span, items[-1].span)
        return ast.Or(items, span, _deeper(span, *items))


def _deeper(span: Span, *inner: Expression, extra: int = 1) -> int:
    """One more than the deepest of what stands inside; past the limit a fault, once for a whole tower."""
    below = max((item.depth for item in inner), default=0)
    if below <= NESTING_LIMIT < below + extra:
        READING.get().refuse(
            "E402",
            f"expressions nest at most {NESTING_LIMIT} deep",
            Span(span.file, span.start, min(span.end, span.start + 1)),
            "name a part with `let`",
        )
    return below + extra


def _span(part: "Lexeme | Name | EntityLiteral") -> Span:
    return part.span if isinstance(part, Name | EntityLiteral) else span_of(part)
