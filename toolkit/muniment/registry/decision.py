"""Decisions: what the registry admitted, said again by its sequencer as two signed records for those who do not replay.

Of every admitted event of the kinds `DECIDED` the log owes a SLSA verification summary (VSA) and a policy decision with
each finding. Both follow from the log to the last byte, so `check` derives them and admits no others, and no rule ever
looks at one. Source: SLSA 1.2, verification summary.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from muniment.core.canonical import format_json
from muniment.core.digest import Digest, digest_of
from muniment.core.document import check_schema
from muniment.core.errors import Refused
from muniment.core.instant import format_instant
from muniment.core.name import VersionId
from muniment.evidence.kinds import DECISIONS, OWN
from muniment.evidence.statement import Statement, Subject, format_statement
from muniment.policy.finding import Finding
from muniment.policy.gates import OF_VERSIONS
from muniment.registry.facts import rules_at
from muniment.registry.leaf import RecordLeaf, parse_leaf
from muniment.registry.paths import blob_path
from muniment.registry.redaction import is_underivable_at
from muniment.registry.runtime import STOPPED, Deploy
from muniment.registry.state import Entry, State
from muniment.signing.identity import Signed

DECIDED = ("release", "promote", "deploy")
"""The kinds of event that decisions are owed of."""
LEVEL = "SLSA_BUILD_LEVEL_UNEVALUATED"
SLSA_VERSION = "1.2"
_ABOUT = f"{OWN}policy-decision/v1"  # SLSA asks that fields of one's own are named by URIs


def owing(state: State, index: int) -> State:
    """The state that owes decisions on the event at `index`, where there is a sequencer to sign them."""
    assert state.config is not None
    entry = state.entries[index]
    if state.config.sequencer is None or entry.kind not in DECIDED or not passed_gate(entry):
        return state
    return replace(state, owed=state.owed.set(index, tuple(DECISIONS)))


def passed_gate(entry: Entry) -> bool:
    """Whether an entry is an event that passed the gate of its name: to say that something stopped takes none."""
    stopped = isinstance(entry.event, Deploy) and entry.event.status == STOPPED
    return entry.kind in OF_VERSIONS and not stopped


def owed(state: State) -> Iterator[tuple[int, str]]:
    """The decisions that are owed, by entry and kind, in the log's order; none where nobody may sign them."""
    assert state.config is not None
    if state.config.sequencer is not None:
        yield from ((index, kind) for index in sorted(state.owed) for kind in _owed_of(state, index))


def _owed_of(state: State, index: int | None) -> tuple[str, ...]:
    """The kinds that are owed on an entry: what a gate said of a record cannot be said again once it is redacted."""
    if index is None or index not in state.owed or state.entries[index].unproven is not None:
        return ()
    return state.owed[index]


def statement_of(state: State, index: int, kind: str) -> Statement:
    """The decision of a kind on the event at `index`."""
    entry = state.entries[index]
    assert entry.record is not None
    if kind == "vsa":
        return Statement(entry.record.statement.subjects, DECISIONS[kind], _summary(state, entry))
    subject = Subject("statement", entry.record.statement_digest)
    return Statement((subject,), DECISIONS[kind], _decision(state, entry))


def settle(state: State, signed: Signed, kind: str) -> State:
    """The state that owes this decision no more. Raises `Refused` for what is not owed word for word, or by another."""
    assert state.config is not None
    who = state.config.sequencer
    if who is None or not who.matches(signed.identity):
        raise Refused(
            f"{signed.identity.subject} is not the registry's sequencer, and nobody else signs decisions.",
            "Let publish make them.",
        )
    index = _decided(signed.statement.predicate)
    if kind not in _owed_of(state, index):
        raise Refused("The decision is on nothing that one is owed of.", "Let publish make it; it makes each once.")
    assert index is not None
    if _derived(state, signed, index, kind) != signed.payload:
        raise Refused(
            f"The decision says other things of entry {index} than the log adds up to.", "Let publish make it."
        )
    left = tuple(other for other in state.owed[index] if other != kind)
    return replace(state, owed=state.owed.set(index, left) if left else state.owed.delete(index))


def _derived(state: State, signed: Signed, index: int, kind: str) -> bytes:
    """The decision as it must be; its findings are its own word for who lacks a bundle that the gate looked at.

    A later entry redacts that bundle then, and names the event among the decisions that are unproven since.
    """
    must = statement_of(state, index, kind)
    if kind == "policy-decision" and is_underivable_at(state, state.versions[version_of(state.entries[index])], index):
        said = signed.statement.predicate
        check_schema(said, "policy-decision-v1", "The policy decision")
        must = replace(must, predicate={**must.predicate, "findings": said["findings"]})
    return format_statement(must)


