"""What a dry run asks about: the facts of a record or a version at a gate, as the command names them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from muniment.cli import options
from muniment.cli.events import configured, measured, named_evidence
from muniment.core.errors import Missing, Usage

if TYPE_CHECKING:
    from datetime import datetime

    from muniment.policy.facts import Facts
    from muniment.registry.state import State


@dataclass(frozen=True, slots=True)
class Question:
    """A gate, and what is to pass it: `selector` names it, `artifacts` are those of a version not released yet."""

    selector: str
    gate: str
    environment: str
    artifacts: tuple[Path, ...]
    kind: str
    evidence: list[str] | None


def ask(state: State, question: Question, at: datetime) -> Facts:
    """The facts. Raises `Usage` for what cannot be asked, `Refused` for what could not come to the gate."""
    from muniment.core.name import parse_selector, parse_version_id
    from muniment.policy.gates import GATES, IN_ENVIRONMENTS, SUBMIT
    from muniment.registry import propose
    from muniment.registry.dryrun import facts_at, release_facts

    gate = question.gate
    if gate not in GATES:
        raise Usage(f"Nothing is asked at the gate {gate!r}.", f"Choose among {', '.join(GATES)}.")
    if question.artifacts and gate != "release":
        raise Usage("Artifacts are given for the gate release alone.", "Leave them out, or ask with --gate release.")
    if gate == SUBMIT:
        return _record(state, question.selector, at)
    if question.artifacts:
        artifacts = measured(question.artifacts, question.kind)
        named = named_evidence(state, artifacts, question.evidence)
        return release_facts(state, parse_version_id(question.selector), artifacts, named, at)
    if question.evidence:
        raise Usage("Evidence is given for a version that is not released yet.", "Name its artifacts too.")
    place = question.environment if gate in IN_ENVIRONMENTS else None
    version = propose.resolve(state, parse_selector(question.selector))
    if place is not None:
        configured(state, place)
    return facts_at(state, version, gate, place, at)


def _record(state: State, given: str, at: datetime) -> Facts:
    """A record by its entry's index, or in a file: a bundle, or a statement that nobody signed yet."""
    from muniment.core.canonical import parse_json
    from muniment.evidence.statement import STATEMENT_TYPE, parse_statement
    from muniment.registry.dryrun import submitted_facts, unsigned_facts
    from muniment.registry.fold import open_bundle, verify_bundle

    if given.isascii() and given.isdecimal():
        entry = state.entries.get(int(given))
        record = (entry.carrier or entry.record) if entry else None
        if record is None:
            raise Missing(f"There is no record in entry {given}.", "See muniment history for what there is.")
        return submitted_facts(state, record, at)
    data = options.read(Path(given))
    value = parse_json(data, given)
    if isinstance(value, dict) and value.get("_type") == STATEMENT_TYPE:
        return unsigned_facts(state, parse_statement(data), at)
    return submitted_facts(state, verify_bundle(state, open_bundle(data)), at)
