"""Words with an end: approvals, waivers, bindings, rules to come; and what waits for somebody's word."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from muniment.core.instant import format_instant
from muniment.core.name import Name, VersionId
from muniment.evidence.kinds import kind_of
from muniment.insight.due.common import Due, Glance
from muniment.policy.document import RuleUse
from muniment.policy.reading import some
from muniment.registry.change import failures_at, passed
from muniment.registry.draft import PATIENCE
from muniment.registry.state import Approval, IncidentState, Waiver
from muniment.registry.words import name_of

INCIDENT = timedelta(days=7)
"""How long an incident may be open before somebody says where it lies and what is done about it."""


def approvals(glance: Glance) -> Iterator[Due]:
    """Approvals with an end that nothing used yet; after their end those whose target still waits."""
    waiting = {one.statement: one for one in glance.waiting or ()}
    for target, given in glance.state.approvals.items():
        for approval in given:
            held = approval.approves and approval.consumed_by is None and approval.revoked_by is None
            expires = approval.event.expires
            if held and expires is not None and (glance.at < expires or target in waiting):
                name = waiting[target].name if target in waiting else None
                yield _approval(glance, approval, str(target), name)


def _approval(glance: Glance, approval: Approval, target: str, name: Name | None) -> Due:
    assert approval.event.expires is not None
    who, role = name_of(glance.state, approval.index), approval.event.role
    fact = f"The approval by {who} as {role} ends, and nothing has used it."
    remedy = f"Publish what it approves before then, or approve it again: muniment approve {target} --role {role}."
    return Due("approval", approval.event.expires, target, fact, remedy, name, approval.index)


def waivers(glance: Glance) -> Iterator[Due]:
    """Waivers that end; after their end those whose rule fails again."""
    for version, granted in glance.state.waivers.items():
        known = glance.state.versions.get(version)
        if known is None or known.retired is None:
            for waiver in _longest(granted):
                if glance.at < waiver.event.expires or _fails(glance, version, waiver.event.rule):
                    yield _waiver(glance, version, waiver)


def _longest(granted: tuple[Waiver, ...]) -> list[Waiver]:
    """Of each rule's waivers that were not taken back the one that ends last."""
    found: dict[str, Waiver] = {}
    for waiver in sorted((w for w in granted if w.revoked_by is None), key=lambda w: (w.event.expires, w.index)):
        found[waiver.event.rule] = waiver
    return list(found.values())


def _fails(glance: Glance, version: VersionId, rule: str) -> bool:
    asked = passed(glance.state, version) if version in glance.state.versions else []
    return any(f.rule == rule for at in asked for f in failures_at(glance.state, version, *at, glance.at))


def _waiver(glance: Glance, version: VersionId, waiver: Waiver) -> Due:
    said = waiver.event
    fact = f"The waiver of {said.rule} by {name_of(glance.state, waiver.index)} ends: {said.reason}"
    remedy = f"Meet the rule, or have it waived again: muniment waive {said.rule} {version}."
    used = glance.used(version)
    return Due("waiver", said.expires, str(version), fact, remedy, version.name, waiver.index, used)


def bindings(glance: Glance) -> Iterator[Due]:
    """Bindings that expire."""
    for binding in glance.config.bindings:
        if binding.expires is not None and glance.at < binding.expires:
            where = ", ".join(binding.namespaces) or "all namespaces"
            fact = f"The role {binding.role} in {where} ends for this identity."
            remedy = "Renew the binding in registry.yaml (muniment configure), or let it end."
            yield Due(
                "binding", binding.expires, binding.identity.subject, fact, remedy, entry=glance.state.configured_at
            )


def coming_rules(glance: Glance) -> Iterator[Due]:
    """Rules of policy that only warn until a date, with the versions that would not pass from then on."""
    for use in glance.config.policy.rules:
        if use.effective_on is not None and glance.at < use.effective_on:
            failing = _failing(glance, use)
            then = f"{len(failing)} would not pass it again: {some(failing)}" if failing else "all would pass it again"
            fact = f"The rule {use.id} begins to fail at the gate {use.gate}; of the versions that passed it, {then}."
            remedy = "Mend them before then, or have the date moved: muniment check VERSION --effective-time DATE."
            yield Due("rule", use.effective_on, use.id, fact, remedy, entry=glance.state.configured_at)


def _failing(glance: Glance, use: RuleUse) -> list[str]:
    assert use.effective_on is not None
    return [
        str(version)
        for version in glance.versions()
        if any(
            f.rule == use.id
            for gate, environment, index in passed(glance.state, version)
            if gate == use.gate
            for f in failures_at(glance.state, version, gate, environment, index, use.effective_on)
        )
    ]


def incidents(glance: Glance) -> Iterator[Due]:
    """Open incidents that nobody located, or whose version stands where it did."""
    for incident in glance.state.incidents.values():
        lacking = "" if incident.resolved else _lacking(glance, incident)
        if lacking:
            begun = format_instant(incident.opened_at)
            fact = f"The incident {incident.id} ({incident.severity}), open since {begun}, {lacking}."
            remedy = f"Say where it lies and what was done: muniment incident, muniment rollback {incident.name}."
            at, entry = incident.opened_at + INCIDENT, incident.events[-1]
            yield Due("incident", at, str(incident.name), fact, remedy, incident.name, entry)


def _lacking(glance: Glance, incident: IncidentState) -> str:
    if incident.version is None:
        return "is located to no version"
    standing = glance.state.environments_of(incident.version)
    if standing and not incident.rollbacks:
        return f"lies in {incident.version}, which still stands in {', '.join(standing)}"
    return ""


def breaches(glance: Glance) -> Iterator[Due]:
    """Approvals that emergency rollbacks owe."""
    for (name, index), breach in glance.state.breaches.items():
        record = glance.state.entries[index].record
        if breach.settled_by is None and record is not None:
            missing = " ".join(breach.missing)
            fact = f"The emergency rollback to {breach.version} in {breach.environment} owes approvals: {missing}"
            remedy = f"Look at it and approve it: muniment approve {record.statement_digest} --role ROLE."
            yield Due("breach", breach.deadline, str(record.statement_digest), fact, remedy, name, index)


def undecided(glance: Glance) -> Iterator[Due]:
    """What waits in the inbox, and when publish stops to wait for it."""
    for one in glance.waiting or ():
        kind = kind_of(one.kind) or one.kind
        fact = f"A {kind} by {one.subject} waits in the inbox, and is thrown out then: {one.reason}"
        remedy = "Give what it waits for (muniment approve), and publish."
        yield Due("inbox", one.since + PATIENCE, str(one.statement), fact, remedy, one.name)


def access_reviews(glance: Glance) -> Iterator[Due]:
    """The next review of who may do what, once there was one."""
    for reviewed in glance.state.access.values():
        fact = f"The next review of who may do what is due; entry {reviewed.index} was the last."
        remedy = "Draft one: muniment access-review --draft FILE."
        yield Due("access-review", reviewed.event.next_review_by, "access", fact, remedy, entry=reviewed.index)
