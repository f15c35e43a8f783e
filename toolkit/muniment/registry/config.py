"""The configuration in force: who may do what, where and until when; environments, policy, Sigstore trusted root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from muniment.core.canonical import format_json
from muniment.core.digest import Digest, digest_of
from muniment.core.document import Misplaced, check_schema, placed
from muniment.core.errors import Malformed
from muniment.core.instant import parse_instant
from muniment.evidence.kinds import EVENTS, EVIDENCE, THIRD_PARTY
from muniment.log import policy as tlog
from muniment.policy.engine import Policy, parse_policy
from muniment.registry.config_check import EMERGENCY, FOR_ALL, check_config
from muniment.registry.pattern import Pattern, parse_pattern
from muniment.registry.sources import Believed, parse_sources
from muniment.signing.identity import Identity
from muniment.signing.trustroot import canonical_root

KINDS = frozenset({*EVIDENCE, *EVENTS, THIRD_PARTY})
RIGHTS = KINDS | {EMERGENCY}
"""What a role may be given: kinds of record, and to declare an emergency in a rollback."""
ALL = "all"


@dataclass(frozen=True, slots=True)
class Binding:
    """A role given to an identity, in some namespaces or, where `namespaces` is empty, in all, for a time.

    It holds for what is signed from `not_before` on and admitted before `expires`; what was admitted stays.
    """

    role: str
    identity: Pattern
    namespaces: tuple[str, ...]
    not_before: datetime | None = None
    expires: datetime | None = None

    def lasts(self, signed_at: datetime, admitted_at: datetime) -> bool:
        """Whether it holds for a record signed and admitted at these times."""
        begun = self.not_before is None or self.not_before <= signed_at
        return begun and (self.expires is None or admitted_at < self.expires)


@dataclass(frozen=True, slots=True)
class Environment:
    """Where versions stand; one may enter only if it stands or stood in each of `requires`."""

    name: str
    title: str
    requires: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Issuer:
    """An issuer of identities. `mfa` is what the registry's makers declare of it: no certificate proves it."""

    issuer: str
    mfa: str
    note: str


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may last: waivers at most, and a log key before it is due for rotation (None: for good).

    An emergency rollback may owe its approvals for `emergency_hours`.
    """

    waiver_days: int = 90
    log_key_days: int | None = None
    emergency_hours: int = 72


@dataclass(frozen=True, slots=True)
class Config:
    """registry.yaml, policy.yaml and the Sigstore trusted root, as one configure entry carries them.

    `environments` are names, in order; `stages` what is said of each. `tlog_policy` has the log's keys and the
    witnesses readers are told of; `sequencer` is who publishes and anchors checkpoints, if anybody is named; `sources`
    are the third parties that are believed. `roles` maps a role to the record kinds it may sign; `persons` maps a
    person to identities. `root` is the digest of `trusted_root` (canonical JSON), `roots` those of all that were in
    force in the log, oldest first; `digest` is that of the whole configuration.
    """

    origin: str
    title: str
    sandbox: bool
    environments: tuple[str, ...]
    stages: Mapping[str, Environment]
    namespaces: Mapping[str, Mapping[str, Any]]
    roles: Mapping[str, frozenset[str]]
    persons: Mapping[str, tuple[Pattern, ...]]
    bindings: tuple[Binding, ...]
    issuers: tuple[Issuer, ...]
    limits: Limits
    log_keys: tuple[str, ...]
    tlog_policy: tlog.Policy
    sequencer: Pattern | None
    sources: tuple[Believed, ...]
    threshold: int
    policy: Policy
    trusted_root: bytes
    root: Digest
    roots: tuple[Digest, ...]
    digest: Digest
    source: Mapping[str, Any]

    def roles_of(
        self, identity: Identity, kind: str, namespace: str | None, signed_at: datetime, admitted_at: datetime
    ) -> tuple[str, ...]:
        """The roles by which an identity may sign a kind of record in a namespace (None: in any) at a time.

        For a third party's identity they are the sources that vouch for it. What concerns the whole registry needs a
        role held in all namespaces.
        """
        vouching = tuple(s.name for s in self.sources if s.vouches(identity, kind, namespace))
        if identity.root not in self.roots:
            return vouching
        anywhere = namespace is None and kind not in FOR_ALL
        held = {
            b.role
            for b in self.bindings
            if (anywhere or not b.namespaces or namespace in b.namespaces)
            and b.lasts(signed_at, admitted_at)
            and b.identity.matches(identity)
        }
        return (*vouching, *(role for role, may in self.roles.items() if role in held and kind in may))

    def person_of(self, identity: Identity) -> str | None:
        """The person an identity belongs to, or None."""
        return next((p for p, patterns in self.persons.items() if any(i.matches(identity) for i in patterns)), None)


def parse_config(configuration: Mapping[str, Any]) -> Config:
    """The configuration that `{registry, policy, trustedRoot}` holds.

    Raises `Malformed`, and `Misplaced` for what is wrong at a place of registry.yaml.
    """
    for part in ("registry", "policy", "trustedRoot"):
        if not isinstance(configuration.get(part), dict):
            raise Malformed(f"The configuration has no {part}.", "Give registry.yaml, policy.yaml and a trusted root.")
    registry = configuration["registry"]
    check_schema(registry, "registry", "registry.yaml")
    root = canonical_root(format_json(configuration["trustedRoot"]))
    stages = tuple(_environment(e) for e in registry["environments"])
    config = Config(
        origin=registry["origin"],
        title=registry.get("title", registry["origin"]),
        sandbox=registry["sandbox"],
        environments=tuple(stage.name for stage in stages),
        stages={stage.name: stage for stage in stages},
        namespaces=registry["namespaces"],
        roles={role: _kinds(role, body["may"]) for role, body in registry["roles"].items()},
        persons={p: _identities(p, ids) for p, ids in registry.get("persons", {}).items()},
        bindings=tuple(_binding(number, b) for number, b in enumerate(registry["bindings"])),
        issuers=tuple(Issuer(i["issuer"], i["mfa"], i.get("note", "")) for i in registry.get("issuers", ())),
        limits=_limits(registry.get("limits", {})),
        log_keys=tuple(registry["logKeys"]),
        tlog_policy=_tlog_policy(registry),
        sequencer=_sequencer(registry),
        sources=parse_sources(registry.get("sources", {})),
        threshold=registry.get("administrators", {}).get("threshold", 1),
        policy=parse_policy(configuration["policy"]),
        trusted_root=root,
        root=digest_of(root),
        roots=(digest_of(root),),
        digest=digest_of(format_json(dict(configuration))),
        source=configuration,
    )
    check_config(config)
    return config


def _environment(value: str | Mapping[str, Any]) -> Environment:
    if isinstance(value, str):
        return Environment(value, value, ())
    return Environment(value["name"], value.get("title", value["name"]), tuple(value.get("requires", ())))


def _limits(value: Mapping[str, int]) -> Limits:
    names = {"waiverDays": "waiver_days", "logKeyDays": "log_key_days", "emergencyHours": "emergency_hours"}
    return Limits(**{names[key]: length for key, length in value.items()})


def _kinds(role: str, kinds: list[str]) -> frozenset[str]:
    for number, kind in enumerate(kinds):
        if kind not in RIGHTS:
            raise Misplaced(
                ("roles", role, "may", number),
                f"The role {role} may sign {kind!r}, which is no kind of record.",
                f"Choose among {', '.join(sorted(RIGHTS))}.",
            )
    return frozenset(kinds)


def _identities(person: str, values: list[Mapping[str, Any]]) -> tuple[Pattern, ...]:
    return tuple(_pattern(("persons", person, number), value) for number, value in enumerate(values))


def _pattern(path: tuple[str | int, ...], value: Mapping[str, Any]) -> Pattern:
    with placed(*path):
        return parse_pattern(value)


def _sequencer(registry: Mapping[str, Any]) -> Pattern | None:
    return _pattern(("sequencer",), registry["sequencer"]) if "sequencer" in registry else None


def _tlog_policy(registry: Mapping[str, Any]) -> tlog.Policy:
    lines = [*(f"log {key}" for key in registry["logKeys"]), *registry.get("witnessPolicy", ["quorum none"])]
    try:
        return tlog.parse_policy("".join(f"{line}\n" for line in lines).encode())
    except Malformed as error:
        raise Malformed(f"registry.yaml, logKeys and witnessPolicy: {error.fact}", error.remedy) from error


def _binding(number: int, value: Mapping[str, Any]) -> Binding:
    namespaces = () if value["namespaces"] == ALL else tuple(value["namespaces"])
    path = ("bindings", number)
    begins, ends = (_moment((*path, key), value.get(key)) for key in ("notBefore", "expires"))
    if begins is not None and ends is not None and ends <= begins:
        raise Misplaced((*path, "expires"), "A binding ends before it begins.", "Let expires be after notBefore.")
    return Binding(value["role"], _pattern((*path, "identity"), value["identity"]), namespaces, begins, ends)


def _moment(path: tuple[str | int, ...], value: str | None) -> datetime | None:
    with placed(*path):
        return parse_instant(value, str(path[-1])) if value is not None else None
