"""The state as documents, one a subject: the leaves of the state tree, and what pages show.

Subjects are chosen so that one listing is all there is on a matter, kinds to come included:

    config                                            the rules in force
    name/<namespace>/<name>/version/<version>         below name/<namespace>/<name>/ whatever is said of a name
    name/<namespace>/<name>/stage/<environment>
    name/<namespace>/<name>/deployment/<environment>/<instance>
    name/<namespace>/<name>/observed/<environment>/<version>
    name/<namespace>/<name>/waiver/<version>
    name/<namespace>/<name>/incident/<id>
    name/<namespace>/<name>/breach/<entry>            approvals that an emergency rollback owes or owed
    name/<namespace>/<name>/open                      its incidents and breaches that are open
    artifact/<sha256>                                 below it whatever is said of bytes
    artifact/<sha256>/redacted                        which of its records are redacted
    access-review                                     the last review of who may do what
    approval/<statement>                              below it whatever is said of the approvals of a statement
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from muniment.core.canonical import format_json
from muniment.core.digest import Digest
from muniment.core.instant import format_instant
from muniment.core.name import Name, VersionId
from muniment.log.statetree import StateTree
from muniment.policy.triggers import Alarm
from muniment.registry.access import DECISIONS
from muniment.registry.event import CONFIG_KEY, Archive, ReleasedArtifact, name_key, stage_key, version_key
from muniment.registry.runtime import deployment_key, observed_key
from muniment.registry.state import (
    AccessState,
    Approval,
    Breach,
    Deployment,
    IncidentState,
    Observed,
    Redaction,
    State,
    Tenure,
    Trouble,
    VersionState,
    Waiver,
)


@dataclass(frozen=True, slots=True)
class Section:
    """A table of the state whose values are documents: its field, the subject of a key, the document of a value."""

    field: str
    subject: Callable[[Any], str]
    document: Callable[[Any], Any]


def documents(state: State) -> dict[str, bytes]:
    """Every subject's document in canonical JSON."""
    return _documents(state, lambda field: getattr(state, field))


def state_tree(state: State) -> StateTree:
    """The state tree after the state's entries, made from that of its last settled state."""
    return state.tree.updated(_documents(state, lambda field: getattr(state, field).changed))


def settle(state: State) -> State:
    """The state with its tree in it; what changes from here on is all that the next tree costs."""
    tables = {section.field: getattr(state, section.field).settled() for section in SECTIONS}
    return replace(state, tree=state_tree(state), **tables)


def _documents(state: State, keys: Callable[[str], Iterable[Any]]) -> dict[str, bytes]:
    values = {CONFIG_KEY: _config(state)}
    for section in SECTIONS:
        table = getattr(state, section.field)
        values |= {section.subject(key): section.document(table[key]) for key in keys(section.field)}
    return {subject: format_json(value) for subject, value in values.items()}


def version_document(version: VersionState) -> dict[str, Any]:
    """A version's document."""
    value: dict[str, Any] = {
        "artifacts": [artifact_document(a) for a in version.artifacts],
        "events": list(version.events),
        "evidence": [str(d) for d in version.evidence],
        "releasedAt": format_instant(version.released_at),
        "version": str(version.id),
    }
    if version.retired is not None:
        value["retired"] = {"category": version.retired.category, "reason": version.retired.reason}
        if version.retired.replacement:
            value["retired"]["replacement"] = str(version.retired.replacement)
        if version.retired.archive:
            value["retired"]["archive"] = archive_document(version.retired.archive)
    return value


def archive_document(archive: Archive) -> dict[str, str]:
    """Where a retired version is kept, as JSON."""
    return {"location": archive.location} | ({"digest": str(archive.digest)} if archive.digest else {})


def waiver_key(version: VersionId) -> str:
    """The subject of the waivers for a version."""
    return f"{name_key(version.name)}/waiver/{version.version}"


def incident_key(name: Name, number: str) -> str:
    """The subject of an incident of a name."""
    return f"{name_key(name)}/incident/{number}"


def breach_key(name: Name, index: int) -> str:
    """The subject of a breach of a name."""
    return f"{name_key(name)}/breach/{index}"


def open_key(name: Name) -> str:
    """The subject of what is open about a name."""
    return f"{name_key(name)}/open"


def approval_key(target: Digest) -> str:
    """The subject of the approvals of a statement."""
    return f"approval/{target.hex}"


def artifact_key(digest: Digest) -> str:
    """The subject of what is known of an artifact."""
    return f"artifact/{digest.hex}"


def redacted_key(digest: Digest) -> str:
    """The subject of what was redacted of the records about an artifact."""
    return f"{artifact_key(digest)}/redacted"


def artifact_document(artifact: ReleasedArtifact) -> dict[str, str]:
    """An artifact as JSON."""
    return {"digest": str(artifact.digest), "kind": artifact.kind, "name": artifact.name}


