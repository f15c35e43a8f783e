"""A small organisation that keeps its models in a registry: who works there, in what roles, and hands to act for them.

Bundles are made with a sandbox's keys at the organisation's own time, which is in the past; all that judges them is
what judges any registry. Roles, not people.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from muniment.core.digest import Digest, digest_of
from muniment.core.document import Source
from muniment.core.instant import format_instant
from muniment.core.name import VersionId, parse_name, parse_version_id
from muniment.evidence import oms, scan
from muniment.evidence.artifact import Measured, MeasuredFile, manifest_digest
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.statement import Statement, Subject, format_statement
from muniment.log.note import NoteSigner
from muniment.policy.finding import Finding, Status
from muniment.registry import propose
from muniment.registry.access import Granted, grants
from muniment.registry.cache import Cache, secret_of
from muniment.registry.draft import Turned
from muniment.registry.event import ReleasedArtifact, subjects_of
from muniment.registry.fold import History
from muniment.registry.genesis import configure_statement, found, read_configuration
from muniment.registry.inbox import submit
from muniment.registry.reach import evidence_about
from muniment.registry.runtime import Observe
from muniment.registry.sequencer import Published, publish
from muniment.registry.state import State
from muniment.registry.store.local import LocalStore
from muniment.signing.bundle import Bundle
from muniment.signing.sandbox import SandboxIdentity, person, workflow
from muniment.verify.trust import Trust, trust_of
from tests.signing.forge import Forge
from tests.site.sample import dataset_predicate, evaluation_predicate, provenance_predicate

ORIGIN = "plant.sandbox.muniment.dev/models"
BEGIN = datetime(2025, 1, 6, 9, 0, tzinfo=UTC)
DAY = timedelta(days=1)
CLAIMS = {
    "sourceRepositoryIdentifier": "1000001",
    "sourceRepositoryOwnerIdentifier": "1000",
    "sourceRepositoryRef": "refs/heads/main",
    "runnerEnvironment": "github-hosted",
    "buildTrigger": "push",
}
STAFF = ("administrator", "deputy", "reviewer", "auditor", "privacy", "risk", "operator", "oncall", "engineer")
IDENTITIES: dict[str, SandboxIdentity] = {
    **{name: person(name) for name in (*STAFF, "contractor", "stranger", "reviewer-at-home", "operator-at-home")},
    "robot": workflow("robot", file="approve.yml"),
    "trainer": workflow("trainer"),
    "scanner": workflow("scanner", file="scan.yml"),
    "deployer": workflow("deployer", file="deploy.yml"),
    "publisher": workflow("publisher", file="publish.yml"),
    "fork": workflow("fork", caller="sandbox.muniment.dev/fork", repository_id="2000002"),
    "branch": workflow("branch", ref="refs/heads/try"),
}
ROLES: dict[str, list[str]] = {
    "administrator": ["configure", "rotate-key", "approve", "revoke", "access-review"],
    "trainer": ["dataset", "signature", "provenance", "evaluation", "release"],
    "engineer": ["evaluation", "reproduction"],
    "scanner": ["scan", "vulns"],
    "reviewer": ["approve", "revoke"],
    "privacy": ["privacy-review", "request-deletion"],
    "records": ["redact"],
    "risk": ["waive", "revoke"],
    "operator": ["promote", "rollback", "retire", "incident"],
    "oncall": ["rollback", "emergency-rollback", "incident"],
    "deployer": ["deploy", "observe"],
}
HOLDERS: dict[str, tuple[str, ...]] = {
    "administrator": ("administrator", "deputy"),
    "trainer": ("trainer",),
    "engineer": ("engineer", "auditor"),
    "scanner": ("scanner",),
    "reviewer": ("reviewer", "reviewer-at-home", "auditor", "operator-at-home", "contractor", "robot"),
    "privacy": ("privacy",),
    "records": ("privacy", "deputy"),
    "risk": ("risk", "operator-at-home"),
    "operator": ("operator", "oncall"),
    "oncall": ("oncall",),
    "deployer": ("deployer",),
}
NAMESPACES = {
    "anomaly": {"title": "Anomaly detection", "owners": ["operator"], "escalation": "#anomaly-desk"},
    "incidents": {"title": "Incident prediction", "owners": ["oncall"]},
    "capacity": {"title": "Automation of capacity", "owners": ["operator"]},
}


def pattern(name: str) -> dict[str, Any]:
    """An identity as registry.yaml has it."""
    who = IDENTITIES[name]
    claims = {} if "@sandbox" in who.subject else {"claims": dict(CLAIMS)}
    return {"issuer": who.issuer, "subject": who.subject, **claims}


def registry_document() -> dict[str, Any]:
    """registry.yaml of the organisation's first day."""
    also = {"reviewer": ["reviewer-at-home"], "operator": ["operator-at-home"], "oncall": ["robot"]}
    return {
        "origin": ORIGIN,
        "title": "Models of the plant",
        "sandbox": True,
        "environments": ["staging", {"name": "production", "requires": ["staging"]}],
        "namespaces": copy.deepcopy(NAMESPACES),
        "roles": {role: {"may": list(may)} for role, may in ROLES.items()},
        "persons": {who: [pattern(who), *map(pattern, also.get(who, ()))] for who in STAFF},
        "bindings": [
            {"role": role, "namespaces": "all", "identity": pattern(who)}
            for role, held in HOLDERS.items()
            for who in held
        ],
        "limits": {"waiverDays": 45},
        "administrators": {"threshold": 2},
    }


