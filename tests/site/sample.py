"""A registry made without Sigstore: real configuration, events, check, log and checkpoint; only signatures are missing.

Roles, not people. One reason carries markup and a direction control, as hostile submitters write them.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from muniment.core.digest import Digest, digest_of
from muniment.core.errors import Missing
from muniment.core.name import parse_version_id
from muniment.evidence.kinds import BUILD_TYPE, EVIDENCE
from muniment.evidence.statement import Statement, Subject, format_statement
from muniment.log.checkpoint import Checkpoint, sign_checkpoint
from muniment.log.note import NoteSigner
from muniment.registry.check import SEMANTICS, check
from muniment.registry.event import (
    Approve,
    Configure,
    Event,
    LogRef,
    Promote,
    Release,
    ReleasedArtifact,
    Retire,
    Rollback,
    subjects_of,
)
from muniment.registry.fold import History, state_root, tree_of
from muniment.registry.leaf import StateLeaf, derive_leaf, format_state_leaf
from muniment.registry.oversight import Incident
from muniment.registry.predicate import format_event
from muniment.registry.state import Entry, State
from muniment.signing.identity import Identity, Signed
from muniment.signing.trustroot import canonical_root

ORIGIN = "sandbox.muniment.dev/aiops"
START = datetime(2026, 1, 12, 8, 0, tzinfo=UTC)
GITHUB = "https://token.actions.githubusercontent.com"
PEOPLE = "https://accounts.sandbox.muniment.dev"
HOSTILE = "Faster <script>alert(1)</script> \u202egnp.exe \"quoted\" & 'apostrophe'"


def trusted_root() -> dict[str, Any]:
    """A trusted root with a sandbox name and no usable key."""
    key = {
        "rawBytes": base64.b64encode(b"key").decode(),
        "keyDetails": "PKIX_ED25519",
        "validFor": {"start": "2026-01-01T00:00:00Z"},
    }
    log = {"hashAlgorithm": "SHA2_256", "publicKey": key, "logId": {"keyId": base64.b64encode(b"k" * 32).decode()}}
    authority = {
        "subject": {"organization": "sandbox", "commonName": "sandbox"},
        "uri": "https://fulcio.sandbox.muniment.dev",
        "certChain": {"certificates": [{"rawBytes": base64.b64encode(b"cert").decode()}]},
        "validFor": {"start": "2026-01-01T00:00:00Z"},
    }
    return {
        "mediaType": "application/vnd.dev.sigstore.trustedroot+json;version=0.1",
        "tlogs": [{"baseUrl": "https://rekor.sandbox.muniment.dev", **log}],
        "certificateAuthorities": [authority],
        "ctlogs": [{"baseUrl": "https://ctfe.sandbox.muniment.dev", **log}],
        "timestampAuthorities": [{**authority, "uri": "https://tsa.sandbox.muniment.dev"}],
    }


def workflow_claims(repository: str, file: str) -> dict[str, str]:
    """What a certificate of a GitHub workflow proves."""
    url = f"https://github.com/{repository}"
    return {
        "buildConfigURI": f"{url}/.github/workflows/{file}@refs/heads/main",
        "buildSignerURI": f"{url}/.github/workflows/{file}@refs/heads/main",
        "buildTrigger": "push",
        "runInvocationURI": f"{url}/actions/runs/4711/attempts/1",
        "runnerEnvironment": "github-hosted",
        "sourceRepositoryDigest": "5f3c1e9a7b2d4c6e8f0a1b2c3d4e5f6071829304",
        "sourceRepositoryIdentifier": "700001",
        "sourceRepositoryOwnerIdentifier": "900001",
        "sourceRepositoryRef": "refs/heads/main",
        "sourceRepositoryURI": url,
    }


TRAINER_CLAIMS = workflow_claims("sandbox.muniment.dev/detectors", "train.yml")
SUBJECTS = {
    "administrator": (PEOPLE, "administrator@sandbox.muniment.dev", {}),
    "reviewer": (PEOPLE, "reviewer@sandbox.muniment.dev", {}),
    "operator": (PEOPLE, "operator@sandbox.muniment.dev", {}),
    "trainer": (GITHUB, TRAINER_CLAIMS["buildConfigURI"], TRAINER_CLAIMS),
}


def configuration(log_key: str) -> dict[str, Any]:
    """registry.yaml, policy.yaml and a trusted root."""
    may = {
        "administrator": ["configure", "approve", "retire", "rotate-key"],
        "trainer": [*EVIDENCE, "release"],
        "reviewer": ["approve"],
        "operator": ["promote", "rollback", "retire", "incident"],
    }
    pinned = (
        "sourceRepositoryIdentifier",
        "sourceRepositoryOwnerIdentifier",
        "runnerEnvironment",
        "buildTrigger",
        "sourceRepositoryRef",
    )
    identities = {
        who: {"issuer": issuer, "subject": subject} | ({"claims": {k: claims[k] for k in pinned}} if claims else {})
        for who, (issuer, subject, claims) in SUBJECTS.items()
    }
    return {
        "registry": {
            "origin": ORIGIN,
            "title": "Anomaly detectors",
            "sandbox": True,
            "environments": ["development", "staging", "production"],
            "namespaces": {"aiops": {"title": "Detectors for machine telemetry", "owners": ["operator A"]}},
            "roles": {role: {"may": kinds} for role, kinds in may.items()},
            "persons": {f"{who} A": [identities[who]] for who in ("administrator", "reviewer", "operator")},
            "bindings": [{"role": role, "namespaces": "all", "identity": identities[role]} for role in may],
            "logKeys": [log_key],
        },
        "policy": {
            "rules": [
                {
                    "rule": "evidence-required",
                    "id": "model-evidence",
                    "gate": "release",
                    "kinds": ["model"],
                    "with": {"evidence": ["provenance", "bom", "signature", "evaluation"]},
                },
                {
                    "rule": "metric-threshold",
                    "id": "f1-floor",
                    "gate": "release",
                    "severity": "warn",
                    "kinds": ["model"],
                    "with": {"metric": "f1", "min": 0.8},
                },
                {
                    "rule": "approvals-required",
                    "id": "four-eyes",
                    "gate": "promote",
                    "environments": ["production"],
                    "with": {"count": 1, "role": "reviewer"},
                },
            ]
        },
        "trustedRoot": json.loads(canonical_root(json.dumps(trusted_root()).encode())),
    }


class Sample:
    """Writes a registry entry by entry."""

    def __init__(self) -> None:
        self.state = State()
        self.now = START
        self.leaves: list[bytes] = []
        self.blobs: dict[Digest, bytes] = {}
        self.notes: dict[int, bytes] = {}
        self.signer = NoteSigner(ORIGIN, b"\x07" * 32)
        self.root = digest_of(canonical_root(json.dumps(trusted_root()).encode()))
        self.histories: dict[int, History] = {}
        self._artifacts: dict[str, tuple[ReleasedArtifact, ...]] = {}

    def log(self) -> LogRef:
        """The log as events name it."""
        return LogRef(ORIGIN, self.state.genesis)

    def signed(self, who: str, statement: Statement) -> Signed:
        """A record that counts as verified."""
        issuer, subject, claims = SUBJECTS[who]
        payload = format_statement(statement)
        bundle = json.dumps(
            {
                "verificationMaterial": {"tlogEntries": [{"logIndex": str(4000 + len(self.leaves))}]},
                "payload": digest_of(payload).hex,
            }
        ).encode()
        self.blobs[digest_of(bundle)] = bundle
        identity = Identity(self.root, issuer, subject, tuple(sorted(claims.items())))
        return Signed(statement, digest_of(payload), payload, identity, self.now, digest_of(bundle))

    def add(self, who: str, statement: Statement) -> Digest:
        """Admits a record and gives its statement digest."""
        signed = self.signed(who, statement)
        leaf = derive_leaf(signed)
        self.state = check(self.state, signed, self.now, leaf)
        self.leaves.append(leaf)
        return signed.statement_digest

    def event(self, who: str, event: Event, subjects: tuple[Subject, ...] = ()) -> Digest:
        """Admits an event."""
        return self.add(who, self.statement(who, event, subjects))

    def statement(self, who: str, event: Event, subjects: tuple[Subject, ...] = ()) -> Statement:
        """An event as it is signed: `after` is filled in."""
        key = self.signed(who, Statement((Subject("x", digest_of(b"x")),), "x", {})).identity.key
        return format_event(replace(event, after=self.state.last.get(event.acts_on(key))), subjects)

    def publish(self, hours: float = 5) -> None:
        """Ends the batch with a state leaf and signs a checkpoint."""
        leaf = format_state_leaf(StateLeaf(self.now, state_root(self.state)))
        entry = Entry(self.state.size, leaf, "state", None, None, self.now)
        self.state = self.state.grown(entry)
        self.leaves.append(leaf)
        self.notes[len(self.leaves)] = sign_checkpoint(self.checkpoint(), self.signer)
        self.histories[len(self.leaves)] = self.history()
        self.now += timedelta(hours=hours)

    def checkpoint(self) -> Checkpoint:
        """What the log commits to."""
        return Checkpoint(ORIGIN, len(self.leaves), tree_of(self.leaves).root())

    def history(self) -> History:
        """The registry, as read."""
        entries = tuple(self.state.entries[i] for i in range(len(self.leaves)))
        return History(entries, self.state, self.checkpoint(), self.notes[len(self.leaves)], tuple(self.leaves))

    def blob(self, digest: Digest) -> bytes:
        """A blob. Raises `Missing`."""
        if digest not in self.blobs:
            raise Missing(f"There is no blob {digest}.")
        return self.blobs[digest]

    def say(self, who: str, kind: str, subject: Subject, predicate: Mapping[str, Any]) -> Digest:
        """Admits evidence."""
        return self.add(who, Statement((subject,), EVIDENCE[kind], predicate))

    def release(self, version: str, kind: str, name: str, evidence: tuple[Digest, ...]) -> None:
        """Releases a version of one artifact."""
        artifacts = (ReleasedArtifact(name, kind, self.digest(version)),)
        self._artifacts[version] = artifacts
        self.event(
            "trainer",
            Release(
                log=self.log(),
                after=None,
                at=self.now,
                version=parse_version_id(version),
                artifacts=artifacts,
                evidence=evidence,
            ),
        )

    def promote(self, version: str, environment: str, reason: str, approve: str | None = None) -> None:
        """Promotes a version, approved first if `approve` says why."""
        event = Promote(
            log=self.log(),
            after=None,
            at=self.now,
            version=parse_version_id(version),
            environment=environment,
            reason=reason,
        )
        statement = self.statement("operator", event, subjects_of(self._artifacts[version]))
        if approve is not None:
            target = digest_of(format_statement(statement))
            self.event(
                "reviewer",
                Approve(
                    log=self.log(),
                    after=None,
                    at=self.now,
                    target=target,
                    role="reviewer",
                    decision="approved",
                    reason=approve,
                ),
            )
        self.add("operator", statement)

    def rollback(self, version: str, replaces: str, environment: str, incident: str, reason: str) -> None:
        """Puts an earlier version back."""
        event = Rollback(
            log=self.log(),
            after=None,
            at=self.now,
            version=parse_version_id(version),
            environment=environment,
            replaces=parse_version_id(replaces),
            incident=incident,
            reason=reason,
        )
        self.event("operator", event, subjects_of(self._artifacts[version]))

    def open_incident(self, version: str, environment: str, incident: str, reason: str) -> None:
        """Opens an incident, located to a version."""
        found = parse_version_id(version)
        event = Incident(
            log=self.log(),
            after=None,
            at=self.now,
            name=found.name,
            incident=incident,
            action="opened",
            reason=reason,
            severity="high",
            environment=environment,
            version=found,
        )
        self.event("operator", event, subjects_of(self._artifacts[version]))

    def retire(self, version: str, category: str, reason: str, replacement: str | None) -> None:
        """Takes a version out of use."""
        event = Retire(
            log=self.log(),
            after=None,
            at=self.now,
            version=parse_version_id(version),
            category=category,
            reason=reason,
            replacement=parse_version_id(replacement) if replacement else None,
        )
        self.event("operator", event, subjects_of(self._artifacts[version]))

    def digest(self, version: str) -> Digest:
        """The digest of a version's artifact."""
        return digest_of(f"bytes of {version}".encode())

    def subject(self, version: str, name: str) -> Subject:
        """A version's artifact as a subject."""
        return Subject(name, self.digest(version))

    def dataset(self, version: str) -> None:
        """A dataset with its record, released."""
        name = "telemetry.csv"
        record = self.say("trainer", "dataset", self.subject(version, name), dataset_predicate())
        self.release(version, "dataset", name, (record,))

    def model(self, version: str, parents: tuple[tuple[str, str], ...], f1: float, trees: int) -> None:
        """A model with all its evidence, released. `parents` are (version, role)."""
        name = "detector.joblib"
        subject = self.subject(version, name)
        inputs = [
            {"name": v, "digest": {"sha256": self.digest(v).hex}, "annotations": {"role": role}} for v, role in parents
        ]
        evidence = (
            self.say("trainer", "provenance", subject, provenance_predicate(inputs, trees)),
            self.say("trainer", "link", subject, link_predicate()),
            self.say("trainer", "bom", subject, bom_predicate(version)),
            self.add("trainer", signature_statement(name, subject.digest)),
            self.say("trainer", "evaluation", subject, evaluation_predicate(f1, self.digest(parents[0][0]))),
        )
        self.release(version, "model", name, evidence)


