"""Gives policies the declarations of those before them where they are equal.

What is kept of facts is kept by the types that it was read by, the same object each time. Most changes of policies are
changes of rules alone: without this each would have every fact read anew, by all workers at the same moment.
"""

from dataclasses import replace

from policy_lang.schema import Schema
from service.model import ActivePolicies


def with_schema_of(former: ActivePolicies, policies: ActivePolicies) -> ActivePolicies:
    """The policies by the schema of the former ones if it is the same, else by as much of it as is."""
    program = policies.bundle.program
    schema = _shared(former.bundle.program.schema, program.schema)
    return replace(policies, bundle=replace(policies.bundle, program=replace(program, schema=schema)))


def _shared(known: Schema, schema: Schema) -> Schema:
    if schema.types != known.types:
        return schema
    shared = replace(schema, types=known.types)  # so that they are compared once: what is the same object is equal
    return known if shared == known else shared
