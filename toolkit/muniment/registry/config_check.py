"""What a schema cannot say of registry.yaml: what is named is defined, and nobody gets more than is spelled out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muniment.core.document import Misplaced, Path_, placed
from muniment.core.errors import Malformed
from muniment.core.name import SEGMENT
from muniment.log.note import parse_vkey
from muniment.registry.pattern import Pattern, check_pinned
from muniment.signing.trustroot import is_sandbox_root

if TYPE_CHECKING:
    from muniment.registry.config import Binding, Config

# What concerns the whole registry: a role held in some namespaces only does not carry it.
FOR_ALL = frozenset({"configure", "rotate-key", "redact", "access-review"})
# To declare an emergency: a rollback that does not wait for approvals.
EMERGENCY = "emergency-rollback"
# What decides about others' work: its signer is one identity, not every workflow at some tag.
GUARDED = FOR_ALL | {"approve", "revoke", "waive", EMERGENCY}


def check_config(config: Config) -> None:
    """Raises `Malformed`, mostly `Misplaced`, for a configuration that does not hold together."""
    _check_names(config)
    _check_environments(config)
    _check_namespaces(config)
    _check_roles(config)
    for number, binding in enumerate(config.bindings):
        _check_binding(config, binding, number)
    _check_sequencer(config)
    _check_sources(config)
    _check_issuers(config)
    _check_keys(config)
    _check_administrators(config)
    _check_rules(config)
    _check_triggers(config)
    if config.sandbox != is_sandbox_root(config.trusted_root):
        declared = "a sandbox" if config.sandbox else "real"
        raise Misplaced(
            ("sandbox",),
            f"The configuration declares the registry {declared}, and its Sigstore trusted root says otherwise.",
            "Set sandbox to true for a sandbox's trusted root and to false for any other.",
        )


def _check_sources(config: Config) -> None:
    """Third parties speak in namespaces that there are, and a sandbox's word counts in sandboxes only."""
    for believed in config.sources:
        place = ("sources", believed.name)
        for number, namespace in enumerate(believed.namespaces):
            if namespace not in config.namespaces:
                where = (*place, "namespaces", number)
                raise Misplaced(where, f"The namespace {namespace!r} is not defined.", "Define it under namespaces.")
        if believed.sandbox not in (None, config.sandbox):
            raise Misplaced(
                (*place, "sigstore"),
                f"The source is {'a sandbox' if believed.sandbox else 'a real Sigstore instance'}, and the registry "
                f"{'is not' if believed.sandbox else 'is a sandbox'}.",
                "One registry never holds both.",
            )


def _check_names(config: Config) -> None:
    known = [("namespaces", n) for n in config.namespaces] + [("environments", n) for n in config.environments]
    for where, name in known:
        if not SEGMENT.fullmatch(name):
            place = (where, name) if where == "namespaces" else (where, config.environments.index(name))
            raise Misplaced(place, f"{name!r} is not a name for a namespace or environment.", "Use a-z 0-9 . _ -.")


def _check_environments(config: Config) -> None:
    """Each is there once, and requires only those before it: there is always a first one to enter."""
    for number, name in enumerate(config.environments):
        before = config.environments[:number]
        if name == "latest":  # deploy jobs read latest.json beside one file an environment
            fact = "No environment is called latest: that is the version released last."
            raise Misplaced(("environments", number), fact, "Give it another name.")
        if name in before:
            raise Misplaced(("environments", number), f"The environment {name!r} is there twice.", "Leave one out.")
        for needed in config.stages[name].requires:
            if needed not in before:
                raise Misplaced(
                    ("environments", number, "requires"),
                    f"The environment {name} requires {needed!r}, which does not come before it.",
                    "Require environments that stand above it in the list.",
                )


def _check_namespaces(config: Config) -> None:
    for namespace, body in config.namespaces.items():
        for number, owner in enumerate(body.get("owners", ())):
            if owner not in config.persons:
                raise Misplaced(
                    ("namespaces", namespace, "owners", number),
                    f"The namespace {namespace} is owned by {owner!r}, who is no person of the registry.",
                    "Name them under persons.",
                )


def _check_roles(config: Config) -> None:
    """Who may declare an emergency may also roll back: the one is done by the other."""
    for role, may in config.roles.items():
        if EMERGENCY in may and "rollback" not in may:
            raise Misplaced(
                ("roles", role, "may"),
                f"The role {role} may declare an {EMERGENCY}, and may not sign rollback records.",
                "Give it rollback too.",
            )


