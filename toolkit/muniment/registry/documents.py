"""The state as documents, one a subject: the leaves of the state tree, and what pages show.

Subjects: `config`, `version/<namespace>/<name>/<version>`, `stage/<namespace>/<name>/<environment>`,
`approval/<target statement>`, `artifact/<sha256>`.
"""

from __future__ import annotations

from typing import Any

from muniment.core.canonical import format_json
from muniment.core.instant import format_instant
from muniment.log.statetree import StateTree
from muniment.registry.event import ReleasedArtifact, stage_key, version_key
from muniment.registry.state import Approval, State, Tenure, VersionState


def documents(state: State) -> dict[str, bytes]:
    """Every subject's document in canonical JSON."""
    values: dict[str, Any] = {"config": _config(state)}
    values |= {version_key(v.id): version_document(v) for v in state.versions.values()}
    values |= {stage_key(name, env): stage_document(t) for (name, env), t in state.stages.items()}
    values |= {f"approval/{target.hex}": [_approval(a) for a in given] for target, given in state.approvals.items()}
    values |= {f"artifact/{digest.hex}": {"records": list(indexes)} for digest, indexes in state.about.items()}
    return {subject: format_json(value) for subject, value in values.items()}


def state_tree(state: State) -> StateTree:
    """The state tree after the state's entries."""
    return StateTree(documents(state))


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
    return value


def artifact_document(artifact: ReleasedArtifact) -> dict[str, str]:
    """An artifact as JSON."""
    return {"digest": str(artifact.digest), "kind": artifact.kind, "name": artifact.name}


def stage_document(tenures: tuple[Tenure, ...]) -> list[dict[str, Any]]:
    """The document of a name's place in an environment: who stood there, oldest first."""
    return [{"entry": t.index, "since": format_instant(t.since), "version": str(t.version)} for t in tenures]


def _config(state: State) -> dict[str, Any]:
    assert state.config is not None
    return {"configuration": str(state.config.digest), "entry": state.configured_at, "sandbox": state.config.sandbox}


def _approval(approval: Approval) -> dict[str, Any]:
    value: dict[str, Any] = {"at": format_instant(approval.at), "entry": approval.index, "role": approval.event.role}
    return value | ({"consumedBy": approval.consumed_by} if approval.consumed_by is not None else {})