class Organisation:
    """Its registry in `folder`, its time `at`, and in `told` what was tried and what came of it, a line each."""

    def __init__(self, folder: Path, policy: dict[str, Any]) -> None:
        self.forge, self.at, self.told = Forge(BEGIN - DAY), BEGIN, list[str]()
        self.waiting: dict[str, list[str]] = {}
        self.store = LocalStore(folder / "registry")
        self.store.root.mkdir(parents=True)
        self.key = NoteSigner(ORIGIN, bytes(range(32)))
        self.cache = Cache(LocalStore(folder), secret_of(self.key))
        self.history = self._found(policy)

    @property
    def trust(self) -> Trust:
        """The pins of its readers."""
        return trust_of(self.history)

    @property
    def state(self) -> State:
        """What the registry adds up to."""
        return self.history.state

    def _found(self, policy: dict[str, Any]) -> History:
        registry, rules = (
            Source(name, yaml.safe_dump(document).encode())
            for name, document in (("registry.yaml", registry_document()), ("policy.yaml", policy))
        )
        signer = _Dated(self, "administrator")
        return found(self.store, signer, self.key, registry, rules, self.forge.root_bytes(), self.at)

    # Time and signatures

    def on(self, date: str) -> None:
        """Goes on to a day, or a moment, of the year."""
        text = f"{date}T09:00:00Z" if len(date) == 10 else date
        then = datetime.fromisoformat(text)
        assert then >= self.at, date
        self.at = then

    def sign(self, who: str, statement: Statement | bytes, at: datetime | None = None) -> Bundle:
        """A bundle signed by somebody at a time, else now."""
        payload = statement if isinstance(statement, bytes) else format_statement(statement)
        when = at or self.at
        return self.forge.bundle(identity=IDENTITIES[who], payload=payload, certified=when, stamped=(when,))

    def send(self, *bundles: Bundle) -> Published:
        """Submits bundles and publishes, a minute later."""
        submit(self.store, *(bundle.data for bundle in bundles))
        return self.publish()

    def publish(self) -> Published:
        """Publishes what waits, a minute later."""
        self.at += timedelta(minutes=1)
        done = publish(self.store, self.key, self.at, lambda: _Dated(self, "publisher"), cache=self.cache)
        self.history = done.history
        return done

    def put(self, who: str, statement: Statement) -> Published:
        """Signs, submits and publishes a statement."""
        return self.send(self.sign(who, statement))

    # What is told

    def do(self, deed: str, who: str, *statements: Statement) -> Published:
        """Puts statements by somebody and tells what came of it."""
        began = format_instant(self.at)
        done = self.send(*(self.sign(who, s) for s in statements))
        known = dict(self.waiting)
        self.waiting = {t.path: why(t) for t in done.turned if t.waits}
        turned = [line for t in done.turned if why(t) != known.get(t.path) for line in why(t)]
        lines = (*admitted(done), *self._fired(done), *turned)
        self.told += [f"{began[:10]} {who}: {deed}", *(f"    {bare(line)}" for line in lines)]
        return done

    def _fired(self, done: Published) -> list[str]:
        """What the triggers say of windows that came in."""
        windows = [e.event for e in done.admitted if isinstance(e.event, Observe)]
        read = [r for w in windows for r in self.state.observed[w.version, w.environment].readings]
        return [f"  trigger {r.trigger} {r.alarm}: {r.reason}" for r in read]

    # Evidence

    def measured(self, version: str) -> Measured:
        """The one file that a version is made of."""
        data = f"bytes of {version}".encode()
        file = MeasuredFile("model.bin", digest_of(data), len(data))
        return Measured("model", manifest_digest([file.digest]), file.size, (file,), True)

    def artifact(self, version: str, kind: str = "model") -> ReleasedArtifact:
        """That file as an artifact."""
        measured = self.measured(version)
        return ReleasedArtifact(measured.name, kind, measured.digest)

    def say(self, kind: str, version: str, predicate: dict[str, Any]) -> Statement:
        """Evidence about a version's artifact."""
        measured = self.measured(version)
        return Statement((Subject(measured.name, measured.digest),), EVIDENCE[kind], predicate)

    def dataset(self, version: str, **about: Any) -> Statement:
        """The record of a dataset."""
        return self.say("dataset", version, dataset_predicate() | about)

    def evidence(self, version: str, data: str, f1: float) -> tuple[Statement, ...]:
        """Signature, provenance and evaluation of a model."""
        used = [
            {"name": data, "digest": {"sha256": self.measured(data).digest.hex}, "annotations": {"role": "training"}}
        ]
        return (
            oms.signature_statement(self.measured(version)),
            self.say("provenance", version, provenance_predicate(used, 50)),
            self.evaluation(version, data, f1),
        )

    def evaluation(self, version: str, data: str, f1: float) -> Statement:
        """An evaluation that measured f1."""
        predicate = evaluation_predicate(f1, self.measured(data).digest) | {"evaluatedAt": format_instant(self.at)}
        return self.say("evaluation", version, predicate)

    def scan(self, version: str, verdict: str = "safe") -> Statement:
        """A file-safety scan."""
        problems = {} if verdict == "safe" else {"problems": ["calls os.system"]}
        report = {
            "scanner": {"name": "scan", "version": "1.4"},
            "files": [{"path": "model.bin", "format": "joblib", "verdict": verdict, **problems}],
        }
        return scan.scan_statement(self.measured(version), report, format_instant(self.at))

    def review(self, version: str, days: int = 180, decision: str = "approved", **more: Any) -> Statement:
        """A privacy review that holds for some days."""
        said = {
            "decision": decision,
            "reviewedAt": format_instant(self.at),
            "validUntil": format_instant(self.at + days * DAY),
            "summary": "Records of machines and tickets.",
            "scope": ["what the model was trained on"],
            "personalData": {"present": True, "categories": ["contact"], "basis": "consent"},
            **more,
        }
        return self.say("privacy-review", version, said)

    # Events

    def release(self, version: str, kind: str = "model", evidence: Iterable[Digest] | None = None) -> Statement:
        """The release of a version with all that the log holds about it."""
        artifacts = (self.artifact(version, kind),)
        named = evidence_about(self.state, artifacts) if evidence is None else tuple(evidence)
        return propose.release(self.state, parse_version_id(version), artifacts, named, self.at)

    def promote(self, version: str, environment: str, reason: str = "It is better.") -> Statement:
        """A promotion as it would be proposed now."""
        return propose.promote(self.state, parse_version_id(version), environment, reason, self.at)

    def approve(self, statement: Statement, role: str = "reviewer", again: str = "", **more: Any) -> Statement:
        """An approval of a statement; `again` says who spoke of it before."""
        subject = IDENTITIES[again].subject if again else None
        reason = more.pop("reason", "Looked at.")
        return propose.approve(self.state, target(statement), role, reason, self.at, subject=subject, **more)

    def waive(self, version: str, rule: str, days: int, **more: Any) -> Statement:
        """A waiver from now on."""
        subjects = subjects_of((self.artifact(version),))
        end = self.at + days * DAY
        said = {
            "role": "risk",
            "reason": "The scanner cannot read it yet.",
            "not_before": self.at,
            "ticket": None,
        } | more
        return propose.waive(self.state, parse_version_id(version), subjects, rule, expires=end, at=self.at, **said)

    def incident(self, name: str, number: str, action: str, reason: str, version: str = "", **more: Any) -> Statement:
        """A step in an incident's life."""
        located = parse_version_id(version) if version else None
        return propose.incident(self.state, parse_name(name), number, action, reason, self.at, version=located, **more)

    def rollback(self, to: str, incident: str) -> Statement:
        """The return of a version to production."""
        return propose.rollback(self.state, parse_version_id(to), "production", incident, "It did not alarm.", self.at)

    def retire(self, version: str, category: str, instead: str | None = None) -> Statement:
        """The end of a version."""
        replacement = parse_version_id(instead) if instead else None
        return propose.retire(self.state, parse_version_id(version), category, "Use the other.", replacement, self.at)

    def emergency(self, to: str, incident: str) -> Statement:
        """The same without waiting for approvals."""
        wanted, why = parse_version_id(to), "Pages every minute."
        return propose.rollback(self.state, wanted, "production", incident, why, self.at, emergency_role="oncall")

    def deploy(self, version: str, status: str = "running", instance: str = "eu-west") -> Statement:
        """What a deploy job says of an instance in production."""
        wanted = parse_version_id(version)
        return propose.deploy(self.state, wanted, "production", status, self.at, instance=instance)

    def observe(self, version: str, rate: float, hours: int = 1) -> Statement:
        """The last hours in production."""
        begins, wanted = self.at - timedelta(hours=hours), parse_version_id(version)
        return propose.observe(
            self.state, wanted, "production", begins, self.at, 3600, {"alarm-rate": rate}, None, self.at
        )

    def ask_deletion(self, kind: str, version: str) -> Statement:
        """The request that all evidence of a kind about a version goes."""
        about = [self.state.entries[i] for i in self.state.about[self.artifact(version).digest]]
        named = tuple(e.record.statement_digest for e in about if e.kind == kind and e.record is not None)
        return propose.request_deletion(self.state, named, "erasure-request", "One person asks.", "DSR-1", self.at)

    def redact(self, request: Statement) -> Statement:
        """The redaction of all that was asked for."""
        return propose.redact(self.state, target(request), (), "Granted.", self.at)

    def review_access(self, days: int = 180, decision: str = "keep") -> Statement:
        """The review of every binding in force."""
        assert self.state.config is not None
        granted = tuple(Granted(b, may, decision, "Known.") for b, may in grants(self.state.config))
        due = self.at + days * DAY
        return propose.access_review(self.state, self.state.size, granted, due, None, self.at)

    def configuration(self, policy: dict[str, Any] | None = None, **registry: Any) -> Statement:
        """The rules in force with another policy, or some other fields of registry.yaml."""
        assert self.state.config is not None
        source = self.state.config.source
        document = {**source["registry"], **registry}
        written = [
            Source(name, yaml.safe_dump(value).encode())
            for name, value in (("registry.yaml", document), ("policy.yaml", policy or source["policy"]))
        ]
        return configure_statement(self.state, read_configuration(*written, self.state.config.trusted_root), self.at)

    def bindings(self, **expires: str) -> list[dict[str, Any]]:
        """The bindings in force, those of some people ending at a time."""
        assert self.state.config is not None
        ends = {pattern(who)["subject"]: at for who, at in expires.items()}
        held = self.state.config.source["registry"]["bindings"]
        return [
            {**b, "expires": ends[b["identity"]["subject"]]} if b["identity"]["subject"] in ends else b for b in held
        ]

    def standing(self, name: str, environment: str = "production") -> VersionId | None:
        """What stands in an environment."""
        return self.state.current(parse_version_id(f"{name}@0").name, environment)


