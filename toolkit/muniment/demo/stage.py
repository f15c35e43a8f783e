"""The demo's stage: a sandbox with four identities, a registry, a log key, and hands to move them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path

from muniment.core.digest import Digest, digest_of
from muniment.demo.source import code
from muniment.evidence.statement import Statement, format_statement
from muniment.log.note import NoteSigner, format_skey
from muniment.registry.fold import History
from muniment.registry.genesis import found, origin_of
from muniment.registry.inbox import submit
from muniment.registry.sequencer import Published, publish
from muniment.registry.state import State
from muniment.registry.store.local import LocalStore
from muniment.signing.sandbox import Sandbox, add_identity, create, person, workflow
from muniment.verify.trust import format_trust, trust_of

ADMINISTRATOR, TRAINER, REVIEWER, OPERATOR = "administrator", "trainer", "reviewer", "operator"
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
        self.key = make_log_key(folder / "keys" / "log.key")
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

    def _found(self) -> History:
        here = files("muniment.demo")
        registry, policy = ((here / name).read_bytes() for name in ("registry.yaml", "policy.yaml"))
        signer, root = self.sandbox.signer(ADMINISTRATOR), self.sandbox.trusted_root()
        self.store.root.mkdir(parents=True, exist_ok=True)
        history = found(self.store, signer, self.key, registry, policy, root, self.clock())
        (self.folder / "trust.json").write_bytes(format_trust(trust_of(history)))
        self.said.append(Told(ADMINISTRATOR, ("configure",), ()))
        return history


def make_sandbox(folder: Path) -> None:
    """A sandbox with the demo's four identities."""
    create(folder)
    for name in (ADMINISTRATOR, REVIEWER, OPERATOR):
        add_identity(folder, person(name))
    commit = code()["commit"]  # the certificate names the commit that the recipes name
    add_identity(folder, workflow(TRAINER, sha=commit, workflow_sha=commit, job_workflow_sha=commit))


def make_log_key(path: Path) -> NoteSigner:
    """A new log key for the demo's origin, kept in a file of mode 0600."""
    registry = (files("muniment.demo") / "registry.yaml").read_bytes()
    key = NoteSigner(origin_of(registry), os.urandom(32))
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(format_skey(key) + "\n")
    return key
