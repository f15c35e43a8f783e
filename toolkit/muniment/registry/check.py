"""The one judge: `check(state, signed, at)` gives the state after a record, or raises `Refused`.

The sequencer asks it before it appends, and every reader asks it again, by the rules then in force.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

from muniment.core.errors import Malformed, Refused
from muniment.core.name import VersionId
from muniment.evidence.check import check_evidence
from muniment.evidence.kinds import EVENTS, EVIDENCE, kind_of
from muniment.evidence.statement import format_statement
from muniment.log.tiles import MAX_ENTRY
from muniment.policy.engine import evaluate, failures
from muniment.policy.facts import Facts
from muniment.policy.finding import Finding
from muniment.registry import facts
from muniment.registry.config import Config, parse_config
from muniment.registry.event import (
    Approve,
    Configure,
    Event,
    Promote,
    Release,
    Retire,
    Rollback,
    target_of,
    version_key,
)
from muniment.registry.predicate import parse_event, subjects_of
from muniment.registry.state import Approval, Entry, State, Tenure, VersionState
from muniment.signing.identity import Signed

SEMANTICS = 1
SKEW = timedelta(minutes=5)
MAX_NAMED = 10_000  # each subject is a document of the state tree, which every reader builds at every batch
# Controls, line and paragraph separators, and marks that turn the direction of writing: written out, because what is
# admitted must not change with the Unicode tables of an interpreter.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def check(state: State, signed: Signed, at: datetime, leaf: bytes) -> State:
    """The state after one record of a batch admitted at `at`; `leaf` is its line in the log.

    Raises `Refused` (with findings where policy speaks) or `Malformed`.
    """
    kind = kind_of(signed.statement.predicate_type)
    if kind not in EVENTS and kind not in EVIDENCE:
        raise Refused(
            f"{signed.statement.predicate_type} is no kind of record this registry knows.",
            f"Submit one of: {', '.join([*EVIDENCE, *EVENTS])}.",
        )
    canonical = _check_form(signed, leaf)
    _check_time(state, signed, at)
    _check_new(state, signed)
    if kind in EVIDENCE:
        _check_role(state, signed, kind, None)
        check_evidence(signed.statement)
        return _append(state, signed, at, leaf, kind, None, ())
    event = parse_event(signed.statement)
    if canonical != signed.payload:
        raise Malformed(f"The {kind} event is not canonical JSON.", "Write events with muniment.")
    if isinstance(event, Configure) and state.config is None:
        return _genesis(state, signed, event, at, leaf)
    _check_place(state, signed, event, kind)
    change, findings = _JUDGES[type(event)](state, signed, event, at)
    return change(_append(state, signed, at, leaf, kind, event, findings))


Change = Callable[[State], State]


def config_of(state: State) -> Config:
    """The configuration in force. Raises `Refused` before genesis."""
    if state.config is None:
        raise Refused("The log does not begin with a configure entry.", "Make the registry with muniment init.")
    return state.config


def version_of(state: State, version: VersionId) -> VersionState:
    """A released version. Raises `Refused`."""
    found = state.versions.get(version)
    if found is None:
        raise Refused(f"{version} is not released.", "Release it first: muniment release.")
    return found


def _check_form(signed: Signed, leaf: bytes) -> bytes:
    """The statement in canonical JSON. Raises `Malformed` for what a leaf file, a page or a terminal cannot hold."""
    canonical = format_statement(signed.statement)
    if len(leaf) > MAX_ENTRY:
        raise Malformed(
            f"The record's leaf has {len(leaf)} bytes; at most {MAX_ENTRY} fit.", "Give its subjects shorter names."
        )
    if len(signed.statement.subjects) > MAX_NAMED:
        raise Malformed(f"The record names more than {MAX_NAMED} subjects.", "Speak of a folder by its one digest.")
    for subject in signed.statement.subjects:
        if _CONTROL.search(subject.name):
            raise Malformed(f"The subject {subject.name[:80]!r} holds a control character.", "Name it in plain text.")
    return canonical


def _check_time(state: State, signed: Signed, at: datetime) -> None:
    if state.admitted_at is not None and at < state.admitted_at:
        raise Refused("The batch is admitted before the one it follows.", "Time in a log never goes back.")
    if signed.signed_at > at:
        raise Refused(
            "The record was signed after its batch was admitted.", "Publish again with a clock that is right."
        )


def _check_new(state: State, signed: Signed) -> None:
    for index in state.statements.get(signed.statement_digest, ()):
        record = state.entries[index].record
        if record is not None and record.identity.key == signed.identity.key:
            raise Refused(f"The same statement by the same signer is entry {index} already.", "Nothing is left to do.")


def _check_role(state: State, signed: Signed, kind: str, namespace: str | None) -> tuple[str, ...]:
    config = config_of(state)
    if namespace is not None and namespace not in config.namespaces:
        raise Refused(f"The namespace {namespace!r} is not configured.", "Add it to registry.yaml: muniment configure.")
    roles = config.roles_of(signed.identity, kind, namespace)
    if not roles:
        where = f" in {namespace}" if namespace else ""
        raise Refused(
            f"{signed.identity.subject} may not sign {kind} records{where}: no role of theirs allows it.",
            "Have an administrator bind the identity to a role that may, or sign as somebody who holds one.",
        )
    return roles


def _check_place(state: State, signed: Signed, event: Event, kind: str) -> None:
    """The event is for this log, at this point of its target's life, stated when it was signed, by a role that may."""
    config = config_of(state)
    if event.log.origin != config.origin or event.log.genesis != state.genesis:
        raise Refused(f"The {kind} event is for another log ({event.log.origin}).", "Sign it again for this registry.")
    if abs(event.at - signed.signed_at) > SKEW:
        raise Refused(
            f"The {kind} event states a time more than five minutes from when it was signed.", "Sign it again now."
        )
    version: VersionId | None = getattr(event, "version", None)
    _check_role(state, signed, kind, version.name.namespace if version else None)
    last = state.last.get(target_of(event, signed.identity.key))
    if event.after != last:
        now = "nothing happened to its target yet" if last is None else f"the last event of its target is entry {last}"
        said = "no entry" if event.after is None else f"entry {event.after}"
        raise Refused(f"The {kind} event follows {said}, but {now}.", "Look at the present state and sign a new event.")


