"""Callers for doors in tests: a real reception over an authenticator of the test's own."""

from collections.abc import Callable
from typing import Final

from service.doors.grpc.caller import Callers
from service.errors import Unauthenticated
from service.model import Caller, Principal
from service.ports import Authenticator, Recorder
from service.rate import Rate
from service.rate_settings import RatesSettings
from service.reception import leases
from service.reception.failures import Failures
from service.reception.leases import Lease, Leases
from service.reception.peers import Peers
from service.reception.rates import build_rates
from service.reception.reception import Reception
from service.runtime.leasing import Lessor
from service.runtime.messages import GivenBack, Wanted
from tests.service.point import NOW, KeptRecords

OFTEN: Final = Rate(100_000, 100_000)


FREELY: Final = RatesSettings()


class LocalKeeper:
    """Keeps the buckets of the one worker that there is (`leases.Keeper`)."""

    def __init__(self) -> None:
        self.lessor = Lessor()
        self.leases = Leases(self)

    def ask(self, wanted: leases.Wanted) -> None:
        """Leases at once."""
        number, name, rate, amount = wanted
        leased = self.lessor.lease(Wanted(number, name, rate.per_minute, rate.burst, amount))
        self.leases.answered(number, Lease(leased.amount, leased.retry_ms))

    def give_back(self, name: str, amount: int) -> None:
        """Takes it back at once."""
        self.lessor.take_back(GivenBack(name, amount))


class Named:
    """Authenticates whoever a function names by the credential (`ports.Authenticator`)."""

    def __init__(self, caller: Callable[[str], Caller]) -> None:
        self._caller = caller

    def caller(self, token: str, now: int) -> Caller:
        """The caller that the function names."""
        return self._caller(token)

    def principal(self, token: str, now: int) -> Principal:
        """Nobody."""
        raise Unauthenticated("not a token to be asked about")


def callers(
    authenticator: Authenticator,
    *,
    recorder: Recorder | None = None,
    failures: Failures | None = None,
    rates: RatesSettings = FREELY,
) -> Callers:
    """Callers by that authenticator, who may fail often."""
    reception = Reception(
        authenticator,
        meter=LocalKeeper().leases,
        failures=failures or Failures(OFTEN, 1000),
        recorder=recorder or KeptRecords(),
        clock=lambda: NOW,
        rates=build_rates(rates),
    )
    return Callers(reception, Peers())
