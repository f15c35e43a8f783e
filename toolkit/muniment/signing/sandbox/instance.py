"""A sandbox: a whole Sigstore instance in one folder and one process, for trials, tests, drills and air gaps."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType

from muniment.core.canonical import format_json, parse_json
from muniment.core.errors import Conflict, Missing, Usage
from muniment.signing.keyless import Keyless, Signer, bypass_proxy
from muniment.signing.sandbox.files import locked, read_private, replace_private, write_private
from muniment.signing.sandbox.identities import SandboxIdentity, format_identity, parse_identity, token_claims
from muniment.signing.sandbox.keys import make_keys, read_keys, write_keys
from muniment.signing.sandbox.oidc import AUDIENCE, issue_token
from muniment.signing.sandbox.rekor import newest_shard, open_shard
from muniment.signing.sandbox.server import HOST, Server, Services
from muniment.signing.sandbox.trust import trust_config, trusted_root


def create(folder: Path) -> None:
    """Makes a sandbox in a folder: keys, certificates, an empty log. Raises `Conflict` where one is already."""
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if (folder / "rekor").exists():
        raise Conflict(f"{folder} already holds a sandbox.", "Use it, or name an empty folder.")
    since = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
    keys = make_keys(since)
    write_keys(keys, folder)
    write_private(folder / "trusted_root.json", trusted_root(keys, since))
    write_private(folder / "identities.json", format_json([]))
    open_shard(folder, 1, keys.rekor_key).create()


def add_identity(folder: Path, identity: SandboxIdentity) -> None:
    """Lets an identity sign in the sandbox; one of the same name is replaced. Raises `Missing`, `Malformed`."""
    with locked(folder / "rekor" / "lock"):
        known = {**read_identities(folder), identity.name: identity}
        listed = [format_identity(known[name]) for name in sorted(known)]
        replace_private(folder / "identities.json", format_json(listed))


def read_identities(folder: Path) -> dict[str, SandboxIdentity]:
    """The identities of a sandbox by name. Raises `Missing`, `Malformed`."""
    listed = parse_json(read_private(folder / "identities.json"), "identities.json")
    identities = [parse_identity(value) for value in listed]
    return {identity.name: identity for identity in identities}


# What GitHub tells a job by variables that its token tells by claims; GitHub documentation, "Variables reference".
_FACTS = {
    "GITHUB_REPOSITORY": "repository",
    "GITHUB_REPOSITORY_ID": "repository_id",
    "GITHUB_REPOSITORY_OWNER": "repository_owner",
    "GITHUB_REPOSITORY_OWNER_ID": "repository_owner_id",
    "GITHUB_WORKFLOW_REF": "workflow_ref",
    "GITHUB_WORKFLOW_SHA": "workflow_sha",
    "GITHUB_REF": "ref",
    "GITHUB_SHA": "sha",
    "GITHUB_EVENT_NAME": "event_name",
    "GITHUB_RUN_ID": "run_id",
    "GITHUB_RUN_ATTEMPT": "run_attempt",
    "RUNNER_ENVIRONMENT": "runner_environment",
}


class Sandbox:
    """The sandbox in a folder, answering on a loopback port between `with Sandbox(folder) as sandbox:` and its end.

    Several processes may run the same folder at once. Raises `Missing` where there is no sandbox.
    """

    def __init__(self, folder: Path) -> None:
        if not (folder / "rekor").is_dir():
            raise Missing(f"There is no sandbox in {folder}.", "Create one with `muniment sandbox create`.")
        self._folder = folder
        self._keys = read_keys(folder)
        self._shard = newest_shard(folder)
        self._server: Server | None = None
        self._signers: dict[str, tuple[SandboxIdentity, Signer]] = {}

    def __enter__(self) -> Sandbox:
        bypass_proxy()
        rekor = open_shard(self._folder, self._shard, self._keys.rekor_key)
        self._services = Services(self._keys, rekor, self.token)
        self._server = Server(self._services)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
            self._signers.clear()

    def trusted_root(self) -> bytes:
        """The canonical trusted root; the same in every run until keys are rotated."""
        return read_private(self._folder / "trusted_root.json")

    def trust_config(self) -> str:
        """The ClientTrustConfig JSON for stock clients; it names this run's port."""
        return trust_config(self.trusted_root(), self.url)

    @property
    def url(self) -> str:
        """`http://127.0.0.1:<port>` of this run. Raises `Usage` when it does not run."""
        if self._server is None:
            raise Usage("The sandbox is not running.", "Use it inside `with Sandbox(folder) as sandbox:`.")
        return self._server.url

    def token(self, name: str, audience: str = AUDIENCE) -> str:
        """A fresh identity token, good for ten minutes. Raises `Missing` for an unknown name."""
        claims = token_claims(self._identity(name))
        return issue_token(claims, self._keys.oidc_key, datetime.now(UTC), audience)

    def signer(self, name: str) -> Signer:
        """The signer for an identity, by the stock client against this run's services. Raises `Missing`."""
        identity = self._identity(name)
        if name not in self._signers or self._signers[name][0] != identity:
            self._signers[name] = (identity, Keyless(self.trust_config(), lambda: self.token(name)))
        return self._signers[name][1]

    def environ(self, name: str) -> dict[str, str]:
        """What GitHub Actions would set for a job of this identity, to be added to a subprocess's environment."""
        claims = token_claims(self._identity(name))
        proxies = {key: _no_proxy(os.environ, key) for key in ("NO_PROXY", "no_proxy")}
        facts = {variable: claims[claim] for variable, claim in _FACTS.items() if claim in claims}
        return (
            proxies
            | facts
            | {
                "GITHUB_ACTIONS": "true",
                "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.url}/actions/token?identity={name}",
                "ACTIONS_ID_TOKEN_REQUEST_TOKEN": self._services.bearer(name),
            }
        )

    def _identity(self, name: str) -> SandboxIdentity:
        known = read_identities(self._folder)
        if name not in known:
            listed = ", ".join(sorted(known)) or "none"
            raise Missing(f"The sandbox knows no identity {name[:80]!r}.", f"It knows: {listed}. Add it first.")
        return known[name]


def _no_proxy(environ: Mapping[str, str], key: str) -> str:
    return ",".join(part for part in (environ.get(key, ""), HOST) if part)
