"""Every type of the language, from files and from the caller, to the decision and into the record."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from ipaddress import ip_address, ip_network
from pathlib import Path

from magistrate_client import EntityRef, Magistrate, Resource
from magistrate_client.values import Given
from policy_lang.timezones import TZDATA
from tests.e2e.running import Project

POLICY = """\
module shop

type Team in Team {}
principal type User in Team { zone: timezone, limit: decimal }
type Order {
  total: decimal,
  state: enum(open, paid),
  tags: set<string>,
  due: timestamp,
  grace: duration,
  net: network,
  address: { city: string, zip: string? },
  owner: User | Team,
  tip: decimal from request,
  sent: timestamp from request,
  waited: duration from request,
  labels: set<string> from request,
  place: { city: string } from request,
  seen: network from request,
  of: User from request,
}
context { ip: ip, rate: decimal }
actions Order { pay }

rule pay: allow pay on Order to User
  when resource.total + resource.tip == 20.3 and resource.total <= principal.limit and context.rate == 1.25
  when resource.state == open and resource.tags all in ["a", "b"] and resource.labels any in ["b"]
  when context.now > resource.due + resource.grace and resource.sent == 2026-01-05T09:00:00.123Z
  when resource.waited == 90m and context.ip in resource.net and resource.seen == 10.1.0.0/16
  when resource.address.city == resource.place.city and not has resource.address.zip
  when principal under resource.owner and resource.of == principal
  when hour(resource.sent, principal.zone) == 10
  reason "{resource.total} and {resource.tip} are paid"
"""
FACTS = """\
{"kind": "resource", "type": "Team", "id": "all", "attributes": {}}
{"kind": "principal", "type": "User", "id": "alice", "parents": [{"type": "Team", "id": "all"}], \
"attributes": {"zone": "Europe/Paris", "limit": "20.2"}}
{"kind": "resource", "type": "Order", "id": "o1", "attributes": {"total": "20.20", "state": "open", \
"tags": ["b", "a"], "due": "2020-01-05T10:00:00+01:00", "grace": "1d12h", "net": "10.0.0.0/8", \
"address": {"city": "Paris"}, "owner": {"type": "Team", "id": "all"}}}
"""
SAID: Mapping[str, Given] = {
    "tip": Decimal("0.1"),
    "sent": datetime(2026, 1, 5, 9, 0, 0, 123_999, tzinfo=UTC),
    "waited": timedelta(minutes=90),
    "labels": {"b", "c"},
    "place": {"city": "Paris"},
    "seen": ip_network("10.1.0.0/16"),
    "of": EntityRef("User", "alice"),
}


def test_every_type_goes_whole_from_all_sources_to_the_decision_and_the_record(tmp_path: Path) -> None:
    project = Project(tmp_path)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "shop.policy").write_text(POLICY)
    (tmp_path / "facts.jsonl").write_text(FACTS)
    project.must_run("data", "import", "facts.jsonl")
    with project.serving("--dev") as server, Magistrate(server.address, token=server.token("User:alice")) as client:
        decision = client.check(
            "pay", Resource("Order", "o1", SAID), context={"ip": ip_address("::ffff:10.1.2.3"), "rate": Decimal("1.25")}
        )
        (record,) = json.loads(project.must_run("log", "query", "--wait", "--action", "pay", "--output", "json"))
    assert [reason.text for reason in decision.reasons] == ["20.2 and 0.1 are paid"], decision
    assert decision
    assert record["tzdata"] == TZDATA
    assert {name: record["inputs"][name] for name in ("resource.total", "resource.tip", "context.rate")} == {
        "resource.total": "20.2",
        "resource.tip": "0.1",
        "context.rate": "1.25",
    }