def sample() -> Sample:
    """The story: a dataset, three releases of a detector, an approval, a rollback for an incident, a second model."""
    s = Sample()
    s.add("administrator", format_event(genesis(s)))
    s.publish()
    s.dataset("aiops/telemetry@2026.01")
    s.publish()
    data = ("aiops/telemetry@2026.01", "training")
    s.model("aiops/cpu-anomaly@0.9.0", (data,), 0.74, 50)
    s.publish(20)
    s.model("aiops/cpu-anomaly@1.0.0", (data,), 0.871, 100)
    s.publish()
    s.promote("aiops/cpu-anomaly@1.0.0", "staging", "Shadow traffic looked right.")
    s.promote("aiops/cpu-anomaly@1.0.0", "production", "First detector for the fleet.", "Metrics and data reviewed.")
    s.publish(50)
    s.retire("aiops/cpu-anomaly@0.9.0", "superseded", "It missed one anomaly in four.", "aiops/cpu-anomaly@1.0.0")
    s.publish()
    s.model("aiops/cpu-anomaly@2.0.0", (data, ("aiops/cpu-anomaly@1.0.0", "base-model")), 0.902, 200)
    s.publish()
    s.promote("aiops/cpu-anomaly@2.0.0", "staging", HOSTILE)
    s.promote("aiops/cpu-anomaly@2.0.0", "production", "Better recall on bursts.", "The new slices hold.")
    s.publish(30)
    s.open_incident("aiops/cpu-anomaly@2.0.0", "production", "INC-2026-017", "False alarms on every nightly backup.")
    s.rollback(
        "aiops/cpu-anomaly@1.0.0",
        "aiops/cpu-anomaly@2.0.0",
        "production",
        "INC-2026-017",
        "False alarms on every nightly backup.",
    )
    s.publish()
    s.model("aiops/disk-forecast@1.0.0", (data,), 0.93, 80)
    s.model(
        "aiops/ensemble@0.1.0",
        (("aiops/cpu-anomaly@2.0.0", "base-model"), ("aiops/disk-forecast@1.0.0", "base-model")),
        0.95,
        10,
    )
    s.publish()
    return s


