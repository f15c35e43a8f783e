"""Recovery points: the versions that may return to an environment, and why each may or may not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from muniment.core.errors import Missing, Refused
from muniment.core.name import Name, VersionId
from muniment.evidence.statement import Statement
from muniment.policy.engine import failures, lacking_approvals
from muniment.policy.finding import Finding
from muniment.registry import propose
from muniment.registry.dryrun import try_gate
from muniment.registry.judges.common import config_of
from muniment.registry.judges.movement import barred, located
from muniment.registry.state import State


@dataclass(frozen=True, slots=True)
class Candidate:
    """A version that stood in an environment until `left`, and what speaks for and against its return.

    `against` are facts that no approval mends, and `lacking` the approvals that policy asks for besides. `findings`
    are those of the gate rollback, empty where the version is barred whatever policy says.
    """

    version: VersionId
    left: datetime
    against: tuple[str, ...]
    lacking: tuple[str, ...]
    findings: tuple[Finding, ...]

    @property
    def permitted(self) -> bool:
        """Whether it may return, with the approvals that are asked for."""
        return not self.against


def candidates(state: State, name: Name, environment: str, at: datetime) -> tuple[Candidate, ...]:
    """Every version that stood in an environment before the present one, the one that left last in front.

    They are judged by the policy in force as if they were to return at `at`, unapproved. Raises `Missing` where no
    version of the name stands there.
    """
    tenures = state.stages.get((name, environment), ())
    if not tenures:
        raise Missing(f"No version of {name} stands in {environment}.", "There is nothing to roll back.")
    left: dict[VersionId, datetime] = {}
    for tenure, following in pairwise(tenures):
        left.pop(tenure.version, None)
        left[tenure.version] = following.since
    left.pop(tenures[-1].version, None)
    return tuple(_candidate(state, v, environment, left[v], at) for v in reversed(left))


def choose(found: Sequence[Candidate], name: Name, environment: str, wanted: VersionId | None = None) -> Candidate:
    """The first candidate that is permitted, or the one that is wanted.

    Raises `Missing` where there is none, and `Refused` where the wanted one is not permitted.
    """
    if wanted is None:
        first = next((c for c in found if c.permitted), None)
        if first is None:
            why = "".join(f" {c.version}: {c.against[0]}" for c in found)
            raise Missing(
                f"No earlier version of {name} can return to {environment}.{why}", "Promote another version instead."
            )
        return first
    chosen = next((c for c in found if c.version == wanted), None)
    if chosen is None:
        raise Refused(
            f"{wanted} is no recovery point: it is not among those that stood in {environment} before.", _REMEDY
        )
    if not chosen.permitted:
        raise Refused(
            f"{wanted} is no permitted recovery point: {' '.join(chosen.against)}", _REMEDY, failures(chosen.findings)
        )
    return chosen


def rollback(
    state: State,
    name: Name,
    environment: str,
    to: VersionId | None,
    incident: str,
    reason: str,
    at: datetime,
    emergency_role: str | None = None,
) -> Statement:
    """The return of an earlier version to an environment: `to`, or the permitted one that left last.

    Raises `Missing` where there is none, and `Refused` where `to` is not permitted.
    """
    chosen = choose(candidates(state, name, environment, at), name, environment, to)
    return propose.rollback(state, chosen.version, environment, incident, reason, at, emergency_role)


_REMEDY = "See which are: muniment rollback NAME --env ENVIRONMENT --check."


def _candidate(state: State, version: VersionId, environment: str, left: datetime, at: datetime) -> Candidate:
    bar = barred(state, state.versions[version], environment)
    if bar:
        return Candidate(version, left, (bar,), (), ())
    findings = try_gate(state, version, "rollback", environment, at)
    lacking = lacking_approvals(config_of(state).policy, findings)
    found = located(state, state.versions[version], findings)
    against = [*filter(None, [found]), *(f"{f.rule}: {f.reason}" for f in failures(findings) if f not in lacking)]
    return Candidate(version, left, tuple(against), tuple(f"{f.rule}: {f.reason}" for f in lacking), findings)
