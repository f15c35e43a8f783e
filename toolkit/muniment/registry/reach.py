"""Which evidence speaks of what is released: of its artifacts, their files, and what led to them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from muniment.core.digest import Digest
from muniment.evidence import link, oms, recipe
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.statement import Statement
from muniment.registry.event import ReleasedArtifact
from muniment.registry.state import Entry, State


@dataclass(frozen=True, slots=True)
class Reach:
    """Digests a release's evidence may speak of: `own` are its artifacts, `back` what led to them."""

    own: frozenset[Digest]
    back: frozenset[Digest]


def evidence_about(state: State, artifacts: tuple[ReleasedArtifact, ...]) -> tuple[Digest, ...]:
    """The statement digests of all evidence in the log that concerns the artifacts, in log order.

    Steps that made another artifact of the same data, or used another, are left to that one.
    """
    evidence = [e for _, e in sorted(state.entries.items()) if e.kind in EVIDENCE and e.record is not None]
    known = reach(evidence, artifacts)
    others = {d for e in evidence if e.kind not in ("link", "dataset") for d in _touched(e)} - known.back
    found = [e for e in evidence if concerns(e, known) and (_touched(e) & known.own or not _touched(e) & others)]
    return tuple(dict.fromkeys(e.record.statement_digest for e in found if e.record))


def reach(evidence: Iterable[Entry], artifacts: Iterable[ReleasedArtifact]) -> Reach:
    """The artifacts, their files, and for links and datasets all that recorded steps and provenance lead back to."""
    statements = [(e.kind, e.record.statement) for e in evidence if e.record is not None]
    own = {a.digest for a in artifacts}
    signatures = [s for _, s in statements if oms.covered(s) & own]
    files = {f.digest for s in signatures for f in oms.signed_files(s.predicate)}
    return Reach(frozenset(own), frozenset(_led_back(statements, own | files)))


def _led_back(statements: Iterable[tuple[str, Statement]], begin: set[Digest]) -> set[Digest]:
    """The digests to begin with and all that statements say they were made from; each statement is read once."""
    about: dict[Digest, list[set[Digest]]] = {}
    for kind, statement in statements:
        sources = _sources(kind, statement)
        for digest in {s.digest for s in statement.subjects} if sources else ():
            about.setdefault(digest, []).append(sources)
    found, pending = set(begin), list(begin)
    while pending:
        for sources in about.pop(pending.pop(), ()):
            pending += sources - found
            found |= sources
    return found


def concerns(entry: Entry, known: Reach) -> bool:
    """Whether a record speaks of what is released, or as a link or dataset of what led to it or was done with it."""
    assert entry.record is not None
    statement = entry.record.statement
    named = {s.digest for s in statement.subjects}
    if entry.kind == "link":
        return bool((named | _sources("link", statement)) & known.back)
    if entry.kind == "dataset":
        return bool(named & known.back)
    return bool((named | oms.covered(statement)) & known.own)


def _touched(entry: Entry) -> set[Digest]:
    """What a record names, and what a step used."""
    assert entry.record is not None
    named = {s.digest for s in entry.record.statement.subjects}
    return named | _sources("link", entry.record.statement) if entry.kind == "link" else named


def _sources(kind: str, statement: Statement) -> set[Digest]:
    if kind == "link":
        return {digest for _, digest in link.materials_of(statement.predicate)}
    if kind == "provenance":
        return {d.digest for d in recipe.dependencies(statement.predicate)}
    return set()