def _append(
    state: State,
    signed: Signed,
    at: datetime,
    leaf: bytes,
    kind: str,
    event: Event | None,
    findings: tuple[Finding, ...],
) -> State:
    index = state.size
    about = state.about
    for digest in dict.fromkeys(s.digest for s in signed.statement.subjects):
        about = about.set(digest, (*about.get(digest, ()), index))
    known = state.statements.get(signed.statement_digest, ())
    return replace(
        state,
        size=index + 1,
        admitted_at=at,
        statements=state.statements.set(signed.statement_digest, (*known, index)),
        about=about,
        last=state.last.set(target_of(event, signed.identity.key), index) if event else state.last,
        entries=state.entries.set(index, Entry(index, leaf, kind, signed, event, at, findings)),
    )


def _genesis(state: State, signed: Signed, event: Configure, at: datetime, leaf: bytes) -> State:
    from muniment.log.merkle import leaf_hash

    config = parse_config(event.configuration)
    if event.after is not None or event.log.genesis is not None or event.log.origin != config.origin or state.size:
        raise Refused("The first entry of the log is no genesis.", "Make the registry with muniment init.")
    if abs(event.at - signed.signed_at) > SKEW:
        raise Refused("Genesis states a time more than five minutes from when it was signed.", "Make it again.")
    if not config.roles_of(signed.identity, "configure"):
        raise Refused(f"{signed.identity.subject} made genesis but may not configure.", "Bind them as administrator.")
    new = _append(state, signed, at, leaf, "configure", event, ())
    from muniment.core.digest import Digest

    return replace(new, config=config, genesis=Digest(leaf_hash(leaf).hex()), configured_at=0)


