"""The configuration in force: roles by signed identity, environments, namespaces, policy, Sigstore trusted root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from muniment.core.canonical import format_json
from muniment.core.digest import Digest, digest_of
from muniment.core.document import check_schema
from muniment.core.errors import Malformed
from muniment.core.name import SEGMENT
from muniment.evidence.kinds import EVENTS, EVIDENCE
from muniment.log import policy as tlog
from muniment.log.note import parse_vkey
from muniment.policy.engine import Policy, parse_policy
from muniment.signing.identity import Identity
from muniment.signing.trustroot import canonical_root, is_sandbox_root

GITHUB = "https://token.actions.githubusercontent.com"
PINNED = (
    "sourceRepositoryIdentifier",
    "sourceRepositoryOwnerIdentifier",
    "runnerEnvironment",
    "buildTrigger",
    "sourceRepositoryRef",
)
KINDS = frozenset(EVIDENCE | EVENTS)
OF_ALL = frozenset({"configure", "rotate-key"})  # what concerns every namespace at once


@dataclass(frozen=True, slots=True)
class Pattern:
    """What an identity must be: issuer and subject to the letter, and every claim named."""

    issuer: str
    subject: str
    claims: tuple[tuple[str, str], ...] = ()

    def matches(self, identity: Identity) -> bool:
        """Whether the identity is the one described."""
        same = (self.issuer, self.subject) == (identity.issuer, identity.subject)
        return same and all(identity.claim(name) == value for name, value in self.claims)

    def includes(self, other: Pattern) -> bool:
        """Whether every identity that the other pattern matches is matched here too."""
        same = (self.issuer, self.subject) == (other.issuer, other.subject)
        return same and set(self.claims) <= set(other.claims)


@dataclass(frozen=True, slots=True)
class Binding:
    """A role given to an identity, in some namespaces or, where `namespaces` is empty, in all."""

    role: str
    identity: Pattern
    namespaces: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Config:
    """registry.yaml, policy.yaml and the Sigstore trusted root, as one configure entry carries them.

    `tlog_policy` has the log's keys and the witnesses readers are told of; `sequencer` is who publishes and anchors
    checkpoints, if anybody is named. `roles` maps a role to the record kinds it may sign; `persons` maps a person to
    identities. `root` is the digest of `trusted_root` (canonical JSON), `roots` those of all that were in force in the
    log, oldest first; `digest` is that of the whole configuration.
    """

    origin: str
    title: str
    sandbox: bool
    environments: tuple[str, ...]
    namespaces: Mapping[str, Mapping[str, Any]]
    roles: Mapping[str, frozenset[str]]
    persons: Mapping[str, tuple[Pattern, ...]]
    bindings: tuple[Binding, ...]
    log_keys: tuple[str, ...]
    tlog_policy: tlog.Policy
    sequencer: Pattern | None
    threshold: int
    policy: Policy
    trusted_root: bytes
    root: Digest
    roots: tuple[Digest, ...]
    digest: Digest
    source: Mapping[str, Any]

    def roles_of(self, identity: Identity, kind: str, namespace: str | None = None) -> tuple[str, ...]:
        """The roles by which an identity may sign a kind of record in a namespace (None: in any).

        What concerns all namespaces is not for a role held in some of them.
        """
        if identity.root not in self.roots:
            return ()
        anywhere = namespace is None and kind not in OF_ALL
        held = {
            b.role
            for b in self.bindings
            if b.identity.matches(identity) and (anywhere or not b.namespaces or namespace in b.namespaces)
        }
        return tuple(role for role, may in self.roles.items() if role in held and kind in may)

    def person_of(self, identity: Identity) -> str | None:
        """The person an identity belongs to, or None."""
        return next((p for p, patterns in self.persons.items() if any(i.matches(identity) for i in patterns)), None)


def parse_config(configuration: Mapping[str, Any]) -> Config:
    """The configuration that `{registry, policy, trustedRoot}` holds. Raises `Malformed`."""
    for part in ("registry", "policy", "trustedRoot"):
        if not isinstance(configuration.get(part), dict):
            raise Malformed(f"The configuration has no {part}.", "Give registry.yaml, policy.yaml and a trusted root.")
    registry = configuration["registry"]
    check_schema(registry, "registry", "registry.yaml")
    root = canonical_root(format_json(configuration["trustedRoot"]))
    config = Config(
        origin=registry["origin"],
        title=registry.get("title", registry["origin"]),
        sandbox=registry["sandbox"],
        environments=tuple(registry["environments"]),
        namespaces=registry["namespaces"],
        roles={role: _kinds(role, body["may"]) for role, body in registry["roles"].items()},
        persons={p: tuple(parse_pattern(i) for i in ids) for p, ids in registry.get("persons", {}).items()},
        bindings=tuple(_binding(b) for b in registry["bindings"]),
        log_keys=tuple(registry["logKeys"]),
        tlog_policy=_tlog_policy(registry),
        sequencer=parse_pattern(registry["sequencer"]) if "sequencer" in registry else None,
        threshold=registry.get("administrators", {}).get("threshold", 1),
        policy=parse_policy(configuration["policy"]),
        trusted_root=root,
        root=digest_of(root),
        roots=(digest_of(root),),
        digest=digest_of(format_json(dict(configuration))),
        source=configuration,
    )
    _check(config)
    return config


def _kinds(role: str, kinds: list[str]) -> frozenset[str]:
    unknown = sorted(set(kinds) - KINDS)
    if unknown:
        raise Malformed(
            f"The role {role} may sign {unknown[0]!r}, which is no kind of record.",
            f"Choose among {', '.join(sorted(KINDS))}.",
        )
    return frozenset(kinds)


def parse_pattern(value: Mapping[str, Any]) -> Pattern:
    """The identity that `{issuer, subject, claims}` describes."""
    claims = tuple(sorted((str(k), str(v)) for k, v in value.get("claims", {}).items()))
    return Pattern(value["issuer"], value["subject"], claims)


def _tlog_policy(registry: Mapping[str, Any]) -> tlog.Policy:
    lines = [*(f"log {key}" for key in registry["logKeys"]), *registry.get("witnessPolicy", ["quorum none"])]
    try:
        return tlog.parse_policy("".join(f"{line}\n" for line in lines).encode())
    except Malformed as error:
        raise Malformed(f"registry.yaml, logKeys and witnessPolicy: {error.fact}", error.remedy) from error


def _binding(value: Mapping[str, Any]) -> Binding:
    return Binding(value["role"], parse_pattern(value["identity"]), tuple(value.get("namespaces", ())))


def _check(config: Config) -> None:
    """What the schema cannot say: references hold, GitHub identities are pinned, the root is what it is declared."""
    for binding in config.bindings:
        _check_binding(config, binding)
    if config.sequencer is not None:
        check_pinned(config.sequencer, "sequencer")
    _check_keys(config)
    _check_administrators(config)
    _check_rules(config)
    for name in (*config.namespaces, *config.environments):
        if not SEGMENT.fullmatch(name):
            raise Malformed(f"{name!r} is not a name for a namespace or environment.", "Use a-z 0-9 . _ -.")
    if config.sandbox != is_sandbox_root(config.trusted_root):
        declared = "a sandbox" if config.sandbox else "real"
        raise Malformed(
            f"The configuration declares the registry {declared}, and its Sigstore trusted root says otherwise.",
            "Set sandbox to true for a sandbox's trusted root and to false for any other.",
        )


def _check_binding(config: Config, binding: Binding) -> None:
    if binding.role not in config.roles:
        raise Malformed(f"A binding names the role {binding.role!r}, which is not defined.", "Define it under roles.")
    for namespace in binding.namespaces:
        if namespace not in config.namespaces:
            raise Malformed(f"A binding names the namespace {namespace!r}, which is not defined.", "Define it.")
    check_pinned(binding.identity, binding.role)


def check_pinned(identity: Pattern, role: str) -> None:
    """Raises `Malformed` for an identity with a wildcard, and for a GitHub workflow that is not pinned by claims."""
    who, claims = identity.subject, dict(identity.claims)
    if any("*" in part for part in (who, identity.issuer, *claims.values())):
        raise Malformed(f"The identity {who!r} holds a wildcard.", "Write issuer, subject and claims out.")
    lacking = [claim for claim in PINNED if claim not in claims]
    if (identity.issuer == GITHUB or identity.issuer.startswith(f"{GITHUB}/")) and lacking:
        raise Malformed(
            f"The binding of {who!r} to {role} does not pin {', '.join(lacking)}.",
            "A GitHub subject is a workflow that other repositories can call: pin these claims too.",
        )


def _check_keys(config: Config) -> None:
    """Every log key is one, of this log: readers pin them all, and none can be changed later."""
    for key in config.log_keys:
        if parse_vkey(key).name != config.origin:
            raise Malformed(f"The log key {key} is not named {config.origin}.", "A log's keys bear its origin as name.")


def _check_administrators(config: Config) -> None:
    """Somebody can still configure, and where more than one is needed, enough persons can approve."""
    may, approve = _holders(config, {"configure"}), _holders(config, {"configure", "approve"})
    if not may:
        raise Malformed("Nobody may configure the registry.", "Bind a role that may, in all namespaces.")
    able, others = (len({_person(config, p) for p in found} - {None}) for found in (may, approve))
    if config.threshold > 1 and (able < config.threshold or others < config.threshold - 1):
        raise Malformed(
            f"The administrators' threshold is {config.threshold}, and {able} persons may configure; {others} of them "
            "may approve it.",
            "Bind more persons to a role that may configure and approve, or lower the threshold.",
        )


def _holders(config: Config, kinds: set[str]) -> list[Pattern]:
    return [b.identity for b in config.bindings if not b.namespaces and kinds <= config.roles[b.role]]


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