def version_of(entry: Entry) -> VersionId:
    """The version that an event of the kinds `DECIDED` is of."""
    version = getattr(entry.event, "version", None)
    assert isinstance(version, VersionId)
    return version


def decisions_on(state: State, index: int) -> tuple[Entry, ...]:
    """The decisions in the log on the event at `index`."""
    record = state.entries[index].record
    assert record is not None
    digests = [record.statement_digest, *(s.digest for s in record.statement.subjects)]
    about = sorted({i for digest in digests for i in state.about.get(digest, ())})
    return tuple(e for i in about if decided(e := state.entries[i]) == index)


def decided(entry: Entry) -> int | None:
    """The index of the event that an entry is a decision on, None for what is none."""
    if entry.kind not in DECISIONS or entry.record is None:
        return None
    return _decided(entry.record.statement.predicate)


def _decided(predicate: Mapping[str, Any]) -> int | None:
    said = predicate.get(_ABOUT, predicate)
    index = said.get("entry") if isinstance(said, dict) else None
    return index if isinstance(index, int) else None


def _summary(state: State, entry: Entry) -> dict[str, Any]:
    base, where = _base(state), getattr(entry.event, "environment", None)
    return {
        "verifier": {"id": base},
        "timeVerified": format_instant(entry.admitted_at),
        "resourceUri": f"{base}/{version_of(entry)}",
        "policy": {"uri": f"{base}/policy.json", "digest": {"sha256": _policy(state, entry)[1].hex}},
        "inputAttestations": [_attestation(base, state.entries[i]) for i in _inputs(state, entry)],
        "verificationResult": "PASSED",
        "verifiedLevels": [LEVEL, "/".join(filter(None, [f"MUNIMENT_{entry.kind.upper()}", where]))],
        "slsaVersion": SLSA_VERSION,
        _ABOUT: _about(state, entry),
    }


def _decision(state: State, entry: Entry) -> dict[str, Any]:
    configured, policy = _policy(state, entry)
    where = getattr(entry.event, "environment", None)
    return {
        **_about(state, entry),
        "gate": entry.kind,
        "version": str(version_of(entry)),
        **({"environment": where} if where else {}),
        "decidedAt": format_instant(entry.admitted_at),
        "policy": {"digest": str(policy), "entry": configured},
        "decision": "admitted",
        "findings": [_finding(f) for f in entry.findings],
    }


def _about(state: State, entry: Entry) -> dict[str, Any]:
    """Which event is decided on: of which log, at which place, by its statement."""
    assert state.config is not None
    assert entry.record is not None
    log = {"origin": state.config.origin, "genesis": str(state.genesis)}
    return {"log": log, "entry": entry.index, "statement": str(entry.record.statement_digest)}


def _finding(finding: Finding) -> dict[str, Any]:
    value = {"rule": finding.rule, "title": finding.title, "status": finding.status.value, "reason": finding.reason}
    value |= {"waivedBy": finding.waived_by} if finding.waived_by else {}
    return value | ({"expires": format_instant(finding.expires)} if finding.expires else {})


def _policy(state: State, entry: Entry) -> tuple[int, Digest]:
    """The entry of the configuration in force when an event was admitted, and the digest of its policy."""
    index, config = rules_at(state, entry.index)
    return index, digest_of(format_json(config.source["policy"]))


def _inputs(state: State, entry: Entry) -> tuple[int, ...]:
    """The records before it that the gate looked at: evidence named and about the artifacts, and approvals.

    They are told by the log's leaves alone, so what is said of them does not depend on what becomes of a bundle.
    """
    assert entry.record is not None
    version = state.versions[version_of(entry)]
    named = {i for digest in version.evidence for i in state.statements[digest]}
    about = {i for artifact in version.artifacts for i in state.about.get(artifact.digest, ())}
    there = (i for i in named | about if state.absent.get(i, entry.index) >= entry.index)
    evidence = {i for i in there if state.entries[i].is_evidence}
    approvals = {a.index for a in state.approvals.get(entry.record.statement_digest, ()) if a.approves}
    return tuple(sorted(i for i in evidence | approvals if i < entry.index))


def _attestation(base: str, entry: Entry) -> dict[str, Any]:
    leaf = parse_leaf(entry.leaf)
    assert isinstance(leaf, RecordLeaf)
    bundle = leaf.bundle
    return {"uri": f"{base}/{blob_path(bundle)}", "digest": {"sha256": bundle.hex}}


def _base(state: State) -> str:
    """The registry's name as a URI: its files are served there, if anywhere."""
    assert state.config is not None
    origin = state.config.origin
    return origin if "://" in origin else f"https://{origin}"
