"""P8, the cold start, and what compiling costs those who ask meanwhile.

    python -m benchmarks.motion [--quick] [--rate=2000]

The cold start goes from the command to the first decision, with 1,000 policies. Then a service with few policies is
asked at a steady rate, quiet first, and again while 10,000 rules are put into its folder, compiled in the background
process, handed to the worker and put in force.
"""

import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import cycle
from pathlib import Path
from statistics import median
from typing import Final

import grpc
import uvloop
from magistrate.v1.authorization_pb2 import CheckRequest, CheckResponse
from magistrate.v1.authorization_pb2_grpc import AuthorizationServiceStub
from magistrate.v1.types_pb2 import Entity, Value

from benchmarks.driven import Call
from benchmarks.pacing import CONNECTIONS, Asking, connected
from benchmarks.serving import SERVE, run, serving
from benchmarks.world import POLICY, World
from policy_lang.values import Ref
from service.authn.dev import mint

WORLD: Final = World(users=100, documents=1_000)
QUESTION: Final = CheckRequest(
    action="read", resource=Entity(type="Document", id="d7"), context={"ip": Value(string_value="10.1.2.3")}
)
CHECK: Final = "/magistrate.v1.AuthorizationService/Check"
RULES_A_MODULE: Final = 50
PATIENCE: Final = 300.0


@dataclass(frozen=True, slots=True)
class Scale:
    """Policies of the cold start and its rounds; rules that are compiled, checks a second, seconds of quiet."""

    policies: int
    starts: int
    rules: int
    rate: int
    quiet: float


FULL: Final = Scale(policies=1_000, starts=3, rules=10_000, rate=2_000, quiet=10.0)
QUICK: Final = Scale(policies=50, starts=1, rules=100, rate=100, quiet=0.5)


def main(arguments: Sequence[str]) -> None:
    """Measures and prints."""
    scale = QUICK if "--quick" in arguments else FULL
    rate = next((int(each.removeprefix("--rate=")) for each in arguments if each.startswith("--rate=")), scale.rate)
    scale = replace(scale, rate=rate)
    with tempfile.TemporaryDirectory(prefix="magistrate-bench-") as name:
        folder = Path(name)
        (folder / "policies").mkdir()
        (folder / "policies" / "documents.policy").write_text(POLICY)
        (folder / "data.jsonl").write_text("\n".join(WORLD.facts()) + "\n")
        run(folder, "data", "import", "data.jsonl")
        token = mint(folder / ".magistrate", Ref("User", "u7"), now=time.time_ns() // 1_000_000, ttl=timedelta(hours=1))
        write_policies(folder / "policies", scale.policies)
        starts = [cold_start(folder, token) for _ in range(scale.starts)]
        print(f"P8  cold start to the first decision, {scale.policies:,} policies: {median(starts):.2f} s")
        write_policies(folder / "policies", 0)
        with serving(folder, SERVE, watch_seconds="0.2") as service:
            uvloop.run(_compile_beside(folder, service.address, token, scale))


def write_policies(folder: Path, rules: int) -> None:
    """Puts so many more rules into the folder, in modules of their own, in the place of those of an earlier call."""
    for file in folder.glob("more*.policy"):
        file.unlink()
    for number in range(0, rules, RULES_A_MODULE):
        lines = [
            f"module more{number}", f"type Thing{number} {{ tenant: Tenant, owner: User, level: int, region: string }}",
            f"actions Thing{number} {{ read, edit }}",
        ]  # fmt: skip
        for rule in range(min(RULES_A_MODULE, rules - number)):
            lines.append(_deny(number, rule) if rule % 5 == 0 else _allow(number, rule))
        (folder / f"more{number}.policy").write_text("\n".join(lines) + "\n")


def _allow(number: int, rule: int) -> str:
    return (
        f"rule a{rule}: allow {('read', 'edit')[rule % 2]} on Thing{number} to User"
        f" when principal.tenant == resource.tenant and principal.clearance >= {rule} and resource.level > {rule}"
    )


def _deny(number: int, rule: int) -> str:
    return (
        f'rule d{rule}: deny {("read", "edit")[rule % 2]} on Thing{number} when resource.region == "r{rule}"'
        f' unless context.ip in [10.{rule}.0.0/16] reason "rule {rule}"'
    )


def cold_start(folder: Path, token: str) -> float:
    """Seconds from the command to the first decision."""
    began = time.perf_counter()
    with serving(folder, SERVE) as service, grpc.insecure_channel(service.address) as channel:
        AuthorizationServiceStub(channel).Check(
            QUESTION, metadata=(("authorization", f"Bearer {token}"),), timeout=PATIENCE, wait_for_ready=True
        )
        return time.perf_counter() - began


async def _compile_beside(folder: Path, address: str, token: str, scale: Scale) -> None:
    digests: list[str] = [""]

    def note(answered: bytes) -> None:
        digests[-1] = CheckResponse.FromString(answered).policy_digest

    calls = cycle([Call(QUESTION.SerializeToString(), token, note)])
    asking = Asking([await connected(address, calls, CHECK) for _ in range(CONNECTIONS)], scale.rate)
    await asking.until(lambda: False, 1.0)
    before = digests[-1]
    quiet = await asking.until(lambda: False, scale.quiet)
    write_policies(folder / "policies", scale.rules)
    began = time.perf_counter()
    beside = await asking.until(lambda: digests[-1] != before, PATIENCE)
    took = time.perf_counter() - began
    after = await asking.until(lambda: False, scale.quiet)
    skipped = asking.skipped
    print(f"    {scale.rules:,} rules into the folder of a service that answers {scale.rate:,} checks a second:")
    print(f"    in force after {took:.1f} s; one worker, one background process, the load on the same machine")
    if skipped:
        print(f"    {skipped:,} questions were left out: this machine did not come to so many")
    for name, times in (("quiet", quiet), ("meanwhile", beside), ("after", after)):
        ordered = sorted(times)
        print(
            f"    {name:10} {len(times):7,} checks   p50 {ordered[len(times) // 2]:6.2f} ms"
            f"   p99 {ordered[len(times) * 99 // 100]:7.2f} ms   most {ordered[-1]:7.1f} ms"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
