"""Where things are at this door, by the names that AuthZEN's metadata has for them."""

from typing import Final

EVALUATION: Final = "/access/v1/evaluation"
EVALUATIONS: Final = "/access/v1/evaluations"
METADATA: Final = "/.well-known/authzen-configuration"
OPENAPI: Final = "/openapi.json"
