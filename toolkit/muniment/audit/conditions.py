"""The questions that decide a control's state, by the names that framework files use.

What cannot be decided from signed evidence is `needs a person`, never a yes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from muniment.core.digest import Digest
from muniment.core.errors import Malformed
from muniment.core.instant import format_instant, parse_instant
from muniment.core.name import VersionId
from muniment.evidence.kinds import EVIDENCE, OWN
from muniment.insight.lineage import records_of
from muniment.registry.event import ReleasedArtifact
from muniment.registry.pattern import GITHUB
from muniment.registry.state import Entry, State
from muniment.signing.identity import Identity
from muniment.site.facts.said import dig, objects, text

SUMMARY = "https://slsa.dev/verification_summary/v1"
HOSTED = "https://github.com/actions/runner/github-hosted"
SELF = f"{OWN}builders/self/"


class ControlState(StrEnum):
    """How a control stands, the weakest last."""

    PRESENT = "present"
    NEEDS_A_PERSON = "needs a person"
    EXPIRED = "expired"
    MISSING = "missing"


_WEAKER = tuple(ControlState)


@dataclass(frozen=True, slots=True)
class Answer:
    """A state with its reason and the log indexes of the records behind it."""

    state: ControlState
    reason: str
    indexes: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Case:
    """A version in a state; expiry is judged `at`."""

    state: State
    version: VersionId
    at: datetime

    @property
    def artifacts(self) -> tuple[ReleasedArtifact, ...]:
        """What the version is bound to."""
        return self.state.versions[self.version].artifacts

    def bound(self, predicate_type: str, artifact: Digest) -> list[Entry]:
        """The records of a type that the release names, with the artifact as subject."""
        return [e for e in records_of(self.state, self.version) if _speaks(e, predicate_type, artifact)]

    def about(self, predicate_type: str, artifact: Digest) -> list[Entry]:
        """All records of a type about an artifact, also those that came later, by signers who may sign them here."""
        config = self.state.config
        assert config is not None
        found = [self.state.entries[i] for i in self.state.about.get(artifact, ())]
        namespace = self.version.name.namespace
        return [
            e
            for e in found
            if e.record is not None
            and _speaks(e, predicate_type, artifact)
            and config.roles_of(e.record.identity, e.kind, namespace, e.record.signed_at, e.admitted_at)
        ]


def _nothing_asked(case: Case) -> Answer:
    return Answer(ControlState.PRESENT, "Nothing is asked, so every version is here.")


def _names_every_artifact(case: Case) -> Answer:
    answer = _over_artifacts(case, lambda entry: Answer(ControlState.PRESENT, "", (entry.index,)))
    names = _listed([a.name for a in case.artifacts])
    return replace(answer, reason=f"Provenance names the digest of {names}.") if not answer.reason else answer


def _signed_by_hosted_platform(case: Case) -> Answer:
    return _over_artifacts(case, _hosted)


def _trusted_builder(case: Case) -> Answer:
    below = _over_artifacts(case, _hosted)
    if below.state in (ControlState.MISSING, ControlState.EXPIRED):
        return Answer(ControlState.MISSING, "It stands on Build L2, which this version does not show.")
    builders = sorted({_builder(case.state.entries[i]) for i in below.indexes})
    reason = (
        f"The provenance names {_listed(builders)} as builder. This registry keeps no list of trusted builders: "
        "someone has to decide whether it isolates builds and writes their provenance itself."
    )
    return Answer(ControlState.NEEDS_A_PERSON, reason, below.indexes)


def _source_summary(case: Case) -> Answer:
    found = [e for e in _summaries(case) if any(level.startswith("SLSA_SOURCE_LEVEL_") for level in _levels(e))]
    if not found:
        return Answer(ControlState.MISSING, "The log holds no verification summary of the source.")
    levels = sorted({level for e in found for level in _levels(e) if level.startswith("SLSA_SOURCE_")})
    verifiers = sorted({text(dig(_said(e), "verifier", "id")) or "nobody" for e in found})
    reason = f"{_listed(verifiers)} says {_listed(levels)}. Someone has to decide whether to trust that verifier."
    return Answer(ControlState.NEEDS_A_PERSON, reason, tuple(e.index for e in found))


def _reproduced(case: Case) -> Answer:
    wanted = {"SLSA_BUILD_REPRODUCED", "SLSA_SOURCE_TWO_PARTY_REVIEWED"}
    summaries = [e for e in _summaries(case) if wanted & set(_levels(e))]
    if summaries:
        reason = "A verification summary says so. Someone has to decide whether to trust its verifier."
        return Answer(ControlState.NEEDS_A_PERSON, reason, tuple(e.index for e in summaries))
    twice = [_by_signer(case.about(EVIDENCE["provenance"], a.digest)) for a in case.artifacts]
    if twice and all(len(signers) > 1 for signers in twice):
        reason = "Different signers say that they built the same bytes. Someone has to decide whether they work apart."
        return Answer(ControlState.NEEDS_A_PERSON, reason, tuple(i for signers in twice for i in signers.values()))
    return Answer(ControlState.MISSING, "The log holds no second build of the same bytes and no summary of one.")


CONDITIONS: Mapping[str, Callable[[Case], Answer]] = {
    "nothing-asked": _nothing_asked,
    "names-every-artifact": _names_every_artifact,
    "signed-by-hosted-platform": _signed_by_hosted_platform,
    "trusted-builder": _trusted_builder,
    "source-summary": _source_summary,
    "reproduced": _reproduced,
}


def is_workflow(identity: Identity) -> bool:
    """Whether a certificate names a CI run instead of a person."""
    return identity.claim("sourceRepositoryURI") is not None or identity.issuer == GITHUB


def _over_artifacts(case: Case, judge: Callable[[Entry], Answer]) -> Answer:
    """The weakest answer over the artifacts, each by the best of its provenance."""
    answers = [_best(case, artifact, judge) for artifact in case.artifacts]
    weakest = max(answers, key=lambda a: _WEAKER.index(a.state)).state
    telling = [a for a in answers if a.state is weakest]
    reasons = dict.fromkeys(a.reason for a in telling)
    return Answer(weakest, " ".join(reasons), tuple(i for a in answers for i in a.indexes))


def _best(case: Case, artifact: ReleasedArtifact, judge: Callable[[Entry], Answer]) -> Answer:
    entries = case.bound(EVIDENCE["provenance"], artifact.digest)
    if not entries:
        return Answer(ControlState.MISSING, f"The release names no provenance of {artifact.name}.")
    answers = [_expired(entry, case.at) or judge(entry) for entry in entries]
    return min(answers, key=lambda a: _WEAKER.index(a.state))


def _expired(entry: Entry, at: datetime) -> Answer | None:
    """Expired when the statement says until when it holds, and that is over."""
    until = dig(_said(entry), "validUntil")
    try:
        over = until is not None and parse_instant(until) < at
    except Malformed:
        return Answer(
            ControlState.NEEDS_A_PERSON, "It says until when it holds in a form that is no time.", (entry.index,)
        )
    if not over:
        return None
    return Answer(ControlState.EXPIRED, f"It held until {until}; judged at {format_instant(at)}.", (entry.index,))


def _hosted(entry: Entry) -> Answer:
    """Build L2 by one provenance."""
    assert entry.record is not None
    who, at = entry.record.identity, (entry.index,)
    runner = who.claim("runnerEnvironment")
    if not is_workflow(who):
        return Answer(ControlState.MISSING, f"{who.subject} signed the provenance: a person, no CI platform.", at)
    if who.issuer != GITHUB:
        reason = f"The signer is a CI identity of {who.issuer}. Someone has to decide whether it hosts its runners."
        return Answer(ControlState.NEEDS_A_PERSON, reason, at)
    if runner != "github-hosted":
        return Answer(ControlState.MISSING, f"The runner was {runner or 'unknown'}, not github-hosted.", at)
    return _paired(entry, who)


def _paired(entry: Entry, who: Identity) -> Answer:
    """The builder must be the one that signed, and its commit the one that the certificate names."""
    builder, at = _builder(entry), (entry.index,)
    if builder.startswith(SELF):
        reason = f"A hosted workflow signed, but the builder it names, {builder}, is a machine that vouches for itself."
        return Answer(ControlState.MISSING, reason, at)
    if builder not in {who.subject, who.claim("buildSignerURI"), who.claim("buildConfigURI"), HOSTED}:
        reason = f"The provenance names {builder} as builder; {who.subject} signed it. Someone has to look."
        return Answer(ControlState.NEEDS_A_PERSON, reason, at)
    commits = _commits(entry, who)
    if commits - {who.claim("sourceRepositoryDigest")}:
        reason = "The provenance names another commit of the repository than the signer's certificate."
        return Answer(ControlState.NEEDS_A_PERSON, reason, at)
    reason = f"Signed by {who.subject} on a github-hosted runner; the provenance names that builder."
    return Answer(ControlState.PRESENT, reason, at)


def _commits(entry: Entry, who: Identity) -> set[str]:
    """The commits that the provenance names of the repository that the certificate names."""
    repository = who.claim("sourceRepositoryURI") or ""
    items = objects(dig(_said(entry), "buildDefinition", "resolvedDependencies"))
    own = [i for i in items if repository and (text(i.get("uri")) or "").startswith(f"git+{repository}@")]
    return {commit for item in own if (commit := text(dig(item, "digest", "gitCommit")))}


def _builder(entry: Entry) -> str:
    return text(dig(_said(entry), "runDetails", "builder", "id")) or "nobody"


def _summaries(case: Case) -> list[Entry]:
    return [e for a in case.artifacts for e in case.about(SUMMARY, a.digest)]


def _levels(entry: Entry) -> list[str]:
    levels = dig(_said(entry), "verifiedLevels")
    return [level for level in levels if isinstance(level, str)] if isinstance(levels, list) else []


def _by_signer(entries: Iterable[Entry]) -> dict[str, int]:
    return {e.record.identity.key: e.index for e in entries if e.record is not None}


def _speaks(entry: Entry, predicate_type: str, artifact: Digest) -> bool:
    record = entry.record
    if record is None or record.statement.predicate_type != predicate_type:
        return False
    return any(s.digest == artifact for s in record.statement.subjects)


def _said(entry: Entry) -> Mapping[str, object]:
    assert entry.record is not None
    return entry.record.statement.predicate


def _listed(words: list[str]) -> str:
    return ", ".join(words)