def _judge_configure(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    assert isinstance(event, Configure)
    old, new = config_of(state), parse_config(event.configuration)
    for what in ("origin", "sandbox", "root", "log_keys"):
        if getattr(old, what) != getattr(new, what):
            raise Refused(
                f"The configuration changes the registry's {what.replace('_', ' ')}.",
                "A configure entry cannot: keep it as it is in force.",
            )
    have = facts.administrators(state, signed)
    if len(have) < old.threshold and old.threshold > 1:
        raise Refused(
            f"{len(have)} of {old.threshold} administrators stand behind the configuration.",
            f"Others approve it: muniment approve {signed.statement_digest} --role administrator.",
            waits=True,
        )
    index = state.size
    return (lambda s: _consume(replace(s, config=new, configured_at=index), signed, index)), ()


def _judge_release(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    assert isinstance(event, Release)
    known = state.versions.get(event.version)
    if known is not None:
        raise Refused(
            f"{event.version} is released already (entry {known.events[0]}).",
            "A version is bound once: release another.",
        )
    evidence = facts.release_evidence(state, event)
    subject_facts = facts.gather(state, "release", signed, event.version, evidence, event.artifacts, at)
    findings = _judge_policy(state, subject_facts)
    version = VersionState(event.version, event.artifacts, event.evidence, at, (state.size,))
    return (lambda s: replace(s, versions=s.versions.set(event.version, version))), findings


def _judge_approve(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    assert isinstance(event, Approve)
    config = config_of(state)
    if event.role not in config.roles_of(signed.identity, "approve"):
        raise Refused(
            f"{signed.identity.subject} does not hold the role {event.role}, or it may not approve.",
            "Approve in a role you hold.",
        )
    if event.target in state.statements:
        raise Refused("What this approves is in the log already.", "An approval comes before what it approves.")
    person = config.person_of(signed.identity)
    approval = Approval(state.size, event, signed.identity.key, person, at)
    return (
        lambda s: replace(s, approvals=s.approvals.set(event.target, (*s.approvals.get(event.target, ()), approval)))
    ), ()


def _judge_promote(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    assert isinstance(event, Promote)
    version = _check_movable(state, signed, event)
    evidence = facts.bound_evidence(state, version)
    found = facts.gather(state, "promote", signed, event.version, evidence, version.artifacts, at, event.environment)
    findings = _judge_policy(state, found)
    return _move(state, signed, event, at), findings


def _judge_rollback(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    assert isinstance(event, Rollback)
    _check_movable(state, signed, event)
    tenures = state.stages.get((event.version.name, event.environment), ())
    if not tenures or tenures[-1].version != event.replaces:
        raise Refused(f"{event.replaces} does not stand in {event.environment}.", "Name the version that does.")
    if event.version not in {t.version for t in tenures[:-1]}:
        raise Refused(
            f"{event.version} never stood in {event.environment}, so it is no recovery point.",
            "Roll back to a version that did, or promote this one through its gate.",
        )
    return _move(state, signed, event, at), ()


def _judge_retire(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    assert isinstance(event, Retire)
    version = version_of(state, event.version)
    _check_subjects(signed, version)
    if version.retired:
        raise Refused(f"{event.version} is retired already.", "Nothing is left to do.")
    standing = state.environments_of(event.version)
    if standing:
        raise Refused(
            f"{event.version} stands in {', '.join(standing)}.", "Promote another version there or roll back first."
        )
    if event.replacement is not None and (
        event.replacement == event.version or version_of(state, event.replacement).retired
    ):
        raise Refused(f"The replacement {event.replacement} is retired itself.", "Name one that is in use.")
    index = state.size
    retired = replace(version, retired=event, events=(*version.events, index))
    return (lambda s: replace(s, versions=s.versions.set(event.version, retired))), ()


def _check_movable(state: State, signed: Signed, event: Promote | Rollback) -> VersionState:
    version = version_of(state, event.version)
    _check_subjects(signed, version)
    if event.environment not in config_of(state).environments:
        known = ", ".join(config_of(state).environments)
        raise Refused(f"The environment {event.environment!r} is not configured.", f"Choose among {known}.")
    if version.retired:
        raise Refused(f"{event.version} is retired.", "Choose a version that is not.")
    if state.current(event.version.name, event.environment) == event.version:
        raise Refused(f"{event.version} stands in {event.environment} already.", "Nothing is left to do.")
    return version


def _check_subjects(signed: Signed, version: VersionState) -> None:
    if signed.statement.subjects != subjects_of(version.artifacts):
        raise Refused(f"The event's subjects are not the artifacts of {version.id}.", "Sign it again with muniment.")


def _move(state: State, signed: Signed, event: Promote | Rollback, at: datetime) -> Change:
    index, key = state.size, (event.version.name, event.environment)
    before = state.stages.get(key, ())

    def change(new: State) -> State:
        versions = new.versions
        for touched in {event.version} | ({before[-1].version} if before else set()):
            old = versions[touched]
            versions = versions.set(touched, replace(old, events=(*old.events, index)))
            new = replace(new, last=new.last.set(version_key(touched), index))
        stages = new.stages.set(key, (*before, Tenure(event.version, index, at)))
        return _consume(replace(new, versions=versions, stages=stages), signed, index)

    return change


def _consume(state: State, signed: Signed, index: int) -> State:
    given = state.approvals.get(signed.statement_digest)
    if not given:
        return state
    used = tuple(replace(a, consumed_by=index) for a in given)
    return replace(state, approvals=state.approvals.set(signed.statement_digest, used))


def _judge_policy(state: State, subject: Facts) -> tuple[Finding, ...]:
    findings = evaluate(config_of(state).policy, subject)
    failed = failures(findings)
    if failed:
        rules = ", ".join(f.rule for f in failed)
        raise Refused(
            f"{subject.subject} does not pass the gate {subject.gate}: {rules}.",
            failed[0].fix,
            findings,
            waits=all(f.waits for f in failed),
        )
    return findings


_JUDGES: dict[type[Event], Callable[[State, Signed, Event, datetime], tuple[Change, tuple[Finding, ...]]]] = {
    Configure: _judge_configure,
    Release: _judge_release,
    Approve: _judge_approve,
    Promote: _judge_promote,
    Rollback: _judge_rollback,
    Retire: _judge_retire,
}
