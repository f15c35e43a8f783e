"""A registry for one question: who signed the provenance of a version, and what it says. Real checks, no signatures."""

from __future__ import annotations

import copy
import json
from typing import Any

from muniment.core.digest import Digest, digest_of
from muniment.core.name import VersionId, parse_version_id
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.statement import Statement, Subject
from muniment.registry.check import SEMANTICS
from muniment.registry.event import Configure, LogRef, Release, ReleasedArtifact
from muniment.registry.predicate import format_event
from muniment.signing.identity import Identity, Signed
from muniment.signing.trustroot import canonical_root
from tests.site.sample import (
    GITHUB,
    ORIGIN,
    PEOPLE,
    SUBJECTS,
    Sample,
    configuration,
    provenance_predicate,
    trusted_root,
    workflow_claims,
)

Who = tuple[str, str, dict[str, str]]
VERSION = parse_version_id("aiops/detector@1.0.0")
PINNED = ("sourceRepositoryIdentifier", "sourceRepositoryOwnerIdentifier", "runnerEnvironment", "buildTrigger")


def workflow(repository: str = "sandbox.muniment.dev/detectors", issuer: str = GITHUB, **claims: str) -> Who:
    """A CI identity; `claims` replace those of its certificate."""
    own = workflow_claims(repository, "train.yml")
    return issuer, own["buildConfigURI"], own | {"sourceRepositoryIdentifier": str(len(repository))} | claims


HOSTED = workflow()
PERSON: Who = (PEOPLE, "trainer@sandbox.muniment.dev", {})


class Bench(Sample):
    """A registry without rules whose trainers are the given identities; `real` makes it no sandbox."""

    def __init__(self, *trainers: Who, real: bool = False) -> None:
        super().__init__()
        self.who = SUBJECTS | {f"trainer-{n}": who for n, who in enumerate(trainers or (HOSTED,))}
        self.rules = configuration(self.signer.vkey)
        self.rules["policy"]["rules"] = []
        if real:
            self._make_real()
        self.root = digest_of(canonical_root(json.dumps(self.rules["trustedRoot"]).encode()))
        self.rules["registry"]["bindings"] = [
            b for b in self.rules["registry"]["bindings"] if b["role"] != "trainer"
        ] + [{"role": "trainer", "namespaces": "all", "identity": _pattern(self.who[name])} for name in self.trainers]
        self.configure(None)
        self.publish()

    @property
    def trainers(self) -> list[str]:
        """The names of the trainers."""
        return [name for name in self.who if name.startswith("trainer-")]

    def configure(self, rules: dict[str, Any] | None) -> None:
        """Sets the rules."""
        rules = copy.deepcopy(rules or self.rules)
        event = Configure(
            log=LogRef(ORIGIN, self.state.genesis), after=None, at=self.now, semantics=SEMANTICS, configuration=rules
        )
        if self.state.genesis is None:
            self.add("administrator", format_event(event))
        else:
            self.event("administrator", event)

    def signed(self, who: str, statement: Statement) -> Signed:
        """A record that counts as verified."""
        issuer, subject, claims = self.who[who]
        made = super().signed("reviewer", statement)
        identity = Identity(self.root, issuer, subject, tuple(sorted(claims.items())))
        return Signed(made.statement, made.statement_digest, made.payload, identity, made.signed_at, made.bundle)

    def artifact(self, name: str = "model") -> ReleasedArtifact:
        """An artifact."""
        return ReleasedArtifact(name, "model", digest_of(name.encode()))

    def provenance(self, name: str = "model", who: str = "trainer-0", **changes: Any) -> Digest:
        """Provenance of an artifact: `builder`, `commit` and `validUntil` replace what it says."""
        data = {"name": "data", "digest": {"sha256": digest_of(b"data").hex}, "annotations": {"role": "training"}}
        predicate = provenance_predicate([data], 50) | {k: v for k, v in changes.items() if k == "validUntil"}
        said = copy.deepcopy(predicate)
        if "builder" in changes:
            said["runDetails"]["builder"]["id"] = changes["builder"]
        if "commit" in changes:
            said["buildDefinition"]["resolvedDependencies"][0]["digest"]["gitCommit"] = changes["commit"]
        said["runDetails"]["metadata"]["invocationId"] = f"run of {who}"
        subject = Subject(name, self.artifact(name).digest)
        return self.add(who, Statement((subject,), EVIDENCE["provenance"], said))

    def released(self, evidence: tuple[Digest, ...], names: tuple[str, ...] = ("model",)) -> VersionId:
        """A version of artifacts, bound to evidence."""
        artifacts = tuple(self.artifact(n) for n in names)
        event = Release(
            log=self.log(), after=None, at=self.now, version=VERSION, artifacts=artifacts, evidence=evidence
        )
        self.event("trainer-0", event)
        self._artifacts[str(VERSION)] = artifacts
        self.publish()
        return VERSION

    def pass_time(self) -> None:
        """Some record in a batch hours later."""
        self.provenance(f"other {len(self.leaves)}")
        self.publish()

    def _make_real(self) -> None:
        root = json.dumps(trusted_root()).replace("sandbox.muniment.dev", "sigstore.example")
        self.rules["trustedRoot"] = json.loads(canonical_root(root.encode()))
        self.rules["registry"]["sandbox"] = False


def _pattern(who: Who) -> dict[str, Any]:
    issuer, subject, claims = who
    pinned = {k: claims[k] for k in (*PINNED, "sourceRepositoryRef") if k in claims}
    return {"issuer": issuer, "subject": subject} | ({"claims": pinned} if pinned else {})
