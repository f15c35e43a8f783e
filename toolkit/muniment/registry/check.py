"""The one judge: `check(state, signed, at)` gives the state after a record, or raises `Refused`.

The sequencer asks it before it appends, and every reader asks it again, by the rules then in force.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

from muniment.core.digest import Digest
from muniment.core.errors import Malformed, Refused, Untrusted
from muniment.evidence.check import check_evidence
from muniment.evidence.kinds import DECISIONS, EVENTS, EVIDENCE, THIRD_PARTY, kind_of
from muniment.evidence.statement import Subject, format_statement
from muniment.log.merkle import leaf_hash
from muniment.log.tiles import MAX_ENTRY
from muniment.policy.finding import Finding
from muniment.registry import decision, redaction, words
from muniment.registry.config import parse_config
from muniment.registry.event import Configure, Event
from muniment.registry.judges import JUDGES, evidence
from muniment.registry.judges.common import SKEW, config_of
from muniment.registry.leaf import parse_line
from muniment.registry.predicate import parse_event
from muniment.registry.runtime import Observe
from muniment.registry.sources import open_third_party
from muniment.registry.state import Entry, Era, State
from muniment.signing.identity import Signed

SEMANTICS = 1
MAX_NAMED = 10_000  # each subject is a document of the state tree, which every reader builds at every batch
# Controls, line and paragraph separators, and marks that turn the direction of writing: written out, because what is
# admitted must not change with the Unicode tables of an interpreter.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def check(state: State, signed: Signed, at: datetime, leaf: bytes) -> State:
    """The state after one record of a batch admitted at `at`; `leaf` is its line in the log.

    Raises `Refused` (with findings where policy speaks) or `Malformed`.
    """
    kind = kind_of(signed.statement.predicate_type)
    if kind not in EVENTS and kind not in EVIDENCE and kind not in DECISIONS and kind != THIRD_PARTY:
        raise Refused(
            f"{signed.statement.predicate_type} is no kind of record this registry knows.",
            f"Submit one of: {', '.join([*EVIDENCE, *EVENTS])}.",
        )
    canonical = format_statement(signed.statement)
    _check_form(signed.statement.subjects, leaf)
    _check_time(state, signed.signed_at, at)
    _check_new(state, signed)
    if kind in DECISIONS:
        return _append(decision.settle(state, signed, kind), signed, at, leaf, kind, None, ())
    if kind not in EVENTS:
        return _admit_evidence(state, signed, at, leaf, kind)
    event = parse_event(signed.statement)
    if canonical != signed.payload:
        raise Malformed(f"The {kind} event is not canonical JSON.", "Write events with muniment.")
    if isinstance(event, Configure) and state.config is None:
        return _genesis(state, signed, event, at, leaf)
    _check_place(state, signed, event, kind, at)
    _check_rejected(state, signed, event, at)
    change, findings = JUDGES[type(event)](state, signed, event, at)
    return decision.owing(change(_append(state, signed, at, leaf, kind, event, findings)), state.size)


def check_absent(state: State, leaf: bytes, at: datetime, by: int) -> State:
    """The state after a record of which only its leaf is left, as the redact event at index `by` will have it.

    Who signed it and what it said stays unknown. Raises `Refused`, `Malformed`, or `Untrusted` for what cannot be gone.
    """
    line, index = parse_line(leaf), state.size
    kind = kind_of(line.type)
    if isinstance(line.subjects, Digest) or (kind not in EVIDENCE and kind != THIRD_PARTY) or by <= index:
        raise Untrusted(
            f"The bundle of entry {index} is missing, and no such record can be redacted.", "Fetch it again, whole."
        )
    _check_form(line.subjects, leaf)
    _check_time(state, line.signed_at, at)
    _check_kept(state, line.statement)
    entry = Entry(index, leaf, kind, None, None, at, unproven=by)
    new = _appended(state, entry, line.statement, line.subjects)
    return replace(new, absent=new.absent.set(index, by))


def _admit_evidence(state: State, signed: Signed, at: datetime, leaf: bytes, kind: str) -> State:
    _check_kept(state, signed.statement_digest)
    _check_role(state, signed, kind, None, at)
    carrier, said = None, signed
    if kind == THIRD_PARTY:
        kind, said = open_third_party(signed, config_of(state).sources)
        carrier = signed
        _check_brought(state, said)
    check_evidence(said.statement)
    return _append(state, said, at, leaf, kind, None, evidence.judge(state, signed, said, kind, at), carrier)


def _check_form(subjects: tuple[Subject, ...], leaf: bytes) -> None:
    """Raises `Malformed` for what a leaf file, a page or a terminal cannot hold."""
    if len(leaf) > MAX_ENTRY:
        raise Malformed(
            f"The record's leaf has {len(leaf)} bytes; at most {MAX_ENTRY} fit.", "Give its subjects shorter names."
        )
    if len(subjects) > MAX_NAMED:
        raise Malformed(f"The record names more than {MAX_NAMED} subjects.", "Speak of a folder by its one digest.")
    for subject in subjects:
        if _CONTROL.search(subject.name):
            raise Malformed(f"The subject {subject.name[:80]!r} holds a control character.", "Name it in plain text.")


def _check_time(state: State, signed_at: datetime, at: datetime) -> None:
    if state.admitted_at is not None and at < state.admitted_at:
        raise Refused("The batch is admitted before the one it follows.", "Time in a log never goes back.")
    if signed_at > at:
        raise Refused(
            "The record was signed after its batch was admitted.", "Publish again with a clock that is right."
        )


def _check_new(state: State, signed: Signed) -> None:
    for index in state.statements.get(signed.statement_digest, ()):
        record = state.entries[index].carrier or state.entries[index].record
        if record is not None and record.identity.key == signed.identity.key:
            raise Refused(f"The same statement by the same signer is entry {index} already.", "Nothing is left to do.")


def _check_brought(state: State, said: Signed) -> None:
    """Raises `Refused` for a third party's word that is here already: brought again it would pass for its newest."""
    for index in state.about.get(said.statement.subjects[0].digest, ()):
        entry = state.entries[index]
        same = entry.record is not None and (entry.record.payload, entry.record.identity.key) == (
            said.payload,
            said.identity.key,
        )
        if entry.carrier is not None and same:
            raise Refused(f"What this brings in is entry {index} already.", "Nothing is left to do.")


