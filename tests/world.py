"""A small real registry for tests: a sandbox that signs, four identities, a log key, and hands to move them."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml

from muniment.cli.making import make_registry
from muniment.cli.options import Signing
from muniment.core.digest import Digest, digest_of
from muniment.core.document import Source
from muniment.core.name import VersionId, parse_name, parse_version_id
from muniment.evidence import oms
from muniment.evidence.artifact import measure
from muniment.evidence.statement import Statement, format_statement
from muniment.log.note import NoteSigner, parse_skey
from muniment.registry import propose
from muniment.registry.event import ReleasedArtifact
from muniment.registry.fold import History
from muniment.registry.inbox import submit
from muniment.registry.reach import evidence_about
from muniment.registry.sequencer import Published, publish
from muniment.registry.state import State
from muniment.registry.store.local import LocalStore
from muniment.signing.bundle import Bundle
from muniment.signing.sandbox import Sandbox, SandboxIdentity, add_identity, create, person, workflow
from muniment.verify.selfread import read_history
from muniment.verify.trust import Trust, parse_trust

CLAIMS = {
    "sourceRepositoryIdentifier": "1000001",
    "sourceRepositoryOwnerIdentifier": "1000",
    "runnerEnvironment": "github-hosted",
    "buildTrigger": "push",
    "sourceRepositoryRef": "refs/heads/main",
}
PEOPLE = ("administrator", "reviewer", "operator", "stranger")
POLICY: dict[str, Any] = {
    "rules": [
        {"rule": "evidence-required", "gate": "release", "with": {"evidence": ["signature"]}},
        {
            "rule": "approvals-required",
            "gate": "promote",
            "environments": ["production"],
            "with": {"count": 1, "role": "reviewer"},
        },
    ]
}


def now() -> datetime:
    """The present, at whole seconds."""
    return datetime.now(UTC).replace(microsecond=0)


def identities() -> dict[str, SandboxIdentity]:
    """The world's signers by name; `stranger` has no role."""
    return {name: person(name) for name in PEOPLE} | {"trainer": workflow("trainer")}


def registry_document() -> dict[str, Any]:
    """registry.yaml of the world, without log keys."""
    known = identities()

    def pattern(name: str) -> dict[str, Any]:
        found: dict[str, Any] = {"issuer": known[name].issuer, "subject": known[name].subject}
        return found | ({"claims": CLAIMS} if name == "trainer" else {})

    bound = {"administrator": "administrator", "reviewer": "reviewer", "operator": "operator", "trainer": "trainer"}
    return {
        "origin": "test.sandbox.muniment.dev/aiops",
        "sandbox": True,
        "environments": ["staging", "production"],
        "namespaces": {"aiops": {}, "other": {}},
        "roles": {
            "administrator": {"may": ["configure", "rotate-key", "approve"]},
            "trainer": {"may": ["signature", "provenance", "release", "approve"]},
            "reviewer": {"may": ["approve"]},
            "operator": {"may": ["promote", "rollback", "retire", "incident"]},
        },
        "persons": {name: [pattern(name)] for name in PEOPLE[:3]},
        "bindings": [
            {
                "role": role,
                "namespaces": ["aiops"] if role in ("trainer", "reviewer") else "all",
                "identity": pattern(name),
            }
            for role, name in bound.items()
        ],
    }


@dataclass(slots=True)
class World:
    """A registry in `store` with its sandbox open, its log key, the pins of its readers, and who anchors it."""

    folder: Path
    sandbox: Sandbox
    store: LocalStore
    key: NoteSigner
    trust: Trust
    anchor: str | None = None

    @property
    def history(self) -> History:
        """The registry as it is."""
        return read_history(self.store)

    @property
    def state(self) -> State:
        """What the registry adds up to."""
        return self.history.state

    def sign(self, who: str, statement: Statement) -> Bundle:
        """A bundle by one of the identities."""
        return self.sandbox.signer(who).sign(format_statement(statement))

    def put(self, who: str, statement: Statement) -> Published:
        """Signs, submits and publishes a statement."""
        submit(self.store, self.sign(who, statement).data)
        return self.publish()

    def publish(self) -> Published:
        """Publishes what the inbox holds."""
        anchor = self.anchor
        return publish(self.store, self.key, now(), (lambda: self.sandbox.signer(anchor)) if anchor else None)

    def model(self, content: bytes = b"weights") -> ReleasedArtifact:
        """A model folder with one file, as an artifact."""
        folder = self.folder / f"model-{digest_of(content).hex[:8]}"
        folder.mkdir(exist_ok=True)
        (folder / "model.bin").write_bytes(content)
        measured = measure(folder)
        return ReleasedArtifact("model", "model", measured.digest)

    def model_path(self, content: bytes = b"weights") -> Path:
        """Where `model` put a model."""
        return self.folder / f"model-{digest_of(content).hex[:8]}"

    def release(self, version: str, content: bytes = b"weights") -> VersionId:
        """A version released with its signature as evidence."""
        artifact = self.model(content)
        signature = oms.signature_statement(measure(self.model_path(content)))
        if digest_of(format_statement(signature)) not in self.state.statements:
            self.put("trainer", signature)
        state, wanted = self.state, parse_version_id(version)
        done = self.put(
            "trainer", propose.release(state, wanted, (artifact,), evidence_about(state, (artifact,)), now())
        )
        assert not done.turned, done.turned
        return wanted

    def promote(self, version: VersionId, environment: str = "production") -> None:
        """A version promoted, approved by the reviewer first."""
        statement = propose.promote(self.state, version, environment, "it is better", now())
        target = digest_of(format_statement(statement))
        submit(self.store, self.sign("operator", statement).data)
        done = self.put("reviewer", propose.approve(self.state, target, "reviewer", "looked at it", now()))
        assert not done.turned, done.turned

    def open_incident(self, name: str, number: str) -> None:
        """An incident opened by the operator."""
        opened = propose.incident(
            self.state, parse_name(name), number, "opened", "alarms doubled", now(), severity="high"
        )
        assert not self.put("operator", opened).turned

    def copy(self, folder: Path) -> LocalStore:
        """The registry's files copied elsewhere, for adversaries."""
        shutil.copytree(self.store.root, folder)
        return LocalStore(folder)


def make_world(folder: Path, policy: dict[str, Any] = POLICY, document: dict[str, Any] | None = None) -> World:
    """A new world in a folder; its sandbox runs until it is closed."""
    keys = folder / "sandbox"
    create(keys)
    for identity in identities().values():
        add_identity(keys, identity)
    config = Source("registry.yaml", yaml.safe_dump(document or registry_document()).encode())
    rules = Source("policy.yaml", yaml.safe_dump(policy).encode())
    signing = Signing(keys, "administrator", None, None)
    made = make_registry(str(folder / "registry"), config, rules, folder / "log.key", signing, now())
    key = parse_skey((folder / "log.key").read_text().strip())
    assert isinstance(key, NoteSigner)
    sandbox = Sandbox(keys).__enter__()
    return World(folder, sandbox, LocalStore(folder / "registry"), key, parse_trust(made.trust))


def statement_digest(statement: Statement) -> Digest:
    """The digest by which a statement is approved."""
    return digest_of(format_statement(statement))