def genesis(s: Sample) -> Configure:
    """The first entry of a sample's log."""
    rules = configuration(s.signer.vkey)
    return Configure(log=LogRef(ORIGIN, None), after=None, at=s.now, semantics=SEMANTICS, configuration=rules)


def dataset_predicate() -> dict[str, Any]:
    """What a dataset record says."""
    return {
        "name": "telemetry",
        "description": "CPU and disk series of one machine under known loads.",
        "origin": {
            "producer": "operations",
            "collectedFrom": "2026-01-02T00:00:00Z",
            "collectedTo": "2026-01-09T00:00:00Z",
        },
        "licence": "CC0-1.0",
        "slices": [
            {"name": "train", "rows": 20160, "purpose": "training"},
            {"name": "test", "rows": 5040, "purpose": "test"},
        ],
        "collection": "Recorded every five seconds by the recorder beside it.",
        "labelling": {"method": "recorded", "description": "The loads that ran."},
        "cleaning": ["Gaps of one sample were filled."],
        "personalData": {"present": False},
        "access": {"classification": "public"},
        "contents": {"files": 4, "bytes": 1048576},
    }


def provenance_predicate(inputs: list[dict[str, Any]], trees: int) -> dict[str, Any]:
    """What a training recipe says."""
    commit = TRAINER_CLAIMS["sourceRepositoryDigest"]
    code = {
        "name": "code",
        "uri": f"git+{TRAINER_CLAIMS['sourceRepositoryURI']}@{commit}",
        "digest": {"gitCommit": commit},
        "annotations": {"role": "code"},
    }
    lock = {
        "name": "requirements.txt",
        "digest": {"sha256": digest_of(b"lock").hex},
        "annotations": {"role": "lockfile"},
    }
    return {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": {
                "task": "anomaly-detection",
                "code": {"repository": TRAINER_CLAIMS["sourceRepositoryURI"], "commit": commit, "path": "train.py"},
                "command": ["python", "train.py", "--trees", str(trees)],
                "data": [{"name": i["name"], "digest": f"sha256:{i['digest']['sha256']}"} for i in inputs],
                "features": ["mean_5m", "slope_5m", "hour"],
                "seeds": {"PYTHONHASHSEED": 0, "random_state": 7},
                "hyperparameters": {"n_estimators": trees, "contamination": 0.01},
            },
            "internalParameters": {
                "hardware": {"architecture": "x86_64", "cores": 2, "memory": 8589934592},
                "software": {
                    "system": "Linux",
                    "python": "3.11.9",
                    "distributions": {"numpy": "2.4.6", "scikit-learn": "1.9.1"},
                },
            },
            "resolvedDependencies": [code, *inputs, lock],
        },
        "runDetails": {
            "builder": {"id": TRAINER_CLAIMS["buildSignerURI"]},
            "metadata": {
                "invocationId": TRAINER_CLAIMS["runInvocationURI"],
                "startedOn": "2026-01-12T07:31:02Z",
                "finishedOn": "2026-01-12T07:33:40Z",
            },
        },
    }


