"""The measured rules in vakt: policies in memory, an inquiry a question; an effect without reasons."""

from importlib import import_module

from benchmarks.peers.scenario import NETWORK, Decide, Plain, prepared


def decider() -> Decide:
    """Decides by vakt."""
    vakt, rules = import_module("vakt"), import_module("vakt.rules")
    storage = vakt.MemoryStorage()
    same, other = rules.SubjectMatch("tenant"), rules.Not(rules.SubjectMatch("tenant"))
    allow, deny = vakt.ALLOW_ACCESS, vakt.DENY_ACCESS
    outside = {"ip": rules.Not(rules.CIDR(NETWORK))}
    for uid, effect, subject, resource, context in (
        ("by_role", allow, {}, {"tenant": rules.SubjectMatch("editor_of")}, {}),
        ("owner_all", allow, {}, {"owner": rules.SubjectMatch("id"), "locked": rules.Falsy()}, {}),
        ("suspended", deny, {"suspended": rules.Truthy()}, {}, {}),
        ("isolation", deny, {}, {"tenant": other}, {}),
        ("office", deny, {}, {"region": rules.Eq("eu")}, outside),
        ("frozen", deny, {}, {"locked": rules.Truthy(), "level": rules.Greater(8)}, {}),
        ("draft", deny, {}, {"level": rules.Less(0), "tenant": same}, {}),
    ):
        storage.add(
            vakt.Policy(
                uid,
                subjects=[subject or rules.Any()],
                resources=[resource or rules.Any()],
                actions=[rules.Eq("edit")],
                context=context,
                effect=effect,
            )
        )
    guard = vakt.Guard(storage, vakt.RulesChecker())

    def inquiry(asked: Plain) -> object:
        subject = {"id": asked.user, "tenant": asked.user_tenant, "suspended": asked.suspended}
        resource = {"tenant": asked.tenant, "owner": asked.owner, "locked": asked.locked}
        return vakt.Inquiry(
            subject=subject | {"editor_of": "".join(asked.editor_of)},
            action="edit",
            resource=resource | {"level": asked.level, "region": asked.region},
            context={"ip": asked.ip},
        )

    return prepared(inquiry, lambda asked: bool(guard.is_allowed(asked)))
