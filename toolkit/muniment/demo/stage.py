"""The demo's stage: a sandbox with four identities, a registry, a log key, and hands to move them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from muniment.core.digest import Digest, digest_of
from muniment.core.document import Source
from muniment.demo.source import code
from muniment.evidence.statement import Statement, format_statement
from muniment.log.note import Cosigner, NoteSigner, format_skey
from muniment.registry.cosign import gather
from muniment.registry.fold import History
from muniment.registry.genesis import found, origin_of
from muniment.registry.inbox import submit
from muniment.registry.paths import CHECKPOINT
from muniment.registry.sequencer import Published, publish
from muniment.registry.state import State
from muniment.registry.store.local import LocalStore
from muniment.signing.sandbox import Sandbox, add_identity, create, person, workflow
from muniment.verify.trust import format_trust, parse_trust, trust_of
from muniment.verify.witness import Pins, witness

ADMINISTRATOR, TRAINER, REVIEWER, OPERATOR = "administrator", "trainer", "reviewer", "operator"
NEIGHBOUR = "neighbour"
Say = Callable[[str], None]
Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Told:
    """One thing that happened: who signed what, what was admitted, what was turned away and why."""

    who: str
    kinds: tuple[str, ...]
    turned: tuple[str, ...]


class Stage:
    """Moves the registry below a folder; `said` keeps what happened, in order."""

    def __init__(self, folder: Path, sandbox: Sandbox, say: Say, clock: Clock) -> None:
        self.folder, self.sandbox, self.say, self.clock = folder, sandbox, say, clock
        self.store = LocalStore(folder / "registry")
        self.said: list[Told] = []
        self.key = NoteSigner(origin_of(_source("registry.yaml")), os.urandom(32))
        self.witness = Cosigner(NEIGHBOUR, os.urandom(32))
        write_secret(folder / "keys" / "log.key", format_skey(self.key))
        write_secret(folder / "keys" / "witness.key", format_skey(self.witness))
        self.history = self._found()

    @property
    def state(self) -> State:
        """What the registry adds up to now."""
        return self.history.state

    @property
    def workspace(self) -> Path:
        """Where the pipeline runs."""
        return self.folder / "work"

    def submit(self, who: str, *statements: Statement) -> tuple[Digest, ...]:
        """Signs statements and puts them in the inbox."""
        signer = self.sandbox.signer(who)
        payloads = [format_statement(s) for s in statements]
        for payload in payloads:
            submit(self.store, signer.sign(payload).data)
        return tuple(digest_of(payload) for payload in payloads)

    def publish(self, who: str) -> Published:
        """Publishes what the inbox holds and keeps what came of it."""
        done = publish(self.store, self.key, self.clock())
        self.history = done.history
        kinds = tuple(e.kind for e in done.admitted if e.record is not None)
        self.said.append(Told(who, kinds, tuple(t.error.fact for t in done.turned)))
        return done

    def put(self, who: str, *statements: Statement) -> Published:
        """Signs, submits and publishes."""
        self.submit(who, *statements)
        return self.publish(who)

    def cosign(self) -> None:
        """Has a neighbour replay the log and cosign it, and takes the cosignature in."""
        trust, book, now = parse_trust((self.folder / "trust.json").read_bytes()), self.folder / "witness", self.clock()
        book.mkdir(exist_ok=True)
        pins = Pins(trust.origin, trust.log_keys, trust)
        with LocalStore(book).turn():
            witness(self.store, LocalStore(book), self.witness, pins, int(now.timestamp()))
        assert self.state.config is not None
        gather(self.store, trust.origin, self.state.config.tlog_policy, [LocalStore(book)], self.clock())
        self.history = replace(self.history, note=self.store.read(CHECKPOINT))

    def _found(self) -> History:
        registry, policy = _source("registry.yaml"), _source("policy.yaml")
        witnesses = f"witnessPolicy:\n  - witness {NEIGHBOUR} {self.witness.vkey}\n  - quorum none\n".encode()
        registry = replace(registry, text=registry.text + witnesses)
        signer, root = self.sandbox.signer(ADMINISTRATOR), self.sandbox.trusted_root()
        self.store.root.mkdir(parents=True, exist_ok=True)
        history = found(self.store, signer, self.key, registry, policy, root, self.clock())
        trust = replace(trust_of(history), replayed_by=(NEIGHBOUR,))
        (self.folder / "trust.json").write_bytes(format_trust(trust))
        self.said.append(Told(ADMINISTRATOR, ("configure",), ()))
        return history


def _source(name: str) -> Source:
    return Source(name, (files("muniment.demo") / name).read_bytes())


def make_sandbox(folder: Path) -> None:
    """A sandbox with the demo's four identities."""
    create(folder)
    for name in (ADMINISTRATOR, REVIEWER, OPERATOR):
        add_identity(folder, person(name))
    commit = code()["commit"]  # the certificate names the commit that the recipes name
    add_identity(folder, workflow(TRAINER, sha=commit, workflow_sha=commit, job_workflow_sha=commit))


def write_secret(path: Path, text: str) -> None:
    """A key in a file of mode 0600."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text + "\n")