def link_predicate() -> dict[str, Any]:
    """What a step's link says."""
    materials = [{"name": "data/cpu.csv", "digest": {"sha256": digest_of(b"cpu").hex}}]
    return {
        "name": "train",
        "command": ["python", "train.py", "--out", "detector.joblib"],
        "materials": materials,
        "byproducts": {"return-value": 0},
        "environment": {},
    }


def bom_predicate(version: str) -> dict[str, Any]:
    """A small ML-BOM."""
    name, _, number = version.partition("@")
    libraries = [
        ("numpy", "2.4.6", "BSD-3-Clause"),
        ("scikit-learn", "1.9.1", "BSD-3-Clause"),
        ("joblib", "1.6.0", "BSD-3-Clause"),
        ("scipy", "1.17.1", "BSD-3-Clause AND MIT"),
    ]
    card = {
        "modelParameters": {
            "task": "anomaly-detection",
            "architectureFamily": "tree ensemble",
            "modelArchitecture": "IsolationForest",
        },
        "considerations": {
            "useCases": ["Alert on unusual load of one machine."],
            "technicalLimitations": ["Nightly backups look like bursts."],
        },
    }
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "timestamp": "2026-01-12T07:33:40Z",
            "component": {
                "type": "machine-learning-model",
                "bom-ref": "model",
                "name": name.partition("/")[2],
                "group": "aiops",
                "version": number,
                "licenses": [{"expression": "Apache-2.0"}],
                "modelCard": card,
            },
        },
        "components": [
            {"type": "library", "bom-ref": n, "name": n, "version": v, "licenses": [{"expression": e}]}
            for n, v, e in libraries
        ],
    }


def signature_statement(name: str, digest: Digest) -> Statement:
    """An OMS statement of a lone file."""
    root = digest_of(digest.raw)
    predicate = {
        "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []},
        "resources": [{"name": ".", "algorithm": "sha256", "digest": digest.hex}],
    }
    return Statement((Subject(name, root),), EVIDENCE["signature"], predicate)


def evaluation_predicate(f1: float, data: Digest) -> dict[str, Any]:
    """What an evaluation says."""
    return {
        "data": {"name": "telemetry", "digest": str(data)},
        "harness": {"name": "evaluate.py", "digest": str(digest_of(b"harness"))},
        "assuranceLevel": "self_attested",
        "evaluatedAt": "2026-01-12T07:34:10Z",
        "metrics": [
            {
                "metric": "f1",
                "value": f1,
                "comparator": ">=",
                "threshold": 0.8,
                "passed": f1 >= 0.8,
                "sampleSize": 5040,
            },
            {"metric": "precision", "value": f1 + 0.021},
            {"metric": "recall", "value": f1 - 0.017},
            {"metric": "f1", "slice": "bursts", "value": f1 - 0.06},
            {"metric": "latency", "value": 1.7, "unit": "ms"},
        ],
    }
