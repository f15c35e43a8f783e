"""Events made to fit the present state: each names its log and the entry it follows. Signing and judging come later."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from muniment.core.digest import Digest
from muniment.core.errors import Missing
from muniment.core.name import InEnvironment, Latest, Name, Selector, VersionId
from muniment.evidence.statement import Statement, Subject
from muniment.registry import redaction
from muniment.registry.access import AccessReview, Granted
from muniment.registry.deletion import Redact, RequestDeletion
from muniment.registry.event import (
    Approve,
    Archive,
    Event,
    LogRef,
    Promote,
    Release,
    ReleasedArtifact,
    Retire,
    Rollback,
    RotateKey,
    subjects_of,
)
from muniment.registry.oversight import Incident, Revoke, Waive
from muniment.registry.predicate import format_event
from muniment.registry.runtime import Deploy, Observe
from muniment.registry.state import State


def resolve(state: State, selector: Selector) -> VersionId:
    """The version a selector means now. Raises `Missing`."""
    match selector:
        case VersionId():
            found = selector if selector in state.versions else None
        case Latest(name=name):
            found = latest(state, name)
        case InEnvironment(name=name, environment=environment):
            found = state.current(name, environment)
        case Digest():
            found = _of_artifact(state, selector)
    if found is None:
        raise Missing(f"Nothing in the registry is {_spell(selector)}.", "See muniment show for what there is.")
    return found


def latest(state: State, name: Name) -> VersionId | None:
    """The version of a name released last that is not retired."""
    mine = [v for v in state.versions.values() if v.id.name == name and v.retired is None]
    return max(mine, key=lambda v: v.events[0]).id if mine else None


def rotate(
    state: State, log_keys: tuple[str, ...] | None, trusted_root: Mapping[str, Any] | None, reason: str, at: datetime
) -> Statement:
    """The change of the log's keys, of the Sigstore trusted root, or of both (None: as it is)."""
    event = RotateKey(log=_log(state), after=None, at=at, reason=reason, log_keys=log_keys, trusted_root=trusted_root)
    return _following(state, event)


def release(
    state: State,
    version: VersionId,
    artifacts: tuple[ReleasedArtifact, ...],
    evidence: tuple[Digest, ...],
    at: datetime,
) -> Statement:
    """The release of a version."""
    event = Release(log=_log(state), after=None, at=at, version=version, artifacts=artifacts, evidence=evidence)
    return _following(state, event)


def approve(
    state: State,
    target: Digest,
    role: str,
    reason: str,
    at: datetime,
    *,
    decision: str = "approved",
    expires: datetime | None = None,
    subject: str | None = None,
) -> Statement:
    """A decision on the event whose statement has the digest `target`.

    It is the signer's first, or it follows the last one by the certificate subject `subject`.
    """
    return format_event(
        Approve(
            log=_log(state),
            after=_last_word(state, target, subject),
            at=at,
            target=target,
            role=role,
            decision=decision,
            reason=reason,
            expires=expires,
        )
    )


def revoke(state: State, target: Digest, reason: str, at: datetime) -> Statement:
    """The taking back of an approval, rejection or waiver, whose statement has the digest `target`."""
    event = Revoke(log=_log(state), after=None, at=at, target=target, reason=reason)
    return _following(state, event)


def waive(
    state: State,
    version: VersionId,
    subjects: tuple[Subject, ...],
    rule: str,
    role: str,
    reason: str,
    not_before: datetime,
    expires: datetime,
    ticket: str | None,
    at: datetime,
) -> Statement:
    """A waiver of a rule for a version with these artifacts."""
    event = Waive(
        log=_log(state),
        after=None,
        at=at,
        version=version,
        rule=rule,
        role=role,
        reason=reason,
        not_before=not_before,
        expires=expires,
        ticket=ticket,
    )
    return _following(state, event, subjects)


def incident(
    state: State,
    name: Name,
    incident: str,
    action: str,
    reason: str,
    at: datetime,
    *,
    severity: str | None = None,
    environment: str | None = None,
    version: VersionId | None = None,
    ticket: str | None = None,
) -> Statement:
    """A step in an incident's life."""
    event = Incident(
        log=_log(state),
        after=None,
        at=at,
        name=name,
        incident=incident,
        action=action,
        reason=reason,
        severity=severity,
        environment=environment,
        version=version,
        ticket=ticket,
    )
    subjects = subjects_of(_artifacts(state, version)) if version else ()
    return _following(state, event, subjects)


def access_review(
    state: State, size: int, granted: tuple[Granted, ...], next_review_by: datetime, summary: str | None, at: datetime
) -> Statement:
    """The review of who may do what, by the configuration in force; `size` is that of the log it was made from."""
    assert state.config is not None
    event = AccessReview(
        log=_log(state),
        after=None,
        at=at,
        size=size,
        configuration=state.config.digest,
        next_review_by=next_review_by,
        granted=granted,
        summary=summary,
    )
    return _following(state, event)


def promote(state: State, version: VersionId, environment: str, reason: str, at: datetime) -> Statement:
    """The promotion of a version into an environment."""
    event = Promote(log=_log(state), after=None, at=at, version=version, environment=environment, reason=reason)
    return _following(state, event, subjects_of(_artifacts(state, version)))