_TOLD = (Status.WAIVED, Status.WARN)


class _Dated:
    """Signs for somebody at the organisation's time."""

    def __init__(self, of: Organisation, who: str) -> None:
        self._of, self._who = of, who

    def sign(self, payload: bytes) -> Bundle:
        """The bundle of a payload."""
        return self._of.sign(self._who, payload)


def target(statement: Statement) -> Digest:
    """The digest by which a statement is named."""
    return digest_of(format_statement(statement))


def admitted(done: Published) -> list[str]:
    """The kinds of record that a publish admitted, and the findings of their gates that are no plain pass."""
    kinds = [e.kind for e in done.admitted if e.record is not None]
    lines = [f"admitted: {', '.join(kinds)}"] if kinds else []
    return lines + [f"  {_spell(f)}" for e in done.admitted for f in e.findings if f.status in _TOLD]


def why(turned: Turned) -> list[str]:
    """Why a submission was not admitted: the refusal, and the findings that fail."""
    error = turned.error
    word = "waits" if getattr(error, "waits", False) else "refused"
    failed = [f for f in getattr(error, "findings", ()) if f.status is Status.FAIL]
    return [f"{word}: {error.fact} {error.remedy}".rstrip(), *(f"  {_spell(f)}" for f in failed)]


def _spell(finding: Finding) -> str:
    how = f" [{finding.waiver}]" if finding.status is Status.FAIL and finding.waiver else ""
    return f"{finding.status} {finding.rule}: {finding.reason} {finding.fix}".rstrip() + how


def bare(text: str) -> str:
    """A text without its digests, which differ from run to run."""
    return re.sub(r"sha256:[0-9a-f]{64}", "sha256:…", text)
