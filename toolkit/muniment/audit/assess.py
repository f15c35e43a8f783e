"""Controls held against a version: each row has a state, a reason and the evidence it rests on. Pure; no clock."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from muniment.audit.conditions import CONDITIONS, Answer, Case, ControlState
from muniment.audit.controls import Control, Framework
from muniment.core.digest import Digest
from muniment.core.errors import Malformed
from muniment.core.name import VersionId
from muniment.registry.state import Entry, State


@dataclass(frozen=True, slots=True)
class Evidence:
    """A record that a row rests on; `signer` and `issuer` are the certificate's words.

    `brought_in_by` is the subject of who brought in a third party's.
    """

    kind: str
    statement: Digest
    index: int
    signer: str
    issuer: str
    signed_at: datetime
    verified_by: str
    brought_in_by: str | None = None


@dataclass(frozen=True, slots=True)
class Row:
    """One control: what is asked, how it stands and why, and what the evidence cannot show."""

    id: str
    title: str
    asks: str
    state: ControlState
    reason: str
    limit: str
    evidence: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Assessment:
    """A framework held against a version as of the last batch, admitted `at`, of a log of `size` entries."""

    framework: str
    title: str
    edition: str
    version: VersionId
    size: int
    at: datetime
    rows: tuple[Row, ...]


def assess(state: State, version: VersionId, framework: Framework) -> Assessment:
    """Every row of a framework for a version. Expiry is judged at the last batch's `admittedAt`."""
    assert state.admitted_at is not None
    case = Case(state, version, state.admitted_at)
    rows = tuple(_row(case, control) for control in framework.controls)
    return Assessment(framework.id, framework.title, framework.edition, version, state.size, state.admitted_at, rows)


def evidence_of(state: State, entry: Entry) -> Evidence:
    """A record as evidence. Every record in a state was verified when the log was replayed."""
    record = entry.record
    assert record is not None
    who = record.identity
    by = f"replay of {state.size} entries; Sigstore root {who.root}"
    carrier = entry.carrier.identity.subject if entry.carrier else None
    said = (entry.kind, record.statement_digest, entry.index, who.subject, who.issuer, record.signed_at)
    return Evidence(*said, by, carrier)


def _row(case: Case, control: Control) -> Row:
    answer = _ask(case, control)
    entries = sorted(set(answer.indexes))
    evidence = tuple(evidence_of(case.state, case.state.entries[i]) for i in entries)
    return Row(control.id, control.title, control.asks, answer.state, answer.reason, control.limit, evidence)


def _ask(case: Case, control: Control) -> Answer:
    if control.condition not in CONDITIONS:
        raise Malformed(
            f"The control {control.id} names the condition {control.condition!r}, which does not exist.",
            f"Choose among {', '.join(CONDITIONS)}.",
        )
    return CONDITIONS[control.condition](case)