def stage_document(tenures: tuple[Tenure, ...]) -> dict[str, Any]:
    """The document of a name's place in an environment: who stands there, and the document that this one replaced."""
    now = tenures[-1]
    value = {"entry": now.index, "since": format_instant(now.since), "version": str(now.version)}
    return value | ({"before": str(now.before)} if now.before else {})


def deployment_document(deployment: Deployment) -> dict[str, Any]:
    """The document of what runs at an instance."""
    return {
        "entry": deployment.index,
        "since": format_instant(deployment.since),
        "status": deployment.status,
        "version": str(deployment.version),
    }


def observed_document(observed: Observed) -> dict[str, Any]:
    """The document of what was observed of a version in an environment: the newest windows, and the triggers."""
    told = [{"reason": r.reason, "severity": r.severity, "trigger": r.trigger} for r in observed.fired]
    return {
        "fired": told,
        "unknown": [r.trigger for r in observed.readings if r.alarm is Alarm.UNKNOWN],
        "windows": [
            {"begins": format_instant(w.begins), "ends": format_instant(w.ends), "entry": w.index}
            for w in observed.windows
        ],
    }


def _config(state: State) -> dict[str, Any]:
    assert state.config is not None
    return {"configuration": str(state.config.digest), "entry": state.configured_at, "sandbox": state.config.sandbox}


def _approvals(given: tuple[Approval, ...]) -> list[dict[str, Any]]:
    return [_approval(approval) for approval in given]


def _approval(approval: Approval) -> dict[str, Any]:
    said = approval.event
    value: dict[str, Any] = {"at": format_instant(approval.at), "entry": approval.index, "role": said.role}
    value |= {"decision": said.decision} | ({"expires": format_instant(said.expires)} if said.expires else {})
    return value | _by("consumedBy", approval.consumed_by) | _by("revokedBy", approval.revoked_by)


def _waivers(granted: tuple[Waiver, ...]) -> list[dict[str, Any]]:
    return [_waiver(waiver) for waiver in granted]


def _waiver(waiver: Waiver) -> dict[str, Any]:
    said = waiver.event
    return {
        "entry": waiver.index,
        "expires": format_instant(said.expires),
        "notBefore": format_instant(said.not_before),
        "role": said.role,
        "rule": said.rule,
        "subjects": sorted(str(d) for d in waiver.subjects),
    } | _by("revokedBy", waiver.revoked_by)


def _incident(incident: IncidentState) -> dict[str, Any]:
    value: dict[str, Any] = {
        "events": list(incident.events),
        "openedAt": format_instant(incident.opened_at),
        "resolved": incident.resolved,
        "rollbacks": list(incident.rollbacks),
        "severity": incident.severity,
    }
    value |= {"environment": incident.environment} if incident.environment else {}
    return value | ({"version": str(incident.version)} if incident.version else {})


def breach_document(breach: Breach) -> dict[str, Any]:
    """A breach's document."""
    value: dict[str, Any] = {
        "deadline": format_instant(breach.deadline),
        "entry": breach.index,
        "environment": breach.environment,
        "missing": [{"reason": m, "rule": r} for r, m in zip(breach.rules, breach.missing, strict=True)],
        "role": breach.role,
        "version": str(breach.version),
    }
    value |= {"settledAt": format_instant(breach.settled_at)} if breach.settled_at else {}
    return value | _by("settledBy", breach.settled_by)


def _open(trouble: Trouble) -> dict[str, Any]:
    breaches = {"breaches": list(trouble.breaches)} if trouble.breaches else {}
    return {"incidents": list(trouble.incidents)} | breaches


def _access(reviewed: AccessState) -> dict[str, Any]:
    said = reviewed.event
    decided = [g.decision for g in said.granted]
    return {
        "configuration": str(said.configuration),
        "decisions": {decision: decided.count(decision) for decision in DECISIONS},
        "entry": reviewed.index,
        "nextReviewBy": format_instant(said.next_review_by),
    }


def _by(name: str, index: int | None) -> dict[str, int]:
    return {} if index is None else {name: index}


def _artifact(records: tuple[int, ...]) -> dict[str, Any]:
    return {"records": list(records)}


def _redacted(gone: tuple[Redaction, ...]) -> dict[str, Any]:
    return {"records": [{"by": one.by, "entry": one.entry} for one in gone]}


SECTIONS = (
    Section("versions", version_key, version_document),
    Section("stages", lambda place: stage_key(*place), stage_document),
    Section("deployments", lambda place: deployment_key(*place), deployment_document),
    Section("observed", lambda place: observed_key(*place), observed_document),
    Section("approvals", approval_key, _approvals),
    Section("waivers", waiver_key, _waivers),
    Section("incidents", lambda named: incident_key(*named), _incident),
    Section("breaches", lambda named: breach_key(*named), breach_document),
    Section("open", open_key, _open),
    Section("access", str, _access),
    Section("about", artifact_key, _artifact),
    Section("redacted", redacted_key, _redacted),
)
