"""A registry on paper: records as a verifier would return them, without signatures, put to `check` one by one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from muniment.core.digest import Digest, digest_of
from muniment.core.name import VersionId, parse_name, parse_version_id
from muniment.evidence.artifact import MeasuredFile, manifest_digest
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.statement import Statement, Subject, format_statement, parse_statement
from muniment.log.note import NoteSigner
from muniment.registry import propose
from muniment.registry.check import check
from muniment.registry.documents import settle
from muniment.registry.event import ReleasedArtifact
from muniment.registry.fold import end_batch, state_root
from muniment.registry.genesis import configure_statement
from muniment.registry.leaf import StateLeaf, derive_leaf, format_state_leaf
from muniment.registry.reach import evidence_about
from muniment.registry.state import State
from muniment.signing.identity import Identity, Signed
from muniment.signing.trustroot import canonical_root
from tests.world import CLAIMS, POLICY, identities, registry_document

START = datetime(2026, 1, 31, 8, 0, tzinfo=UTC)
KEY = NoteSigner(registry_document()["origin"], bytes(32))


@cache
def root() -> bytes:
    """A trusted root of the sandbox's names, made once."""
    import tempfile
    from pathlib import Path

    from muniment.signing.sandbox import Sandbox, create

    with tempfile.TemporaryDirectory() as folder:
        create(Path(folder) / "keys")
        with Sandbox(Path(folder) / "keys") as sandbox:
            return canonical_root(sandbox.trusted_root())


def identity(name: str) -> Identity:
    """One of the world's identities as its certificate would prove it."""
    known = identities()[name]
    claims = tuple(sorted(CLAIMS.items())) if name == "trainer" else ()
    return Identity(digest_of(root()), known.issuer, known.subject, claims)


def model(content: bytes = b"weights", kind: str = "model", name: str = "model") -> ReleasedArtifact:
    """An artifact of one file."""
    return ReleasedArtifact(name, kind, manifest_digest([digest_of(content)]))


def signature(content: bytes = b"weights", name: str = "model") -> Statement:
    """The model signature of `model(content)`."""
    file = MeasuredFile("model.bin", digest_of(content), len(content))
    resources = [{"name": file.path, "algorithm": "sha256", "digest": file.digest.hex}]
    serialization = {"method": "files", "hash_type": "sha256", "allow_symlinks": False, "ignore_paths": []}
    predicate = {"serialization": serialization, "resources": resources}
    return Statement((Subject(name, manifest_digest([file.digest])),), EVIDENCE["signature"], predicate)


class Paper:
    """A registry that grows by `put`, a minute and a batch a record."""

    def __init__(self, policy: dict[str, Any] = POLICY, **document: Any) -> None:
        self.at, self.state, self.number = START, State(), 0
        registry = registry_document() | {"logKeys": [KEY.vkey]} | document
        self.put("administrator", self.configuration(policy=policy, registry=registry))

    def configuration(self, **changed: Any) -> Statement:
        """A configure event with some parts changed."""
        import json

        old = self.state.config.source if self.state.config else {"trustedRoot": json.loads(root())}
        return configure_statement(self.state, {**old, **changed}, self.at)

    def registry(self, **changed: Any) -> dict[str, Any]:
        """registry.yaml in force, with some fields changed."""
        assert self.state.config is not None
        return {**self.state.config.source["registry"], **changed}

    def sign(self, who: str | Identity, statement: Statement, signed_at: datetime | None = None) -> Signed:
        """What a verifier would return of a bundle; every signing gives another bundle."""
        self.number += 1
        payload = format_statement(statement)
        return Signed(
            parse_statement(payload),
            digest_of(payload),
            payload,
            identity(who) if isinstance(who, str) else who,
            signed_at or self.at,
            digest_of(b"bundle %d" % self.number),
        )

    def admit(self, *records: Signed) -> None:
        """One batch of records."""
        for signed in records:
            self.state = check(self.state, signed, self.at, derive_leaf(signed))
        self.state = settle(self.state)
        leaf = StateLeaf(self.at, state_root(self.state))
        self.state = end_batch(self.state, leaf, format_state_leaf(leaf))
        self.at += timedelta(minutes=1)

    def put(self, who: str | Identity, statement: Statement) -> None:
        """A batch of one record, signed now."""
        self.admit(self.sign(who, statement))

    def proposal(self, version: str, *artifacts: ReleasedArtifact) -> Statement:
        """The release of artifacts with all the evidence about them."""
        return propose.release(
            self.state, parse_version_id(version), artifacts, evidence_about(self.state, artifacts), self.at
        )

    def release(self, version: str, content: bytes = b"weights") -> VersionId:
        """A version released on its signature."""
        if digest_of(format_statement(signature(content))) not in self.state.statements:
            self.put("trainer", signature(content))
        self.put("trainer", self.proposal(version, model(content)))
        return parse_version_id(version)

    def promotion(self, version: VersionId, environment: str = "production") -> Statement:
        """A promotion as it would be proposed now."""
        return propose.promote(self.state, version, environment, "go", self.at)

    def open_incident(self, name: str = "aiops/cpu", number: str = "INC-1") -> None:
        """An incident opened by the operator."""
        opened = propose.incident(
            self.state, parse_name(name), number, "opened", "alarms doubled", self.at, severity="high"
        )
        self.put("operator", opened)

    def approve(self, who: str | Identity, statement: Statement, role: str = "reviewer") -> None:
        """An approval of a statement."""
        self.put(who, propose.approve(self.state, target(statement), role, "fine", self.at))

    def promote(self, version: VersionId, environment: str = "production") -> None:
        """A version promoted with the reviewer's approval."""
        statement = self.promotion(version, environment)
        self.approve("reviewer", statement)
        self.put("operator", statement)


def target(statement: Statement) -> Digest:
    """The digest by which a statement is approved."""
    return digest_of(format_statement(statement))


def other(who: Identity, **changed: Any) -> Identity:
    """An identity with another subject, issuer or claims."""
    return replace(who, **changed)
