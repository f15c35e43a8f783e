"""Histories made by dice: a registry on paper in which anything happens that can, whoever tries it."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from muniment.core.digest import digest_of
from muniment.core.errors import MunimentError
from muniment.core.name import VersionId, parse_name, parse_version_id
from muniment.evidence.statement import Statement, Subject
from muniment.registry import decision, propose, redaction
from muniment.registry.access import Granted, grants
from muniment.registry.deletion import RequestDeletion
from muniment.registry.event import subjects_of
from muniment.registry.reach import evidence_about
from muniment.registry.state import State
from muniment.signing.identity import Signed
from tests.registry.paper import identity, model, signature
from tests.registry.staff import pattern
from tests.registry.test_known import TRAIN, built, record, review, scored
from tests.registry.test_redaction import Kept
from tests.registry.test_sources import brought, pem
from tests.world import registry_document

CONTENTS = (b"weights", b"two", b"three")
CPU = parse_name("aiops/cpu")
ROLES = {
    "administrator": ["configure", "approve", "revoke", "redact", "access-review"],
    "trainer": ["signature", "provenance", "dataset", "evaluation", "release", "third-party", "request-deletion"],
    "reviewer": ["approve", "revoke", "privacy-review", "signature", "waive", "request-deletion"],
    "operator": ["promote", "rollback", "emergency-rollback", "retire", "incident", "deploy", "observe", "approve"],
}
OWN = {"title": "t", "message": "m"}
AGREED: tuple[dict[str, Any], ...] = (
    {"rule": "approvals-required", "id": "back", "gate": "rollback", "with": {"count": 1, "role": "reviewer"}},
    {"rule": "approvals-required", "id": "two", "gate": "rollback", "with": {"count": 2, "role": "reviewer"}},
)
# What one record less turns over.
FIRST = [
    OWN | {"id": "stands", "gate": "promote", "require": "current == null || size(current.evidence) % 2 == 1"},
]
RULES: tuple[dict[str, Any], ...] = (
    {"rule": "evidence-required", "gate": "release", "with": {"evidence": ["signature"]}},
    {"rule": "metric-threshold", "gate": "release", "with": {"metric": "f1", "min": 0.5}},
    {"rule": "metric-threshold", "id": "better", "gate": "promote", "with": {"metric": "f1", "min": 0.5}},
    {"rule": "no-regression", "gate": "promote", "with": {"metric": "f1", "better": "higher", "unmeasured": "accept"}},
    {"rule": "data-allowed", "gate": "submit", "with": {"allow": {"licences": ["MIT"]}}},
    {"rule": "data-allowed", "id": "data", "gate": "release", "with": {"allow": {"licences": ["MIT"]}}},
    {"rule": "privacy-review", "gate": "promote"},
    {"rule": "evidence-age", "gate": "rollback", "with": {"evidence": ["signature"], "maxDays": 1}},
    {"rule": "recovery-point", "gate": "rollback", "with": {"incidents": "accept"}},
    {"rule": "approvals-required", "gate": "promote", "with": {"count": 1, "role": "reviewer"}},
    *AGREED,
    {"rule": "approvals-required", "id": "start", "gate": "deploy", "with": {"count": 1, "role": "reviewer"}},
    {
        "rule": "approvals-required",
        "id": "apart",
        "gate": "promote",
        "with": {"count": 1, "role": "reviewer", "apartFrom": ["privacy-review", "signature"]},
    },
    OWN | {"id": "few", "gate": "promote", "require": "size(evidence) < 4"},
    OWN | {"id": "known", "gate": "release", "require": "size(evidence) % 2 == 1"},
    OWN | {"id": "of-data", "gate": "release", "require": "data.all(d, size(d.records) % 2 == 1)"},
    OWN | {"id": "runs", "gate": "deploy", "when": "size(data) > 0", "require": "size(incidents) == 0"},
    OWN | {"id": "calm", "gate": "deploy", "require": "size(incidents) < 2"},
)
TRIGGER = {"id": "low", "environment": "production", "metric": "f1", "below": 0.5, "severity": "high", "title": "Low"}


def document(everybody: bool) -> dict[str, Any]:
    """registry.yaml in which five can do all that there is; the operator is the sequencer too.

    One of them is a person only if `everybody` is.
    """
    known, stranger = registry_document(), {"stranger": [pattern("stranger")]}
    held = [("reviewer", "stranger", ["aiops"]), ("reviewer", "administrator", "all"), ("trainer", "stranger", "all")]
    bindings = [{"role": r, "namespaces": where, "identity": pattern(who)} for r, who, where in held]
    return {
        "roles": {role: {"may": may} for role, may in ROLES.items()},
        "persons": known["persons"] | (stranger if everybody else {}),
        "bindings": [*known["bindings"], *bindings],
        "sources": {"vendor": {"kinds": ["signature"], "key": pem()}},
        "sequencer": pattern("operator"),
    }


class History(Kept):
    """A registry grown by dice, with the state at the end of every batch; `happened` counts what was admitted."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)  # noqa: S311 - a test
        self.states: list[State] = []
        self.happened = Counter[str]()
        super().__init__({"rules": FIRST}, **document(seed % 2 == 0))

    def policy(self) -> dict[str, Any]:
        """The first rules and others, most of which only warn, and often one that emergencies get around."""
        chosen = self.dice.sample(RULES, self.dice.randrange(len(RULES) // 2))
        rules = [{**rule, "severity": self.dice.choice(["fail", "warn", "warn"])} for rule in chosen]
        owed = self.dice.choice([*AGREED, None])
        kept = [rule for rule in rules if owed is None or rule.get("id") != owed["id"]]
        return {"rules": [*FIRST, *kept, *([owed] if owed else [])], "triggers": [TRIGGER]}

    def admit(self, *records: Signed) -> None:
        """One batch, which is remembered."""
        super().admit(*records)
        self.states.append(self.state)

    def grow(self, steps: int) -> None:
        """So many things are tried; what is refused did not happen."""
        for number in range(steps):
            kind, act = self.dice.choice(ACTS)
            self.at += timedelta(minutes=self.dice.choice([0, 1, 600]))
            before = self.state
            try:
                act(self, number)
            except (MunimentError, LookupError):
                continue
            if self.state is not before:
                self.happened[kind] += 1

    def version(self) -> VersionId:
        """Any version."""
        return self.dice.choice(sorted(self.state.versions))

    def environment(self) -> str:
        """Any environment."""
        return self.dice.choice(["staging", "production"])

    def submit(self, who: str, *statements: Statement) -> None:
        """One batch, by one signer."""
        self.admit(*(self.sign(who, s) for s in statements))

    def gated(self, who: str, statement: Statement) -> None:
        """An event that some approve first, each in a batch of its own."""
        for reviewer in self.dice.sample(["reviewer", "stranger"], self.dice.randrange(3)):
            self.approve(reviewer, statement)
        self.put(who, statement)


def evidence(paper: History, number: int) -> None:
    """Evidence of some kind about one of few models."""
    content = paper.dice.choice(CONTENTS)
    about = (Subject("model", model(content).digest),)
    made = paper.dice.choice(
        [
            *(signature(content), scored(paper.dice.choice([0.2, 0.6, 0.9]), content), record(), record("ISC")),
            replace(built(), subjects=about),
            replace(built(digest_of(b"%d" % (number % 2))), subjects=about),
            replace(review(paper.at, paper.dice.choice(["approved", "rejected"])), subjects=about),
            brought(signature(content)),
            Statement(
                (Subject("train", digest_of(b"%d" % (number % 2))),), record().predicate_type, record().predicate
            ),
        ]
    )
    paper.put(paper.dice.choice(["trainer", "trainer", "stranger", "reviewer"]), made)


def release(paper: History, number: int) -> None:
    artifact, version = model(paper.dice.choice(CONTENTS)), parse_version_id(f"aiops/cpu@{number}.0.0")
    known = evidence_about(paper.state, (artifact,))
    named = tuple(paper.dice.sample(known, paper.dice.choice([len(known), paper.dice.randrange(len(known) + 1)])))
    paper.put("trainer", propose.release(paper.state, version, (artifact,), named, paper.at))


def promote(paper: History, number: int) -> None:
    paper.gated("operator", paper.promotion(paper.version(), paper.environment()))


def rollback(paper: History, number: int) -> None:
    """Ordinary or an emergency; sometimes approved afterwards."""
    role, where = paper.dice.choice([None, "operator"]), paper.environment()
    incident = paper.dice.choice(paper.state.open[CPU].incidents)
    known = {t.version for t in paper.state.stages[CPU, where]} - {paper.state.current(CPU, where)}
    said = propose.rollback(paper.state, paper.dice.choice(sorted(known)), where, incident, "worse", paper.at, role)
    paper.gated("operator", said)


def owed(paper: History, number: int) -> None:
    """An approval of an emergency rollback after the fact."""
    entry = paper.state.entries[paper.dice.choice(list(paper.state.breaches))[1]]
    assert entry.record is not None
    who = paper.dice.choice(["reviewer", "stranger", "administrator"])
    target, subject = entry.record.statement_digest, identity(who).subject
    said = propose.approve(paper.state, target, "reviewer", "seen", paper.at, subject=subject)
    paper.put(who, said)


def incident(paper: History, number: int) -> None:
    known = paper.state.open.get(CPU)
    action = paper.dice.choice(["opened", "located", "resolved"]) if known and known.incidents else "opened"
    one = f"INC-{number}" if action == "opened" else paper.dice.choice(known.incidents)  # type: ignore[union-attr]
    where = paper.version() if action == "located" else None
    severity = "high" if action == "opened" else None
    said = propose.incident(paper.state, CPU, one, action, "so", paper.at, severity=severity, version=where)
    paper.put("operator", said)


def deploy(paper: History, number: int) -> None:
    status, where = paper.dice.choice(["running", "running", "stopped"]), paper.environment()
    version = paper.dice.choice([paper.version(), paper.state.current(CPU, where) or paper.version()])
    instance = paper.dice.choice([None, "eu"])
    paper.gated("operator", propose.deploy(paper.state, version, where, status, paper.at, instance=instance))


def observe(paper: History, number: int) -> None:
    where = paper.environment()
    version = paper.state.current(CPU, where) or paper.version()
    begins = paper.at - timedelta(minutes=paper.dice.choice([1, 20]))
    numbers = {paper.dice.choice(["f1", "loss"]): paper.dice.choice([0.2, 0.9])}
    paper.put("operator", propose.observe(paper.state, version, where, begins, paper.at, 5, numbers, None, paper.at))


def waive(paper: History, number: int) -> None:
    config = paper.state.config
    assert config is not None
    version, rule = paper.version(), paper.dice.choice(config.policy.rules).id
    about, until = subjects_of(paper.state.versions[version].artifacts), paper.at + timedelta(days=3)
    event = (paper.state, version, about, rule, "reviewer", "for now", paper.at, until, None, paper.at)
    paper.put(paper.dice.choice(["reviewer", "stranger"]), propose.waive(*event))


def revoke(paper: History, number: int) -> None:
    words = [e for e in paper.state.entries.values() if e.kind in ("approve", "waive")]
    entry = paper.dice.choice(sorted(words, key=lambda e: e.index))
    assert entry.record is not None
    paper.put("administrator", propose.revoke(paper.state, entry.record.statement_digest, "no", paper.at))


def retire(paper: History, number: int) -> None:
    paper.put("operator", propose.retire(paper.state, paper.version(), "unused", "old", None, paper.at))


def request(paper: History, number: int) -> None:
    standing = [paper.state.current(CPU, where) for where in ("staging", "production")]
    used = [paper.state.versions[v].artifacts[0].digest for v in standing if v is not None]
    digest = paper.dice.choice([*(model(c).digest for c in CONTENTS), TRAIN, *used, *used])
    known = redaction.redactable(paper.state, digest)
    named = paper.dice.sample(known, paper.dice.randrange(len(known) + 1))
    paper.put("reviewer", propose.request_deletion(paper.state, tuple(named), "other", "asked", None, paper.at))


def redact(paper: History, number: int) -> None:
    """What somebody asked for goes, whole or in part."""
    asked = [e for _, e in sorted(paper.state.entries.items()) if isinstance(e.event, RequestDeletion)]
    entry = paper.dice.choice(asked)
    assert entry.record is not None
    assert isinstance(entry.event, RequestDeletion)
    known = list(redaction.bundles_of(paper.state, entry.event.statements))
    some = tuple(paper.dice.sample(known, paper.dice.choice([0, 1])))
    paper.put("administrator", propose.redact(paper.state, entry.record.statement_digest, some, "so", paper.at))


def decide(paper: History, number: int) -> None:
    """Some or all of the decisions that are owed."""
    said = [decision.statement_of(paper.state, i, kind) for i, kind in decision.owed(paper.state)]
    if said:
        paper.submit("operator", *said[: paper.dice.randrange(1, len(said) + 1)])


def configure(paper: History, number: int) -> None:
    paper.put("administrator", paper.configuration(policy=paper.policy()))


def access(paper: History, number: int) -> None:
    assert paper.state.config is not None
    granted = tuple(Granted(binding, may, "keep", "needed") for binding, may in grants(paper.state.config))
    due = paper.at + timedelta(days=90)
    paper.put("administrator", propose.access_review(paper.state, paper.state.size, granted, due, None, paper.at))


ACTS: tuple[tuple[str, Callable[[History, int], None]], ...] = tuple(
    (act.__name__, act)
    for act, weight in (
        *((evidence, 6), (release, 3), (promote, 9), (rollback, 10), (owed, 8), (incident, 2), (deploy, 5)),
        *((observe, 2), (waive, 2), (revoke, 1), (retire, 1), (request, 6), (redact, 8), (decide, 2)),
        *((configure, 1), (access, 1)),
    )
    for _ in range(weight)
)
