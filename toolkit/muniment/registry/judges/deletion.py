"""request-deletion and redact: evidence goes once it was asked for; who redacts answers for what rested on it."""

from __future__ import annotations

from datetime import datetime

from muniment.core.digest import Digest
from muniment.core.errors import Refused
from muniment.policy.finding import Finding
from muniment.registry import redaction
from muniment.registry.deletion import Redact, RequestDeletion
from muniment.registry.event import Event
from muniment.registry.judges.common import Change, config_of
from muniment.registry.leaf import parse_line
from muniment.registry.state import Entry, State
from muniment.signing.identity import Signed


def judge_request(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits a request for evidence that is in the log and can be redacted."""
    assert isinstance(event, RequestDeletion)
    indexes = [i for statement in event.statements for i in _known(state, statement)]
    for index in indexes:
        _check_redactable(state, state.entries[index])
    _check_about(state, signed, indexes)
    return (lambda s: s), ()


def judge_redact(state: State, signed: Signed, event: Event, at: datetime) -> tuple[Change, tuple[Finding, ...]]:
    """Admits the redaction of bundles that were asked for, with every decision that looked at them."""
    assert isinstance(event, Redact)
    request = _request(state, event)
    _check_other_person(state, signed, request)
    asked = request.event
    assert isinstance(asked, RequestDeletion)
    requested = redaction.bundles_of(state, asked.statements)
    for bundle in event.bundles:
        _check_requested(state, bundle, requested)
    records = {requested[bundle] for bundle in event.bundles}
    for index in sorted(records):
        _check_redactable(state, state.entries[index])
        _check_whole(state, index, records)
    _check_about(state, signed, records)
    _check_decisions(state, event, records)
    by = state.size
    return (lambda s: redaction.redacted(s, records, event.decisions, by)), ()


def _known(state: State, statement: Digest) -> tuple[int, ...]:
    indexes = state.statements.get(statement, ())
    if not indexes:
        raise Refused(f"No entry says {statement}.", "Name the statement of evidence that is in the log.")
    return indexes


def _check_redactable(state: State, entry: Entry) -> None:
    """Raises `Refused` for what must stay: events, and records whose subjects only their bundle says."""
    if not entry.is_evidence:
        what, they = ("an event", "events") if entry.event is not None else ("a decision", "decisions")
        raise Refused(
            f"Entry {entry.index} is {what} ({entry.kind}): {they} are never deleted.", "Only evidence can go."
        )
    if redaction.is_gone(state, entry.index):
        raise Refused(
            f"Entry {entry.index} was redacted by entry {state.absent[entry.index]}.", "Nothing is left to do."
        )
    if isinstance(parse_line(entry.leaf).subjects, Digest):
        raise Refused(
            f"Entry {entry.index} names so many subjects that only its bundle says which, and the log rests on them.",
            "It cannot go. Speak of a folder by its one digest.",
        )


def _check_about(state: State, signed: Signed, indexes: list[int] | set[int]) -> None:
    if signed.statement.subjects != redaction.subjects_about(state, indexes):
        raise Refused("The event's subjects are not those of the records it names.", "Sign it again with muniment.")


def _request(state: State, event: Redact) -> Entry:
    entries = (state.entries[i] for i in state.statements.get(event.request, ()))
    found = next((e for e in entries if isinstance(e.event, RequestDeletion)), None)
    if found is None:
        raise Refused(f"No request-deletion in the log is {event.request}.", "Ask first: muniment request-deletion.")
    return found


def _check_other_person(state: State, signed: Signed, request: Entry) -> None:
    """Raises `Refused` where administrators act by several, and one person asks and redacts."""
    config = config_of(state)
    assert request.record is not None
    who, asked = config.person_of(signed.identity), config.person_of(request.record.identity)
    if config.threshold > 1 and (who is None or asked is None or who == asked):
        raise Refused(
            f"Entry {request.index} asked for it, and two persons are needed: one who asks and one who redacts.",
            "Somebody else who may redact signs it; registry.yaml maps both to persons.",
        )


def _check_requested(state: State, bundle: Digest, requested: dict[Digest, int]) -> None:
    if bundle in requested:
        return
    lines = ((e, parse_line(e.leaf)) for _, e in sorted(state.entries.items()) if e.kind != "state")
    entry = next((e for e, line in lines if line.bundle == bundle), None)
    if entry is None:
        raise Refused(f"No entry has the bundle {bundle}.", "Name bundles of the log.")
    if not entry.is_evidence:
        _check_redactable(state, entry)
    raise Refused(f"Nobody asked that entry {entry.index} goes.", "Name only bundles that the request asks for.")


def _check_whole(state: State, index: int, records: set[int]) -> None:
    """Raises `Refused` where the same words would stay, said by another signer."""
    for other in state.statements[parse_line(state.entries[index].leaf).statement]:
        if other not in records:
            raise Refused(f"Entry {other} says the same as entry {index}, and would stay.", "Redact both.")


def _check_decisions(state: State, event: Redact, records: set[int]) -> None:
    must, may = redaction.decisions_on(state, records, state.size)
    named = frozenset(event.decisions)
    if not must <= named or not named <= must | may:
        listed = ", ".join(map(str, sorted(must))) or "none"
        raise Refused(
            f"The redact event names other decisions than those that looked at the records: {listed}.",
            "Sign it again with muniment: whoever redacts answers for what rested on it.",
        )
