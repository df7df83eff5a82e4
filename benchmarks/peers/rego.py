"""The measured rules in Rego, by regopy: the query compiled once, an input a question."""

from dataclasses import asdict
from importlib import import_module
from typing import Final

from benchmarks.peers.scenario import NETWORK, Decide, Plain, prepared

_REGO: Final = f"""
package docs
import rego.v1
default allow := false
allow if {{ permitted; not denied }}
permitted if input.tenant in input.editor_of
permitted if {{ input.owner == input.user; not input.locked }}
denied if input.suspended
denied if input.user_tenant != input.tenant
denied if {{ input.region == "eu"; not startswith(input.ip, "{NETWORK.partition(".")[0]}.") }}
denied if {{ input.locked; input.level > 8 }}
denied if input.level < 0
"""
"""regopy has no test of networks (`net.cidr_contains`), so the first number of the address is compared.

A query whose answer is false has a result without expressions.
"""


def decider() -> Decide:
    """Decides by the Rego interpreter."""
    regopy = import_module("regopy")
    interpreter = regopy.Interpreter()
    interpreter.add_module("docs", _REGO)
    bundle = interpreter.build("data.docs.allow")

    def form(asked: Plain) -> object:
        return regopy.Input(asdict(asked) | {"editor_of": list(asked.editor_of)})

    def decide(asked: object) -> bool:
        interpreter.set_input(asked)
        return any(True in result.expressions for result in interpreter.query_bundle(bundle).results)

    return prepared(form, decide)
