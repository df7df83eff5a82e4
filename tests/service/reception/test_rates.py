"""Whom which rate is for, and what a caller may have under way: by who it is, and at nobody else's cost."""

import asyncio

import pytest
from pydantic import ValidationError

from policy_lang.values import Ref
from service.errors import RateLimited
from service.model import Caller, Principal
from service.rate import Rate
from service.rate_settings import RatesSettings
from service.reception.rates import KNOWN, Rates, build_rates
from service.reception.reception import Arrival
from tests.service.doors.receiving import Named, callers

SETTINGS = RatesSettings.model_validate(
    {
        "default": {"per_minute": 60},
        "types": {"Service": {"per_minute": 6000, "burst": 7, "in_flight": 2}},
        "issuers": {"https://id.example.org": {"in_flight": 9}},
        "principals": {"Service:gateway": {"per_minute": 90_000}, "Service:free": {}},
    }
)


def caller(name: str, issuer: str = "idp") -> Caller:
    type_, _, id_ = name.partition(":")
    return Caller(Principal(Ref(type_, id_)), issuer)


@pytest.mark.parametrize(
    ("who", "rate", "limit"),
    [
        (caller("User:alice"), Rate(60, 1), "rates.default.per_minute"),
        (caller("Service:batch"), Rate(6000, 7), "rates.types.Service.per_minute"),
        (caller("Service:gateway"), Rate(90_000, 1500), "rates.principals.Service:gateway.per_minute"),
        (caller("Service:gateway", "https://id.example.org"), Rate(90_000, 1500),
         "rates.principals.Service:gateway.per_minute"),
    ],
    ids=["everybody", "type", "name", "name before issuer"],
)  # fmt: skip
def test_the_first_setting_that_fits_is_a_callers_rate(who: Caller, rate: Rate, limit: str) -> None:
    metering = Rates(SETTINGS).metering(who)
    assert metering is not None
    assert (metering.rate, metering.limit) == (rate, limit)


@pytest.mark.parametrize("who", [caller("Service:free"), caller("User:alice", "https://id.example.org")], ids=str)
def test_a_setting_that_fits_and_has_no_rate_is_none(who: Caller) -> None:
    assert Rates(SETTINGS).metering(who) is None


def test_without_settings_nothing_is_counted() -> None:
    assert build_rates(RatesSettings()) is None


@pytest.mark.parametrize(
    "settings", [{"default": {"burst": 5}}, {"principals": {"gateway": {"per_minute": 5}}}, {"default": {"rate": 1}}]
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        RatesSettings.model_validate(settings)


def test_a_caller_has_so_many_places_and_gets_them_back() -> None:
    rates = Rates(SETTINGS)
    batch, other = caller("Service:batch"), caller("Service:other")
    places = [rates.enter(batch), rates.enter(batch)]
    with pytest.raises(RateLimited, match=r"`rates\.types\.Service\.in_flight`: 2 calls are under way") as refused:
        rates.enter(batch)
    assert (refused.value.limit, refused.value.retry_ms) == ("rates.types.Service.in_flight", 100)
    assert rates.enter(other) == Ref("Service", "other")
    assert places[0] is not None
    rates.leave(places[0])
    assert rates.enter(batch) == Ref("Service", "batch")


def test_memory_is_bounded_whoever_calls() -> None:
    rates = Rates(SETTINGS)
    for number in range(KNOWN + 5):
        place = rates.enter(caller(f"Service:s{number}"))
        assert place is not None
        rates.leave(place)
    assert len(rates._known) <= KNOWN
    assert rates._under_way == {}


def test_who_keeps_calling_is_remembered_however_many_come_beside() -> None:
    rates, regular = Rates(SETTINGS), caller("User:alice")
    allowed = rates.metering(regular)
    for number in range(KNOWN + 5):
        rates.metering(caller(f"User:u{number}"))
        assert rates.metering(regular) is allowed


def test_callers_without_number_win_nobody_a_new_start() -> None:
    settings = RatesSettings.model_validate({"default": {"per_minute": 1, "burst": 1, "in_flight": 1}})
    reception = callers(Named(lambda token: caller(f"User:{token}")), rates=settings).reception
    rates = reception.rates
    assert rates is not None

    def admit(token: str) -> None:
        asyncio.run(reception.admit(Arrival("AuthorizationService.Check", lambda: "here", [f"Bearer {token}"])))

    admit("alice")
    rates.enter(caller("User:alice"))
    for number in range(KNOWN + 5):
        rates.metering(caller(f"User:u{number}"))

    with pytest.raises(RateLimited, match="is used up"):
        admit("alice")
    with pytest.raises(RateLimited, match="are under way already"):
        rates.enter(caller("User:alice"))


def test_a_caller_is_metered_by_who_it_is_and_takes_nothing_from_another() -> None:
    tokens = {
        "one": caller("User:alice", "idp"), "two": caller("User:alice", "other idp"), "bob": caller("User:bob"),
    }  # fmt: skip
    settings = RatesSettings.model_validate({"default": {"per_minute": 1, "burst": 3}})
    reception = callers(Named(tokens.__getitem__), rates=settings).reception

    def admit(token: str, weight: int = 1) -> None:
        asyncio.run(reception.admit(Arrival("AuthorizationService.Check", lambda: "here", [f"Bearer {token}"], weight)))

    admit("one")
    admit("two", weight=2)
    with pytest.raises(RateLimited) as spent:
        admit("one")
    admit("bob", weight=3)
    with pytest.raises(RateLimited) as too_much:
        admit("bob", weight=4)
    assert (spent.value.limit, too_much.value.limit) == ("rates.default.per_minute",) * 2
    assert 55_000 < (spent.value.retry_ms or 0) <= 60_001
    assert too_much.value.retry_ms is None
    assert reception.rate_limited == 2
