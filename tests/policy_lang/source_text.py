"""Declarations that the tests of the front end share, and short ways to load rules beside them."""

from policy_lang.bundle import Bundle
from policy_lang.diagnostics import Diagnostic, PolicyError
from policy_lang.loading import load
from policy_lang.typed import Condition, Rule

DECLARATIONS = """
module m

tenant type Tenant {}
type Team in Team {}
principal type User in Team {
  tenant: Tenant, department: string?, clearance: int, budget: decimal, zone: timezone, grade: enum(junior, senior),
  boss: User?,
}
principal type Service from token { tenant: Tenant from claim "tid" "id", grade: int from claim "grade" }
type Folder in Folder { tenant: Tenant, owner: User | Team, above: Folder? }
type Document in Folder {
  tenant: Tenant, owner: User, folder: Folder?, region: string, level: int, price: decimal, rates: set<decimal>,
  address: { city: string, zip: string?, host: User?, box: { size: int, fee: decimal? } }?,
  labels: set<string>, visibility: enum(private, public), locked: bool, retain_until: timestamp?, members: set<User>,
  nets: set<network>, kinds: set<enum(memo, plan)>, intent: string? from request, keeper: User | Team,
}
type Route from request { path: string }
context { ip: ip, mfa: bool?, zone: timezone }
actions Document { new create, read, edit, delete }
actions Folder { read, share }
actions Route { call }
group write on Document = edit, delete
role viewer on Tenant { Document: read; Folder: read }
role editor on Tenant includes viewer { Document: write }
role auditor {}
relation collaborator on Document: User, Team
relation owner on Document = resource.owner == principal
"""


def bundle(text: str) -> Bundle:
    """The bundle of the declarations and this text, all of module `m`."""
    return load({"declarations.policy": DECLARATIONS, "text.policy": f"module m\n{text}"})


def faults(text: str) -> tuple[Diagnostic, ...]:
    """What is wrong with this text, beside the declarations."""
    try:
        bundle(text)
    except PolicyError as error:
        return error.diagnostics
    return ()


def codes(text: str) -> list[str]:
    """The codes of all that is wrong with this text."""
    return [fault.code for fault in faults(text)]


def rule(text: str, type_: str = "Document") -> Rule:
    """The one rule of this text, as it stands for a type of resource."""
    (found,) = bundle(text).program.rules[type_]
    return found


def condition(text: str) -> Condition:
    """The typed condition that this text is, in a rule on documents."""
    return rule(f"rule r: allow read on Document to anyone when {text}").clauses[1].condition
