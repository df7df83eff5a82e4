"""Counts what was decided: by rule, principal, code and action, over time; and the rules that never were why."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from time import monotonic
from typing import TYPE_CHECKING, Final

from sqlalchemy import ColumnElement, Connection, Integer, Select, case, func, literal_column, select
from sqlalchemy.sql.selectable import FromClause

from policy_lang.decision import Effect
from service.db.bounding import bounded
from service.db.engine import Database
from service.db.log_tables import decision, decision_rule
from service.decisions.log_filter import LogFilter, check_filter, narrowed
from service.decisions.rows import indexed
from service.errors import InvalidRequest, Violation

if TYPE_CHECKING:
    from policy_lang.bundle import Bundle

TOP_LIMIT: Final = 1000
"""Names that one list of counts has, at the most."""
BUCKET_LIMIT: Final = 1000
"""Stretches that the time is divided into, at the most."""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many were allowed and denied."""

    allowed: int
    denied: int


@dataclass(frozen=True, slots=True)
class Named:
    """What was counted of one name: a rule's id, `Type:id` of a principal, a code, an action."""

    name: str
    counted: Counted


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was counted of a stretch of time from `start` on (milliseconds since 1970 UTC)."""

    start: int
    counted: Counted


@dataclass(frozen=True, slots=True)
class Unfired:
    """The rules of the policies of that digest that determined nothing that was counted."""

    policy_digest: str
    rules: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What to count, how many names of a list, and into how many stretches the time is divided."""

    filter: LogFilter
    top: int
    buckets: int


@dataclass(frozen=True, slots=True)
class ActiveRules:
    """The rules of policies that can determine a decision; shadow rules cannot."""

    policy_digest: str
    rules: tuple[str, ...]

    @classmethod
    def of(cls, bundle: "Bundle") -> "ActiveRules":
        """Those of a bundle."""
        rules = {rule.id for found in bundle.program.rules.values() for rule in found if not rule.is_shadow}
        return cls(bundle.digest, tuple(sorted(rules)))


@dataclass(frozen=True, slots=True)
class LogStats:
    """The counts. Lists begin with the most frequent name; a decision counts for each rule that determined it.

    `unfired` is None where there are no policies to speak of, or other ones were asked for; `unenforced` are how those
    were decided that were not enforced.
    """

    total: Counted
    by_rule: tuple[Named, ...]
    by_principal: tuple[Named, ...]
    by_code: tuple[Named, ...]
    by_action: tuple[Named, ...]
    stretches: tuple[Stretch, ...]
    stretch_ms: int
    unfired: Unfired | None
    unenforced: Counted