def rollback(
    state: State,
    version: VersionId,
    environment: str,
    incident: str,
    reason: str,
    at: datetime,
    emergency_role: str | None = None,
) -> Statement:
    """The return of a version to an environment; `registry.recovery` says which ones may. Raises `Missing`."""
    current = state.current(version.name, environment)
    if current is None:
        raise Missing(f"No version of {version.name} stands in {environment}.", "There is nothing to roll back.")
    event = Rollback(
        log=_log(state),
        after=None,
        at=at,
        version=version,
        environment=environment,
        replaces=current,
        incident=incident,
        reason=reason,
        emergency_role=emergency_role,
    )
    return _following(state, event, subjects_of(_artifacts(state, version)))


def deploy(
    state: State,
    version: VersionId,
    environment: str,
    status: str,
    at: datetime,
    *,
    instance: str | None = None,
    reason: str | None = None,
) -> Statement:
    """That a version runs in an environment, or runs there no more."""
    event = Deploy(
        log=_log(state),
        after=None,
        at=at,
        version=version,
        environment=environment,
        status=status,
        instance=instance,
        reason=reason,
    )
    return _following(state, event, subjects_of(_artifacts(state, version)))


def observe(
    state: State,
    version: VersionId,
    environment: str,
    begins: datetime,
    ends: datetime,
    samples: int,
    metrics: Mapping[str, float],
    drift: Mapping[str, float] | None,
    at: datetime,
) -> Statement:
    """A window of numbers observed of a version in an environment; windows follow one another by their times alone."""
    event = Observe(
        log=_log(state),
        after=None,
        at=at,
        version=version,
        environment=environment,
        begins=begins,
        ends=ends,
        samples=samples,
        metrics=metrics,
        drift=drift,
    )
    return format_event(event, subjects_of(_artifacts(state, version)))


def retire(
    state: State,
    version: VersionId,
    category: str,
    reason: str,
    replacement: VersionId | None,
    at: datetime,
    archive: Archive | None = None,
) -> Statement:
    """The retirement of a version."""
    event = Retire(
        log=_log(state),
        after=None,
        at=at,
        version=version,
        category=category,
        reason=reason,
        replacement=replacement,
        archive=archive,
    )
    return _following(state, event, subjects_of(_artifacts(state, version)))


def request_deletion(
    state: State, statements: tuple[Digest, ...], basis: str, reason: str, reference: str | None, at: datetime
) -> Statement:
    """The request that evidence goes, named by its statement digests."""
    event = RequestDeletion(
        log=_log(state), after=None, at=at, statements=statements, basis=basis, reason=reason, reference=reference
    )
    records = redaction.bundles_of(state, statements).values()
    return _following(state, event, _about(state, records))


def redact(state: State, request: Digest, bundles: tuple[Digest, ...], reason: str, at: datetime) -> Statement:
    """The redaction of bundles that a request asks for, none: all that are still there. Raises `Missing`."""
    entries = (state.entries[i].event for i in state.statements.get(request, ()))
    asked = next((e for e in entries if isinstance(e, RequestDeletion)), None)
    if asked is None:
        raise Missing(f"No request-deletion in the log is {request}.", "Ask first: muniment request-deletion.")
    known = redaction.bundles_of(state, asked.statements)
    named = bundles or tuple(b for b, i in known.items() if not redaction.is_gone(state, i))
    records = {known[b] for b in named if b in known}
    decisions = tuple(sorted(redaction.decisions_on(state, records, state.size)[0]))
    event = Redact(
        log=_log(state), after=None, at=at, request=request, bundles=named, decisions=decisions, reason=reason
    )
    return _following(state, event, _about(state, records))


def _following(state: State, event: Event, subjects: tuple[Subject, ...] = ()) -> Statement:
    """An event as the next one of what it acts on, whoever signs it."""
    return format_event(replace(event, after=state.last.get(event.acts_on(""))), subjects)


def _about(state: State, records: Collection[int]) -> tuple[Subject, ...]:
    """What records speak of. Raises `Missing` where nothing in the log is named."""
    subjects = redaction.subjects_about(state, records)
    if not subjects:
        raise Missing("Nothing in the log that could go is named.", "See muniment history for what there is.")
    return subjects


def _artifacts(state: State, version: VersionId) -> tuple[ReleasedArtifact, ...]:
    return state.versions[resolve(state, version)].artifacts


def _last_word(state: State, target: Digest, subject: str | None) -> int | None:
    """The entry of the last decision on a statement by a certificate's subject."""
    given = [a.index for a in state.approvals.get(target, ())]
    records = ((i, state.entries[i].record) for i in given)
    return max((i for i, record in records if record and record.identity.subject == subject), default=None)


def _log(state: State) -> LogRef:
    assert state.config is not None
    return LogRef(state.config.origin, state.genesis)


def _of_artifact(state: State, digest: Digest) -> VersionId | None:
    with_it = [v for v in state.versions.values() if any(a.digest == digest for a in v.artifacts)]
    return max(with_it, key=lambda v: v.events[0]).id if with_it else None


def _spell(selector: Selector) -> str:
    match selector:
        case Latest(name=name):
            return f"{name}@latest"
        case InEnvironment(name=name, environment=environment):
            return f"{name}#{environment}"
    return str(selector)
