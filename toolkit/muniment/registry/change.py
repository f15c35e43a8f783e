"""What a new configuration would change: who may do more or less, and which versions would no longer pass a gate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from muniment.core.name import VersionId
from muniment.policy.engine import evaluate, failures
from muniment.policy.finding import Finding
from muniment.registry import facts
from muniment.registry.config import ALL, Config
from muniment.registry.config_check import FOR_ALL
from muniment.registry.judges.common import config_of
from muniment.registry.pattern import Pattern
from muniment.registry.state import State

# From when until when, None where it has no beginning or end.
Period = tuple[datetime | None, datetime | None]


@dataclass(frozen=True, slots=True, order=True)
class Right:
    """That an identity may sign a kind of record in a namespace; `all` for what concerns the whole registry."""

    identity: Pattern
    kind: str
    namespace: str


@dataclass(frozen=True, slots=True)
class Failing:
    """A version that passes a gate and would not; `findings` are the new failures, `environment` None at release."""

    version: VersionId
    gate: str
    environment: str | None
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """The difference between two configurations; `moved` are rights that are held at other times than before.

    `fields` are those of registry.yaml that differ and are no roles or bindings, `policy` whether policy.yaml differs.
    """

    gained: tuple[Right, ...]
    lost: tuple[Right, ...]
    moved: tuple[Right, ...]
    failing: tuple[Failing, ...]
    fields: tuple[str, ...]
    policy: bool


def compare(state: State, new: Config, at: datetime) -> Change:
    """What the new configuration changes of the one in force, at a time."""
    before, after = rights(config_of(state), at), rights(new, at)
    return Change(
        tuple(sorted(after.keys() - before.keys(), key=_order)),
        tuple(sorted(before.keys() - after.keys(), key=_order)),
        tuple(sorted((r for r in before.keys() & after.keys() if before[r] != after[r]), key=_order)),
        tuple(_failing(state, new, at)),
        tuple(_fields(config_of(state).source["registry"], new.source["registry"])),
        config_of(state).source["policy"] != new.source["policy"],
    )


def _fields(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    names = (before.keys() | after.keys()) - {"roles", "bindings"}
    return sorted(name for name in names if before.get(name) != after.get(name))


def rights(config: Config, at: datetime) -> dict[Right, tuple[Period, ...]]:
    """Every right that is held at `at` or later, with the times it is held."""
    held: dict[Right, tuple[Period, ...]] = {}
    for binding in config.bindings:
        if binding.expires is not None and binding.expires <= at:
            continue
        for kind in config.roles[binding.role]:
            for namespace in _places(config, kind, binding.namespaces):
                right = Right(binding.identity, kind, namespace)
                held[right] = (*held.get(right, ()), (binding.not_before, binding.expires))
    return held


def _places(config: Config, kind: str, namespaces: tuple[str, ...]) -> tuple[str, ...]:
    if kind in FOR_ALL:
        return () if namespaces else (ALL,)
    return namespaces or tuple(config.namespaces)


def _order(right: Right) -> tuple[str, ...]:
    return (right.identity.subject, right.identity.issuer, str(right.identity.claims), right.namespace, right.kind)


def _failing(state: State, new: Config, at: datetime) -> Iterator[Failing]:
    """Judged with the approvals that the versions' own entries had."""
    changed = replace(state, config=replace(new, roots=config_of(state).roots))
    for version in (state.versions[v] for v in sorted(state.versions)):
        if version.retired is not None:
            continue
        for gate, environment, index in passed(state, version.id):
            known = {f.rule for f in failures_at(state, version.id, gate, environment, index, at)}
            found = failures_at(changed, version.id, gate, environment, index, at)
            fresh = tuple(f for f in found if f.rule not in known)
            if fresh:
                yield Failing(version.id, gate, environment, fresh)


def passed(state: State, version: VersionId) -> list[tuple[str, str | None, int]]:
    """The gates that let a version to where it is: gate, environment (None at release), entry of the event."""
    entered = [(e, state.stages[version.name, e][-1].index) for e in state.environments_of(version)]
    return [("release", None, state.versions[version].events[0]), *(("promote", e, index) for e, index in entered)]


def failures_at(
    state: State, version: VersionId, gate: str, environment: str | None, index: int, at: datetime
) -> tuple[Finding, ...]:
    """What would fail a version at a gate at a time, with the approvals that the entry `index` had."""
    subject = facts.gather_version(state, gate, state.entries[index].record, state.versions[version], at, environment)
    return failures(evaluate(config_of(state).policy, subject))
