"""What an auditor asks about first: everything in the log that is out of the ordinary, oldest first within its kind.

What was refused never entered the log, so no list made from it can show it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from muniment.audit import records
from muniment.core.name import VersionId
from muniment.insight.lineage import ancestors
from muniment.insight.standing import approvals_for, verdict
from muniment.policy.finding import Status
from muniment.registry.event import Promote, Retire, Rollback
from muniment.registry.state import Entry
from muniment.site.facts.book import Book

Facts = dict[str, Any]


def exceptions(book: Book) -> list[Facts]:
    """Each with its kind, the version, what happened and the entry that says so."""
    return [
        *_rollbacks(book),
        *_retired_in_use(book),
        *_made_of_retired(book),
        *_retirements(book),
        *_findings(book),
        *_one_hand(book),
        *_nobody(book),
        *_unused(book),
    ]


def _item(kind: str, text: str, entry: int, version: VersionId | None = None, more: str = "") -> Facts:
    return {"kind": kind, "version": str(version) if version else None, "text": text, "more": more, "entry": entry}


def _rollbacks(book: Book) -> Iterator[Facts]:
    for entry in book.entries:
        event = entry.event
        if isinstance(event, Rollback):
            by = records.signer(book, _identity(entry))
            text = (
                f"Rolled back in {event.environment} to {event.version.version} by {by['person'] or by['label']}, "
                f"incident {event.incident}."
            )
            yield _item("rollback", text, entry.index, event.replaces, event.reason)


def _retired_in_use(book: Book) -> Iterator[Facts]:
    for version in book.order:
        found, where = book.state.versions[version], book.state.environments_of(version)
        if found.retired is not None and where:
            text = f"Retired, and still the version that {' and '.join(where)} names."
            yield _item("retired in use", text, found.events[-1], version)


def _made_of_retired(book: Book) -> Iterator[Facts]:
    for version in book.order:
        if book.state.versions[version].retired is not None:
            continue
        old = [a for a in ancestors(book.lineage, version) if isinstance(a, VersionId) and _is_retired(book, a)]
        where = " and ".join(book.state.environments_of(version)) or "no environment"
        for ancestor in old:
            text = f"Made from {ancestor}, which is retired. It stands in {where}."
            yield _item("made of retired", text, book.state.versions[version].events[0], version)


def _retirements(book: Book) -> Iterator[Facts]:
    for entry in book.entries:
        event = entry.event
        if isinstance(event, Retire):
            instead = f" Use {event.replacement} instead." if event.replacement else ""
            yield _item("retirement", f"Retired: {event.category}.{instead}", entry.index, event.version, event.reason)


def _findings(book: Book) -> Iterator[Facts]:
    for entry in book.entries:
        for said in entry.findings:
            if said.status not in (Status.PASS, Status.NOT_APPLICABLE):
                version = getattr(entry.event, "version", None)
                text = f"Admitted with a {said.status.value} of the rule {said.rule}: {said.title}."
                yield _item("finding", text, entry.index, version, said.reason)


def _one_hand(book: Book) -> Iterator[Facts]:
    """Versions that one signer, or one person, both released and promoted."""
    for entry in book.entries:
        event = entry.event
        if isinstance(event, Promote):
            released = book.state.entries[book.state.versions[event.version].events[0]]
            both = _who(book, released) & _who(book, entry)
            if both:
                text = f"Released and promoted to {event.environment} by the same signer."
                yield _item("one hand", text, entry.index, event.version)


def _nobody(book: Book) -> Iterator[Facts]:
    """Approvals by identities that are mapped to no person."""
    for given in book.state.approvals.values():
        for approval in given:
            if approval.person is None:
                text = "Approved by an identity that the registry maps to no person; it never counts as a distinct one."
                yield _item("no person", text, approval.index)


def _unused(book: Book) -> Iterator[Facts]:
    for given in book.state.approvals.values():
        for approval in given:
            if approval.consumed_by is None:
                yield _item("unused approval", "An approval that no event has used.", approval.index)


def unapproved(book: Book) -> list[Facts]:
    """What stands in an environment now by a promotion that nobody approved: allowed where no rule asks for it."""
    items = []
    for (name, environment), tenures in sorted(book.state.stages.items()):
        entry = book.state.entries[tenures[-1].index]
        if isinstance(entry.event, Promote) and not approvals_for(book.state, entry.index):
            items.append({"name": str(name), "environment": environment, "entry": entry.index})
    return items


def _is_retired(book: Book, version: VersionId) -> bool:
    return verdict(book.state, version).standing == "retired"


def _identity(entry: Entry) -> Any:
    assert entry.record is not None
    return entry.record.identity


def _who(book: Book, entry: Entry) -> set[str]:
    """A signer's key and person."""
    person = book.config.person_of(_identity(entry))
    return {_identity(entry).key} | ({f"person {person}"} if person else set())
