"""Evidence that ends: reviews by their own dates, records by the policy's, reviews by what became of their data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from muniment.core.errors import Malformed, MunimentError
from muniment.core.instant import parse_instant
from muniment.core.name import VersionId
from muniment.insight.due.common import Due, Glance
from muniment.insight.rests import shaken
from muniment.policy.document import RuleUse
from muniment.policy.engine import DOUBTS, Policy, evaluate
from muniment.policy.facts import EvidenceFact, Facts
from muniment.policy.finding import Status
from muniment.policy.gates import IN_ENVIRONMENTS
from muniment.policy.rules import RULES
from muniment.registry.dryrun import facts_at

ENDS = ("validUntil", "nextReviewBy")
"""The fields in which a record says until when it holds."""


def reviews(glance: Glance) -> Iterator[Due]:
    """Of each kind of record that says until when it holds, the newest about each version."""
    for version in glance.versions():
        facts = facts_at(glance.state, version, "release", None, glance.at)
        for kind in dict.fromkeys(e.kind for e in facts.evidence):
            newest = facts.of_kind(kind)[-1]
            end = _end(newest)
            if end is not None:
                what = f"Its {kind} by {newest.signer.person or newest.signer.subject} holds until then."
                yield _record(glance, version, "review", end, what, "Have it reviewed again.", newest)


def too_old(glance: Glance) -> Iterator[Due]:
    """What a rule of policy will find too old, at the gates that a version can still meet."""
    for use in glance.config.policy.rules:
        if use.gate in IN_ENVIRONMENTS and use.rule:
            for version in glance.versions():
                yield from _ageing(glance, use, version)


def flagged(glance: Glance) -> Iterator[Due]:
    """Reviews of what rests on data that changed since."""
    for found in shaken(glance.state):
        yield Due(
            "data-changed",
            found.since,
            str(found.version),
            f"Its {found.kind} rests on {found.data}, which {found.what} at entry {found.change}.",
            f"Review it again in the light of entry {found.change}, or train it anew.",
            found.version.name,
            found.review,
            glance.used(found.version),
        )


def _end(fact: EvidenceFact) -> datetime | None:
    """When a record ends by its own words; a time in another form is none."""
    for field in ENDS:
        try:
            return parse_instant(fact.predicate[field])
        except (KeyError, Malformed):
            continue
    return None


def _ageing(glance: Glance, use: RuleUse, version: VersionId) -> Iterator[Due]:
    """One item a record and day, for all the environments in which the rule asks the same."""
    stands, seen = glance.state.environments_of(version), dict[tuple[str, datetime], list[str]]()
    kept: dict[tuple[str, datetime], EvidenceFact] = {}
    for environment in glance.config.environments:
        facts = facts_at(glance.state, version, use.gate, environment, glance.at)
        for what, record, end in _ends(use, facts):
            seen.setdefault((what, end), []).append(environment)
            kept[what, end] = record
    for (what, end), where in seen.items():
        fact = f"The rule {use.id} will find {what} too old for {', '.join(where)}."
        used = not set(stands).isdisjoint(where)
        yield _record(glance, version, "evidence-age", end, fact, "Make the record anew.", kept[what, end], used)


def _ends(use: RuleUse, facts: Facts) -> list[tuple[str, EvidenceFact, datetime]]:
    if evaluate(Policy((use,)), facts)[0].status is Status.NOT_APPLICABLE:
        return []
    try:
        return list(RULES[use.rule].ends(facts, use.params))
    except (MunimentError, *DOUBTS):  # the rule fails for it already, whatever its age
        return []


def _record(
    glance: Glance,
    version: VersionId,
    kind: str,
    at: datetime,
    fact: str,
    remedy: str,
    record: EvidenceFact,
    used: bool | None = None,
) -> Due:
    entry = glance.state.statements[record.statement][0]
    rests = glance.used(version) if used is None else used
    return Due(kind, at, str(version), fact, remedy, version.name, entry, rests)
