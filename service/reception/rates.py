"""Holds each caller to what the settings allow it: how often it calls, and how much of it is under way at a time.

Laws: who a caller is decides, not by what it is known, so that a second token brings nothing; and what one caller does
takes nothing from another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from policy_lang.values import Ref
from service.errors import RateLimited
from service.lru import Lru
from service.model import Caller
from service.rate import Rate
from service.rate_settings import AllowanceSettings, RatesSettings

KNOWN: Final = 10_000
"""Callers whose allowance is remembered. To be forgotten costs a caller a look-up alone: nothing is counted there."""
RETRY_MS: Final = 100
"""When to come again where too much is under way."""


class Metering(NamedTuple):
    """One caller's rate: whose it is to the meter, how much, and the setting that says so."""

    name: str
    rate: Rate
    limit: str


@dataclass(frozen=True, slots=True)
class _Allowance:
    metering: Metering | None
    in_flight: int | None
    limit: str


class Rates:
    """What callers may, and what they have under way in this worker. It belongs to the loop's thread."""

    def __init__(self, settings: RatesSettings) -> None:
        self._settings = settings
        self._principals = {_ref(name): (name, each) for name, each in settings.principals.items()}
        self._known: Lru[tuple[Ref, str], _Allowance] = Lru(KNOWN)
        self._under_way: dict[Ref, int] = {}
        self.refused = 0
        """What found no place."""

    def metering(self, caller: Caller) -> Metering | None:
        """The rate of a caller, None where it has none."""
        return self._of(caller).metering

    def enter(self, caller: Caller) -> Ref | None:
        """Takes a place for something of that caller's; what to `leave` by, None where places are not counted.

        RateLimited where it has none left.
        """
        allowance = self._of(caller)
        if allowance.in_flight is None:
            return None
        ref = caller.principal.ref
        count = self._under_way.get(ref, 0)
        if count >= allowance.in_flight:
            self.refused += 1
            raise RateLimited(
                f"over the limit `{allowance.limit}`: {allowance.in_flight} calls are under way already",
                RETRY_MS,
                limit=allowance.limit,
            )
        self._under_way[ref] = count + 1
        return ref

    def leave(self, place: Ref) -> None:
        """Gives a place back."""
        left = self._under_way[place] - 1
        if left:
            self._under_way[place] = left
        else:
            del self._under_way[place]

    def _of(self, caller: Caller) -> _Allowance:
        key = caller.principal.ref, caller.issuer
        known = self._known.get(key)
        if known is None:
            known = _allowance(caller.principal.ref, *self._find(caller))
            self._known.put(key, known)
        return known

    def _find(self, caller: Caller) -> tuple[str, AllowanceSettings | None]:
        """The setting that is for a caller, by its name, and what it allows."""
        settings, ref = self._settings, caller.principal.ref
        if ref in self._principals:
            name, found = self._principals[ref]
            return f"rates.principals.{name}", found
        if caller.issuer in settings.issuers:
            return f"rates.issuers.{caller.issuer}", settings.issuers[caller.issuer]
        if ref.type in settings.types:
            return f"rates.types.{ref.type}", settings.types[ref.type]
        return "rates.default", settings.default


def build_rates(settings: RatesSettings) -> Rates | None:
    """The rates, None where the settings have none."""
    return None if settings == RatesSettings() else Rates(settings)


def leaving(rates: Rates, place: Ref) -> Callable[[object], None]:
    """Gives the place back when whatever has it says that it is done."""

    def leave(_: object) -> None:
        rates.leave(place)

    return leave


def _allowance(ref: Ref, name: str, settings: AllowanceSettings | None) -> _Allowance:
    if settings is None:
        return _Allowance(None, None, name)
    metering = None
    if settings.per_minute is not None:
        burst = settings.burst if settings.burst is not None else max(1, settings.per_minute // 60)
        metering = Metering(f"caller {ref}", Rate(settings.per_minute, burst), f"{name}.per_minute")
    return _Allowance(metering, settings.in_flight, f"{name}.in_flight")


def _ref(name: str) -> Ref:
    type_, _, id_ = name.partition(":")
    return Ref(type_, id_)
