"""What an auditor asks about first: everything in the log that is out of the ordinary, oldest first within its kind.

What was refused never entered the log, so no list made from it can show it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from muniment.audit import records
from muniment.audit.desk import Desk
from muniment.core.instant import format_instant
from muniment.core.name import VersionId
from muniment.insight.lineage import descendants
from muniment.insight.standing import approvals_for
from muniment.policy.finding import Status
from muniment.registry.deletion import Redact
from muniment.registry.event import Promote, Retire, Rollback
from muniment.registry.redaction import unproven
from muniment.registry.state import Approval, Entry
from muniment.signing.identity import Identity
from muniment.site.facts.rules import review_facts

Facts = dict[str, Any]


def exceptions(at: Desk) -> list[Facts]:
    """Each with its kind, the version, what happened, the reason that was given and the entry that says so."""
    lives = (_unverified, _redactions, _rollbacks, _breaches, _made_of_retired, _shaken, _retirements)
    words = (_findings, _one_hand, _approvals, _rights)
    return [item for ask in (*lives, *words) for item in ask(at)]


def _item(kind: str, text: str, entry: int, version: VersionId | None = None, reason: str = "") -> Facts:
    return {"kind": kind, "version": str(version) if version else None, "text": text, "reason": reason, "entry": entry}


def _unverified(at: Desk) -> Iterator[Facts]:
    for entry in at.history.entries:
        if entry.record is not None and at.checked(entry)["result"] != "verified":
            said = at.checked(entry)
            yield _item("does not verify", f"Log: {said['log']}; bundle: {said['bundle']}.", entry.index)


def _redactions(at: Desk) -> Iterator[Facts]:
    """Evidence that is gone, and decisions that nobody can judge again because of it."""
    for one in unproven(at.state):
        event = at.state.entries[one.by].event
        assert isinstance(event, Redact)
        who = records.signer(at.config_at(one.by), _identity(at.state.entries[one.by]))
        text = f"Redacted by {who['person'] or who['label']}: {_listed(one.records)}, unproven since."
        yield _item("redacted", text, one.by, reason=event.reason)
        for index in one.decisions:
            text = f"It looked at what entry {one.by} redacted, and rests on the word of who signed that."
            yield _item("not judged again", text, index, getattr(at.state.entries[index].event, "version", None))


def _listed(indexes: tuple[int, ...]) -> str:
    return f"{'entry' if len(indexes) == 1 else 'entries'} {', '.join(map(str, indexes))}"


def _rollbacks(at: Desk) -> Iterator[Facts]:
    for entry in at.history.entries:
        event = entry.event
        if isinstance(event, Rollback):
            who = records.signer(at.config_at(entry.index), _identity(entry))
            approved = "" if approvals_for(at.state, entry.index) else " Nobody approved the return."
            text = (
                f"Incident {event.incident}: in {event.environment}, {event.version.version} was put back in its place "
                f"by {who['person'] or who['label']}.{approved}"
            )
            yield _item("rolled back", text, entry.index, event.replaces, event.reason)


def _breaches(at: Desk) -> Iterator[Facts]:
    """Emergencies: what was let in without approvals, and what became of them by the log's last batch."""
    for breach in sorted(at.state.breaches.values(), key=lambda b: b.index):
        owed, last = format_instant(breach.deadline), at.state.admitted_at
        assert last is not None
        if breach.settled_at is None:
            became = f"were owed until {owed} and never came" if breach.is_overdue(last) else f"are owed until {owed}"
        else:
            late = f", after {owed}" if breach.is_overdue(last) else ""
            became = f"came by {format_instant(breach.settled_at)}{late}"
        text = f"Rolled back in {breach.environment} as an emergency by {breach.role}; the approvals {became}."
        yield _item("emergency", text, breach.index, breach.version, " ".join(breach.missing))


def _made_of_retired(at: Desk) -> Iterator[Facts]:
    """Versions in use that a retired one went into."""
    for retired in (v for v in at.book.order if at.state.versions[v].retired is not None):
        for made in descendants(at.book.lineage, retired):
            where = at.state.environments_of(made) if isinstance(made, VersionId) else ()
            if isinstance(made, VersionId) and where:
                text = f"Made from {retired}, which is retired; it stands in {' and '.join(where)}."
                yield _item("made of retired", text, _retirement(at, retired), made)


def _shaken(at: Desk) -> Iterator[Facts]:
    """Reviews whose data changed after they were made."""
    for one in (one for found in at.book.shaken.values() for one in found):
        text = f"Its {one.kind} (entry {one.review}) rests on {one.data}, which {one.what}."
        yield _item("data changed", text, one.change, one.version)


def _rights(at: Desk) -> Iterator[Facts]:
    """Decisions of the last access review that the rules in force do not follow."""
    reviewed = review_facts(at.book)
    if reviewed is not None:
        for decided in (d for d in reviewed["decisions"] if d["open"]):
            text = f"To {decided['decision']}: {decided['subject']} as {decided['role']}, and it stands as it did."
            yield _item("review not carried out", text, reviewed["by"]["index"], reason=decided["reason"])


def _retirements(at: Desk) -> Iterator[Facts]:
    for entry in at.history.entries:
        event = entry.event
        if isinstance(event, Retire):
            instead = f" Use {event.replacement} instead." if event.replacement else ""
            instead += f" It is kept at {event.archive.location}." if event.archive else ""
            text = f"Taken out of use: {event.category}.{instead}"
            yield _item("retired", text, entry.index, event.version, event.reason)


def _findings(at: Desk) -> Iterator[Facts]:
    for entry in at.history.entries:
        for said in entry.findings:
            if said.status not in (Status.PASS, Status.NOT_APPLICABLE):
                version = getattr(entry.event, "version", None)
                text = f"Admitted although the rule {said.rule} does not hold ({said.status.value}): {said.title}."
                yield _item("rule not met", text, entry.index, version, said.reason)


def _one_hand(at: Desk) -> Iterator[Facts]:
    """Versions that one signer, or one person, both released and promoted."""
    for entry in at.history.entries:
        event = entry.event
        if isinstance(event, Promote):
            released = at.state.entries[at.state.versions[event.version].events[0]]
            if _hands(at, released) & _hands(at, entry):
                text = f"Released and promoted to {event.environment} by the same signer."
                yield _item("one hand", text, entry.index, event.version)


def _approvals(at: Desk) -> Iterator[Facts]:
    """Approvals by nobody in particular, and approvals that nothing used."""
    given = sorted((a for approvals in at.state.approvals.values() for a in approvals), key=_index)
    for approval in given:
        if approval.person is None:
            text = "Approved by an identity that the registry maps to no person; it never counts as a distinct one."
            yield _item("no person", text, approval.index)
    for approval in given:
        if approval.consumed_by is None:
            yield _item("unused approval", "An approval that no event has used.", approval.index)


def _index(approval: Approval) -> int:
    return approval.index


def _retirement(at: Desk, version: VersionId) -> int:
    events = at.state.versions[version].events
    return next(i for i in reversed(events) if isinstance(at.state.entries[i].event, Retire))


def _identity(entry: Entry) -> Identity:
    assert entry.record is not None
    return entry.record.identity


def _hands(at: Desk, entry: Entry) -> set[str]:
    """A signer's key and person."""
    person = at.config_at(entry.index).person_of(_identity(entry))
    return {_identity(entry).key} | ({f"person {person}"} if person else set())