def _check_kept(state: State, statement: Digest) -> None:
    """Raises `Refused` for a statement that was redacted: who signs it again does not bring it back."""
    for index in state.statements.get(statement, ()):
        if redaction.is_gone(state, index):
            raise Refused(
                f"The statement was redacted: entry {index}, by entry {state.absent[index]}.",
                "What was deleted stays deleted; make another statement without it.",
            )


def _check_role(state: State, signed: Signed, kind: str, namespace: str | None, at: datetime) -> None:
    config = config_of(state)
    if namespace is not None and namespace not in config.namespaces:
        raise Refused(f"The namespace {namespace!r} is not configured.", "Add it to registry.yaml: muniment configure.")
    if not config.roles_of(signed.identity, kind, namespace, signed.signed_at, at):
        where = f" in {namespace}" if namespace else ""
        raise Refused(
            f"{signed.identity.subject} may not sign {kind} records{where}: no role of theirs allows it.",
            "Have an administrator bind the identity to a role that may, or sign as somebody who holds one.",
        )


def _check_place(state: State, signed: Signed, event: Event, kind: str, at: datetime) -> None:
    """The event is for this log, at this point of its target's life, stated when it was signed, by a role that may."""
    config = config_of(state)
    if event.log.origin != config.origin or event.log.genesis != state.genesis:
        raise Refused(f"The {kind} event is for another log ({event.log.origin}).", "Sign it again for this registry.")
    if abs(event.at - signed.signed_at) > SKEW:
        raise Refused(
            f"The {kind} event states a time more than five minutes from when it was signed.", "Sign it again now."
        )
    _check_role(state, signed, kind, event.namespace(), at)
    last = state.last.get(event.acts_on(signed.identity.key))
    if event.after != last:
        now = "nothing happened to its target yet" if last is None else f"the last event of its target is entry {last}"
        said = "no entry" if event.after is None else f"entry {event.after}"
        raise Refused(
            f"The {kind} event follows {said}, but {now}.", "Run the command again: what it signs then follows that."
        )


def _check_rejected(state: State, signed: Signed, event: Event, at: datetime) -> None:
    """Raises `Refused`, which waits, while somebody who may approve the event rejects it."""
    said = words.rejection_of(state, signed.statement_digest, event.namespace(), at)
    if said is not None:
        raise Refused(
            f"{words.name_of(state, said.index)} rejected it as {said.event.role} (entry {said.index}): "
            f"{said.event.reason}",
            "Meet the objection and have the rejection taken back (muniment revoke), or sign another event.",
            waits=True,
        )


def _append(
    state: State,
    signed: Signed,
    at: datetime,
    leaf: bytes,
    kind: str,
    event: Event | None,
    findings: tuple[Finding, ...],
    carrier: Signed | None = None,
) -> State:
    entry = Entry(state.size, leaf, kind, signed, event, at, findings, carrier)
    last = state.last.set(event.acts_on(signed.identity.key), state.size) if event else state.last
    return replace(_appended(state, entry, signed.statement_digest, signed.statement.subjects), last=last)


def _appended(state: State, entry: Entry, statement: Digest, subjects: tuple[Subject, ...]) -> State:
    about = state.about
    # Windows of observation come without end, and have documents of their own.
    if entry.kind == Observe.kind:
        subjects = ()
    for digest in dict.fromkeys(s.digest for s in subjects):
        about = about.set(digest, (*about.get(digest, ()), entry.index))
    known = state.statements.get(statement, ())
    return replace(
        state.grown(entry),
        admitted_at=entry.admitted_at,
        statements=state.statements.set(statement, (*known, entry.index)),
        about=about,
    )


def _genesis(state: State, signed: Signed, event: Configure, at: datetime, leaf: bytes) -> State:
    config = parse_config(event.configuration)
    if event.after is not None or event.log.genesis is not None or event.log.origin != config.origin or state.size:
        raise Refused("The first entry of the log is no genesis.", "Make the registry with muniment init.")
    if abs(event.at - signed.signed_at) > SKEW:
        raise Refused("Genesis states a time more than five minutes from when it was signed.", "Make it again.")
    if not config.roles_of(signed.identity, "configure", None, signed.signed_at, at):
        raise Refused(f"{signed.identity.subject} made genesis but may not configure.", "Bind them as administrator.")
    new = _append(state, signed, at, leaf, "configure", event, ())
    eras = (Era(0, config.log_keys, config.root),)
    return replace(new, config=config, genesis=Digest(leaf_hash(leaf).hex()), configured_at=0, eras=eras)
