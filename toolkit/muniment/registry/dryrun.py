"""What a gate would say, asked without a signature and without changing anything."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from muniment.core.errors import Refused
from muniment.core.name import VersionId
from muniment.policy.document import GATES, IN_ENVIRONMENTS, Policy
from muniment.policy.engine import evaluate, failures
from muniment.policy.facts import Facts
from muniment.policy.finding import Finding
from muniment.registry import facts
from muniment.registry.judges.common import config_of, version_of
from muniment.registry.state import State


@dataclass(frozen=True, slots=True)
class Effect:
    """What another policy changes for one version at one gate.

    `rules` are (rule, finding before, finding after) of those whose status differs; None where a policy has no such
    rule. `admits` says whether the version passes before and after.
    """

    version: VersionId
    gate: str
    environment: str | None
    rules: tuple[tuple[str, Finding | None, Finding | None], ...]
    admits: tuple[bool, bool]


def facts_at(state: State, version: VersionId, gate: str, environment: str | None, at: datetime) -> Facts:
    """What is known of a released version at a gate, as if its event were submitted unapproved at `at`.

    Raises `Refused` where no event could be.
    """
    known = version_of(state, version)
    if gate in IN_ENVIRONMENTS:
        if environment not in config_of(state).environments:
            raise Refused(f"The environment {environment!r} is not configured.", "Choose a configured one.")
        if known.retired:
            raise Refused(f"{version} is retired.", "Choose a version that is not.")
    evidence = facts.bound_evidence(state, known)
    place = environment if gate in IN_ENVIRONMENTS else None
    return facts.gather(state, gate, None, version, evidence, known.artifacts, at, place)


def try_gate(
    state: State,
    version: VersionId,
    gate: str,
    environment: str | None,
    at: datetime,
    policy: Policy | None = None,
) -> tuple[Finding, ...]:
    """What a policy, else the one in force, says of a released version at a gate. Raises `Refused`."""
    return evaluate(policy or config_of(state).policy, facts_at(state, version, gate, environment, at))


def effects(state: State, before: Policy, after: Policy, at: datetime) -> Iterator[Effect]:
    """What changes between two policies, for every version that is not retired, at every gate and environment."""
    for version in sorted(v.id for v in state.versions.values() if not v.retired):
        for gate in GATES:
            for environment in config_of(state).environments if gate in IN_ENVIRONMENTS else (None,):
                subject = facts_at(state, version, gate, environment, at)
                one, two = evaluate(before, subject), evaluate(after, subject)
                changed = tuple(_changed(one, two))
                if changed:
                    yield Effect(version, gate, environment, changed, (not failures(one), not failures(two)))


def _changed(
    before: tuple[Finding, ...], after: tuple[Finding, ...]
) -> Iterator[tuple[str, Finding | None, Finding | None]]:
    one, two = {f.rule: f for f in before}, {f.rule: f for f in after}
    for rule in dict.fromkeys([*one, *two]):
        old, new = one.get(rule), two.get(rule)
        if (old and old.status) != (new and new.status):
            yield rule, old, new
