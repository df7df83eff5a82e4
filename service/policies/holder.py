"""Holds the policies in force, and beside them those that are prepared to follow; all of it on the loop's thread.

Loading goes in slices of a millisecond, a tenth of the time, so that answering is not held up. Swapping is one
assignment: a request takes its reference once and is answered by those policies alone.
"""

import asyncio
from collections.abc import Callable
from time import perf_counter
from typing import Final

from policy_lang.image import ImageError, ImageReader
from policy_lang.schema import Schema
from policy_lang.uncollected import uncollected
from service.errors import ConfigError, NoPolicies
from service.model import ActivePolicies
from service.policies.shared_schema import with_schema_of

SLICE_SECONDS: Final = 0.001
PAUSE_SECONDS: Final = 0.009
RETIRE_SECONDS: Final = 5.0
"""How long policies that were replaced are kept whole, for the requests that still have them."""
KEPT_READY: Final = 2
"""Prepared policies that are kept; one that is not activated gives way to later ones."""


Check = Callable[[Schema], None]
"""Returns where what is set up beside the policies fits them; else ConfigError."""


def _fits_everything(_: Schema) -> None:
    """Where nothing is set up that depends on the policies."""


def _unheard(_: str, __: str) -> None:
    """Where nobody wants to know."""


class PolicyHolder:
    """The policies of one worker."""

    def __init__(self, check: Check = _fits_everything, given_up: Callable[[str, str], None] = _unheard) -> None:
        """`check` is asked of each schema before its policies are prepared.

        `given_up` is told the digest of a candidate that is of no use, and why.
        """
        self._check = check
        self._given_up = given_up
        self._active: ActivePolicies | None = None
        self._ready: dict[str, ActivePolicies] = {}
        self._followers: list[Callable[[ActivePolicies], None]] = []
        self._retiring: set[asyncio.Task[None]] = set()
        self._candidate: ActivePolicies | None = None

    @property
    def candidate(self) -> ActivePolicies | None:
        """The policies that are tried out beside those in force; None where there are none."""
        return self._candidate

    async def try_out(self, digest: str, image: bytes) -> None:
        """Loads an image to be tried out in place of any other; ConfigError if it is not the digest's or unusable."""
        self.let_go()
        policies = await self._loaded(digest, image)
        if self._active is None or self._active.digest != digest:
            self._candidate = policies

    def let_go(self) -> None:
        """Tries none out any more."""
        if self._candidate is not None:
            self._retire(self._candidate)
            self._candidate = None

    def give_up(self, why: str) -> None:
        """Tries none out any more, for it is of no use."""
        if self._candidate is not None:
            self._given_up(self._candidate.digest, why)
            self.let_go()

    def active(self) -> ActivePolicies:
        """The policies in force; NoPolicies before the first were activated."""
        if self._active is None:
            raise NoPolicies("no policies are loaded")
        return self._active

    def find(self) -> ActivePolicies | None:
        """The policies in force, if there are any."""
        return self._active

    def is_prepared(self, digest: str) -> bool:
        """Whether these policies can be put in force."""
        return digest in self._ready

    def loaded(self, digest: str) -> ActivePolicies | None:
        """Policies in memory, in force or prepared; any thread may ask."""
        active = self._active
        return active if active is not None and active.digest == digest else self._ready.get(digest)

    async def prepare(self, digest: str, image: bytes) -> None:
        """Loads an image beside the policies in force.

        ConfigError if it is not the digest's, cannot be loaded, or lacks what the settings name.
        """
        if self._active is not None and self._active.digest == digest:
            self._ready[digest] = self._active
            return
        policies = await self._loaded(digest, image)
        self._check(policies.bundle.program.schema)
        self._ready[digest] = policies
        while len(self._ready) > KEPT_READY:
            self._retire(self._ready.pop(next(iter(self._ready))))

    def activate(self, digest: str) -> None:
        """Puts prepared policies in force, from the next request on; those that are need not be prepared."""
        former = self._active
        if former is not None and former.digest == digest and digest not in self._ready:
            return
        policies = self._ready.pop(digest)
        if policies is former:
            return
        for follow in self._followers:
            follow(policies)
        self._active = policies
        if self._candidate is not None and self._candidate.digest == digest:
            self.let_go()
        if former is not None:
            self._retire(former)

    def follow(self, follower: Callable[[ActivePolicies], None]) -> None:
        """Calls the follower with policies that are about to be in force."""
        self._followers.append(follower)

    async def _loaded(self, digest: str, image: bytes) -> ActivePolicies:
        """The policies of an image; ConfigError if it is not the digest's, or cannot be loaded."""
        try:
            policies = await self._load(image)
        except ImageError as error:
            raise ConfigError(f"the policies `{digest}` cannot be loaded: {error}") from error
        if policies.digest != digest:
            raise ConfigError(f"the policies `{digest}` came as `{policies.digest}`")
        return policies if self._active is None else with_schema_of(self._active, policies)

    async def _load(self, image: bytes) -> ActivePolicies:
        """Loads in slices, none of which the collector interrupts.

        Nothing is frozen: with what is loaded would stay, for good, the cycles that calls under way leave behind.
        """
        reader = ImageReader(image)
        is_done = False
        while not is_done:
            ends = perf_counter() + SLICE_SECONDS
            with uncollected():
                while not is_done and perf_counter() < ends:
                    is_done = not reader.step()
            if self._active is not None:
                await asyncio.sleep(PAUSE_SECONDS)
        return ActivePolicies(*reader.result())

    def _retire(self, policies: ActivePolicies) -> None:
        task = asyncio.get_running_loop().create_task(_dismantle(policies))
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


async def _dismantle(policies: ActivePolicies) -> None:
    """Lets go of replaced policies piece by piece: all at once would hold up answering for as long as loading them."""
    rules = [rule for found in policies.bundle.program.rules.values() for rule in found]
    pieces: list[object] = [*rules, *policies.compiled.plans.values()]
    del policies, rules
    await asyncio.sleep(RETIRE_SECONDS)
    while pieces:
        ends = perf_counter() + SLICE_SECONDS
        while pieces and perf_counter() < ends:
            pieces.pop()
        await asyncio.sleep(PAUSE_SECONDS)