def _check_binding(config: Config, binding: Binding, number: int) -> None:
    path = ("bindings", number)
    if binding.role not in config.roles:
        raise Misplaced(
            (*path, "role"),
            f"A binding names the role {binding.role!r}, which is not defined.",
            "Define it under roles.",
        )
    for namespace in binding.namespaces:
        if namespace not in config.namespaces:
            raise Misplaced(
                (*path, "namespaces"),
                f"A binding names the namespace {namespace!r}, which is not defined.",
                "Define it under namespaces.",
            )
    with placed(*path, "identity"):
        check_pinned(binding.identity, binding.role)
    guarded = sorted(config.roles[binding.role] & GUARDED)
    if binding.identity.wild and guarded:
        raise Misplaced(
            (*path, "identity"),
            f"The role {binding.role} may sign {guarded[0]} records, and is bound to a pattern.",
            "Bind it to identities written out, or give the pattern a role that may less.",
        )


def _check_sequencer(config: Config) -> None:
    if config.sequencer is None:
        return
    with placed("sequencer"):
        check_pinned(config.sequencer, "sequencer")
        if config.sequencer.wild:
            raise Malformed("The sequencer is a pattern.", "Write its subject and claims out: it is one job.")


def _check_issuers(config: Config) -> None:
    """Where issuers are listed, there are no others."""
    listed = {i.issuer for i in config.issuers}
    if not listed:
        return
    used: list[tuple[Path_, Pattern]] = [
        (("bindings", n, "identity"), b.identity) for n, b in enumerate(config.bindings)
    ]
    used += [(("persons", p, n), i) for p, patterns in config.persons.items() for n, i in enumerate(patterns)]
    used += [(("sequencer",), config.sequencer)] if config.sequencer else []
    for path, pattern in used:
        if pattern.issuer not in listed:
            raise Misplaced(
                path, f"The issuer {pattern.issuer} is not among issuers.", "List it there, with what is known of it."
            )


def _check_keys(config: Config) -> None:
    """Every log key is one, of this log: readers pin them all."""
    for number, key in enumerate(config.log_keys):
        with placed("logKeys", number):
            if parse_vkey(key).name != config.origin:
                raise Malformed(
                    f"The log key {key} is not named {config.origin}.", "A log's keys bear its origin as name."
                )


def _check_administrators(config: Config) -> None:
    """Somebody can always configure, and where more than one is needed, enough persons can approve."""
    may, approve = holders(config, {"configure"}), holders(config, {"configure", "approve"})
    if not may:
        raise Misplaced(
            ("bindings",),
            "Nobody may configure the registry for good.",
            "Bind a role that may, in all namespaces, without notBefore and expires.",
        )
    able, others = (len({_person(config, p) for p in found} - {None}) for found in (may, approve))
    if config.threshold > 1 and (able < config.threshold or others < config.threshold - 1):
        raise Misplaced(
            ("administrators", "threshold"),
            f"The administrators' threshold is {config.threshold}, and {able} persons may configure; {others} of them "
            "may approve it.",
            "Bind more persons to a role that may configure and approve, or lower the threshold.",
        )


def holders(config: Config, kinds: set[str]) -> list[Pattern]:
    """Who may sign the kinds in all namespaces, now and for ever: a registry must not lock itself."""
    lasting = [b for b in config.bindings if not b.namespaces and b.not_before is None and b.expires is None]
    return [b.identity for b in lasting if kinds <= config.roles[b.role]]


def _person(config: Config, bound: Pattern) -> str | None:
    """The person whom every identity of a binding belongs to."""
    return next((p for p, patterns in config.persons.items() if any(i.includes(bound) for i in patterns)), None)


def _check_rules(config: Config) -> None:
    for use in config.policy.rules:
        unknown = sorted(set(use.environments) - set(config.environments))
        if unknown:
            raise Malformed(
                f"policy.yaml, rule {use.id}: the environment {unknown[0]!r} is not configured.",
                f"Choose among {', '.join(config.environments)}.",
            )


def _check_triggers(config: Config) -> None:
    for trigger in config.policy.triggers:
        if trigger.environment not in config.environments:
            raise Malformed(
                f"policy.yaml, trigger {trigger.id}: the environment {trigger.environment!r} is not configured.",
                f"Choose among {', '.join(config.environments)}.",
            )
