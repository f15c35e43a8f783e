"""What waits in the inbox and bears on the command at hand: told on stderr, decided by publish."""

from __future__ import annotations

from typing import TYPE_CHECKING

from muniment.cli import options, output

if TYPE_CHECKING:
    from collections.abc import Iterator

    from muniment.core.digest import Digest
    from muniment.core.name import Name
    from muniment.evidence.statement import Statement
    from muniment.registry.event import ReleasedArtifact
    from muniment.registry.state import State


def tell_of_evidence(registry: str, artifacts: tuple[ReleasedArtifact, ...], named: tuple[Digest, ...]) -> None:
    """Says which evidence about the artifacts is not in the log yet, and so is not part of the release."""
    from muniment.evidence.kinds import EVIDENCE, kind_of

    digests, kinds = {a.digest for a in artifacts}, set()
    for digest, statement in _inbox(registry):
        kind = kind_of(statement.predicate_type)
        if kind in EVIDENCE and digest not in named and any(_speaks_of(statement, d) for d in digests):
            kinds.add(kind)
    if kinds:
        output.say(
            f"note: {', '.join(sorted(kinds))} in the inbox is not in the log yet, so the release leaves it out."
        )
        output.say("  try: Publish first and release then, or name it with --evidence sha256:...")


def tell_of_target(registry: str, state: State, target: Digest) -> None:
    """Says that nothing is known by the digest that is approved."""
    logged = (e.record.statement_digest for e in state.entries.values() if e.record is not None)
    if target not in (digest for digest, _ in _inbox(registry)) and target not in logged:
        output.say(f"note: No statement {target} waits in the inbox or is in the log.")


def tell_of_incident(registry: str, state: State, name: Name, incident: str) -> None:
    """Says that no incident by that id is open, unless one that would be waits in the inbox."""
    from muniment.evidence.kinds import kind_of

    known = state.incidents.get((name, incident))
    if known is not None and not known.resolved:
        return
    said = (s.predicate for _, s in _inbox(registry) if kind_of(s.predicate_type) == "incident")
    if all((p.get("name"), p.get("incident")) != (str(name), incident) for p in said):
        output.say(f"note: No incident {incident} of {name} is open, so publish will refuse this.")
        output.say(f"  try: muniment incident open {name} {incident} --env ENVIRONMENT --severity high --reason ...")


def _speaks_of(statement: Statement, digest: Digest) -> bool:
    from muniment.evidence import oms

    return any(s.digest == digest for s in statement.subjects) or oms.covers(statement, digest)


def _inbox(registry: str) -> Iterator[tuple[Digest, Statement]]:
    """The statements that wait, by digest; what is none is left to publish to refuse."""
    from muniment.core.digest import digest_of
    from muniment.core.errors import MunimentError
    from muniment.evidence.statement import parse_statement
    from muniment.registry.inbox import Limits, choose, read_item

    store = options.store(registry)
    for path in choose(store, Limits().files)[0]:
        item = read_item(store, path)
        try:
            if item is not None and item.bundle is not None:
                yield digest_of(item.bundle.payload), parse_statement(item.bundle.payload)
        except MunimentError:
            continue
