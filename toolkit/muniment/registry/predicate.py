"""Events as in-toto statements and back: `parse_event(format_event(e))` is `e`, and nothing else is accepted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from muniment.core.canonical import format_json
from muniment.core.digest import Digest, digest_of, parse_digest
from muniment.core.document import check_schema
from muniment.core.errors import Malformed
from muniment.core.instant import format_instant, parse_instant
from muniment.core.name import VersionId, parse_version_id
from muniment.evidence.kinds import EVENTS, kind_of
from muniment.evidence.statement import Statement, Subject
from muniment.registry.event import (
    Approve,
    Configure,
    Event,
    LogRef,
    Promote,
    Release,
    ReleasedArtifact,
    Retire,
    Rollback,
)

TIMES = {
    "configure": "configuredAt",
    "release": "releasedAt",
    "approve": "approvedAt",
    "promote": "promotedAt",
    "rollback": "rolledBackAt",
    "retire": "retiredAt",
}
ARTIFACT_KINDS = ("model", "dataset", "config", "pipeline")


def event_kind(event: Event) -> str:
    """The short name of an event's kind."""
    return type(event).__name__.lower()


def format_event(event: Event, subjects: tuple[Subject, ...] = ()) -> Statement:
    """The statement that says an event.

    `subjects` are the version's artifacts for events on versions; configure, release and approve bring their own.
    """
    kind = event_kind(event)
    predicate: dict[str, Any] = {"log": _format_log(event.log), TIMES[kind]: format_instant(event.at)}
    if event.after is not None:
        predicate["after"] = event.after
    predicate |= _BODIES[kind](event)
    return Statement(_own_subjects(event) or subjects, EVENTS[kind], predicate)


def parse_event(statement: Statement) -> Event:
    """The event that a statement says. Raises `Malformed`, also where subjects and predicate disagree."""
    kind = kind_of(statement.predicate_type)
    if kind not in EVENTS:
        raise Malformed(f"{statement.predicate_type} is no event.", "Submit events of the kinds muniment writes.")
    predicate = statement.predicate
    check_schema(predicate, f"{kind}-v1", f"The {kind} event")
    common = {
        "log": _parse_log(predicate["log"]),
        "after": predicate.get("after"),
        "at": parse_instant(predicate[TIMES[kind]], TIMES[kind]),
    }
    event = _PARSERS[kind](predicate, common)
    own = _own_subjects(event)
    if own and own != statement.subjects:
        raise Malformed(f"The {kind} event's subjects are not what its predicate speaks of.", "Write it with muniment.")
    return event


def subjects_of(artifacts: tuple[ReleasedArtifact, ...]) -> tuple[Subject, ...]:
    """A version's artifacts as subjects."""
    return tuple(Subject(a.name, a.digest) for a in artifacts)


def configuration_subjects(configuration: Mapping[str, Any]) -> tuple[Subject, ...]:
    """The parts of a configuration as subjects: names and the digests of their canonical JSON."""
    names = (("registry.json", "registry"), ("policy.json", "policy"), ("trusted_root.json", "trustedRoot"))
    return tuple(Subject(name, digest_of(format_json(configuration[part]))) for name, part in names)


def _own_subjects(event: Event) -> tuple[Subject, ...]:
    match event:
        case Configure(configuration=configuration):
            return configuration_subjects(configuration)
        case Release(artifacts=artifacts):
            return subjects_of(artifacts)
        case Approve(target=target):
            return (Subject("statement", target),)
    return ()


def _format_log(log: LogRef) -> dict[str, Any]:
    return {"origin": log.origin} | ({"genesis": str(log.genesis)} if log.genesis else {})


def _parse_log(value: Mapping[str, Any]) -> LogRef:
    genesis = value.get("genesis")
    return LogRef(value["origin"], parse_digest(genesis) if genesis is not None else None)


def _release_body(event: Any) -> dict[str, Any]:
    artifacts = [{"name": a.name, "kind": a.kind, "digest": str(a.digest)} for a in event.artifacts]
    return {"version": str(event.version), "artifacts": artifacts, "evidence": [str(d) for d in event.evidence]}


def _retire_body(event: Any) -> dict[str, Any]:
    body = {"version": str(event.version), "category": event.category, "reason": event.reason}
    return body | ({"replacement": str(event.replacement)} if event.replacement else {})


_BODIES: dict[str, Callable[[Any], dict[str, Any]]] = {
    "configure": lambda e: {"semantics": e.semantics, "configuration": e.configuration},
    "release": _release_body,
    "approve": lambda e: {"target": str(e.target), "role": e.role, "decision": e.decision, "reason": e.reason},
    "promote": lambda e: {"version": str(e.version), "environment": e.environment, "reason": e.reason},
    "rollback": lambda e: {
        "version": str(e.version),
        "environment": e.environment,
        "replaces": str(e.replaces),
        "incident": e.incident,
        "reason": e.reason,
    },
    "retire": _retire_body,
}


def _parse_release(p: Mapping[str, Any], common: dict[str, Any]) -> Release:
    artifacts = tuple(ReleasedArtifact(a["name"], a["kind"], parse_digest(a["digest"])) for a in p["artifacts"])
    if len({a.name for a in artifacts}) != len(artifacts):
        raise Malformed("A release names two artifacts alike.", "Give each artifact a name of its own.")
    evidence: tuple[Digest, ...] = tuple(parse_digest(d) for d in p["evidence"])
    return Release(version=parse_version_id(p["version"]), artifacts=artifacts, evidence=evidence, **common)


def _parse_retire(p: Mapping[str, Any], common: dict[str, Any]) -> Retire:
    replacement: VersionId | None = parse_version_id(p["replacement"]) if "replacement" in p else None
    return Retire(
        version=parse_version_id(p["version"]),
        category=p["category"],
        reason=p["reason"],
        replacement=replacement,
        **common,
    )


def _parse_rollback(p: Mapping[str, Any], common: dict[str, Any]) -> Rollback:
    return Rollback(
        version=parse_version_id(p["version"]),
        environment=p["environment"],
        replaces=parse_version_id(p["replaces"]),
        incident=p["incident"],
        reason=p["reason"],
        **common,
    )


_PARSERS: dict[str, Callable[[Mapping[str, Any], dict[str, Any]], Event]] = {
    "configure": lambda p, c: Configure(semantics=p["semantics"], configuration=p["configuration"], **c),
    "release": _parse_release,
    "approve": lambda p, c: Approve(
        target=parse_digest(p["target"]), role=p["role"], decision=p["decision"], reason=p["reason"], **c
    ),
    "promote": lambda p, c: Promote(
        version=parse_version_id(p["version"]), environment=p["environment"], reason=p["reason"], **c
    ),
    "rollback": _parse_rollback,
    "retire": _parse_retire,
}