def count(database: Database, wanted: Wanted, active: ActiveRules | None, *, timeout_ms: int | None = None) -> LogStats:
    """Counts what fits, all in one moment of the log; InvalidRequest for what cannot be counted.

    FactsUnavailable where the database does not answer, or not in time.
    """
    since, until = check_wanted(wanted)
    with database.read() as connection:
        counting = _Counting(connection, wanted, timeout_ms)
        named, by_rule = counting.over(decision), counting.over(_WITH_RULES)
        width = -(-(until - since) // wanted.buckets)
        columns = decision.c
        return LogStats(
            total=named.total(),
            by_rule=by_rule.top(_RULE.c.rule),
            by_principal=named.top(columns.principal_type, columns.principal_id),
            by_code=named.top(columns.code),
            by_action=named.top(columns.action),
            stretches=named.stretches(since, until, width),
            stretch_ms=width,
            unfired=_unfired(by_rule, wanted.filter, active),
            unenforced=named.total(decision.c.unenforced == 1),
        )


def check_wanted(wanted: Wanted) -> tuple[int, int]:
    """The range of time, `since` and `until`; InvalidRequest for what cannot be counted."""
    asked = check_filter(wanted.filter)
    if asked.since is None or asked.until is None:
        raise InvalidRequest([Violation("since" if asked.since is None else "until", "required for counting")])
    if asked.attributes:
        raise InvalidRequest([Violation("attributes", "counting is by what the log's columns have")])
    for name, given, most in (("top", wanted.top, TOP_LIMIT), ("buckets", wanted.buckets, BUCKET_LIMIT)):
        if not 1 <= given <= most:
            raise InvalidRequest([Violation(name, f"1 to {most}")])
    return asked.since, asked.until


class _Counting:
    """The statements of one count, which share the time that there is."""

    def __init__(self, connection: Connection, wanted: Wanted, timeout_ms: int | None) -> None:
        self.connection = connection
        self.wanted = wanted
        self._ends = None if timeout_ms is None else monotonic() + timeout_ms / 1000

    def over(self, rows: FromClause) -> "_Rows":
        """What is counted."""
        return _Rows(self, rows)

    def run(self, query: "Select[*tuple[object, ...]]") -> Sequence[Sequence[object]]:
        """The rows of one statement."""
        if self._ends is None:
            return self.connection.execute(query).all()
        with bounded(self.connection, max(1, int((self._ends - monotonic()) * 1000))):
            return self.connection.execute(query).all()


class _Rows:
    """Some rows to count in several ways."""

    def __init__(self, counting: _Counting, rows: FromClause) -> None:
        self._counting = counting
        self._rows = rows

    def total(self, *which: ColumnElement[bool]) -> Counted:
        """All of them of which that holds."""
        ((allowed, denied),) = self._counting.run(self._query().where(*which))
        return _counted(allowed, denied)

    def top(self, *key: ColumnElement[str]) -> tuple[Named, ...]:
        """The most frequent names, each of one column or of several."""
        query = self._query(*key).group_by(*key).order_by(func.count().desc(), *key).limit(self._counting.wanted.top)
        return tuple(
            Named(":".join(map(str, row[: len(key)])), _counted(*row[len(key) :])) for row in self._counting.run(query)
        )

    def stretches(self, since: int, until: int, width: int) -> tuple[Stretch, ...]:
        """Every stretch of the time, those too in which there was nothing."""
        # Of constants: PostgreSQL takes no two parameters for the same expression.
        place = literal_column(f"(decision.time - ({since})) / {width}", Integer).label("place")
        found = {row[0]: _counted(*row[1:]) for row in self._counting.run(self._query(place).group_by(place))}
        starts = range(since, until, width)
        return tuple(Stretch(start, found.get(at, _NONE)) for at, start in enumerate(starts))

    def rules(self, digest: str) -> Collection[str]:
        """The rules that determined something under those policies."""
        wanted = replace(self._counting.wanted.filter, policy_digest=digest)
        query, _ = narrowed(select(_RULE.c.rule).distinct().select_from(self._rows), wanted)
        return {str(row[0]) for row in self._counting.run(query)}

    def _query(self, *key: ColumnElement[str] | ColumnElement[int]) -> "Select[*tuple[object, ...]]":
        counted = (func.sum(case((decision.c.effect == effect.value, 1), else_=0)) for effect in Effect)
        query, _ = narrowed(select(*key, *counted).select_from(self._rows), self._counting.wanted.filter)
        return query


def _unfired(by_rule: _Rows, asked: LogFilter, active: ActiveRules | None) -> Unfired | None:
    if active is None or asked.rule is not None or asked.policy_digest not in {None, active.policy_digest}:
        return None
    fired = by_rule.rules(active.policy_digest)
    return Unfired(active.policy_digest, tuple(rule for rule in sorted(active.rules) if indexed(rule) not in fired))


def _counted(allowed: object, denied: object) -> Counted:
    """Sums as the driver has them: None over no rows, a Decimal on PostgreSQL."""
    return Counted(int(str(allowed or 0)), int(str(denied or 0)))


_NONE: Final = Counted(0, 0)
_RULE: Final = decision_rule.alias("counted_rule")
"""Beside the table by which a filter narrows: what is counted are all rules of a decision, that one too."""
_WITH_RULES: Final = decision.join(_RULE, _RULE.c.decision_id == decision.c.id)
