"""Who may sign in a sandbox: persons with an e-mail address, and workflows of the emulated GitHub Actions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from muniment.core.errors import Malformed
from muniment.signing.trustroot import SANDBOX

ACCOUNTS = f"https://accounts.{SANDBOX}"
GITHUB = "https://token.actions.githubusercontent.com"
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_EMAIL = re.compile(r"[A-Za-z0-9._+-]{1,64}@[a-z0-9.-]{1,128}")
_WORKFLOW = re.compile(
    r"https://github\.com/(?P<owner>[A-Za-z0-9._-]+)/(?P<repo>[A-Za-z0-9._-]+)"
    r"/(?P<path>\.github/workflows/[A-Za-z0-9._/-]+\.ya?ml)@(?P<ref>refs/[A-Za-z0-9._/-]+)"
)


@dataclass(frozen=True, slots=True)
class SandboxIdentity:
    """Someone a sandbox signs for, known by `name`; `subject` is what certificates bear as subject alternative name.

    A person has the issuer `ACCOUNTS` and an e-mail address; a workflow has the issuer `GITHUB` and the URI
    `https://github.com/<owner>/<repo>/.github/workflows/<file>@<ref>`. `claims` add to or replace the claims of a
    workflow's token, by GitHub's names (`environment`, `event_name`, `repository_id`, `sha`, ...).
    """

    name: str
    issuer: str
    subject: str
    claims: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise Malformed(f"{self.name[:80]!r} is not a name of a sandbox identity.", "Use 1 to 64 of a-z 0-9 . _ -")
        form = {ACCOUNTS: _EMAIL, GITHUB: _WORKFLOW}.get(self.issuer)
        if form is None:
            raise Malformed(f"The sandbox has no issuer {self.issuer[:80]!r}.", f"Use {ACCOUNTS} or {GITHUB}.")
        if not form.fullmatch(self.subject):
            remedy = "Persons need an e-mail address, workflows https://github.com/O/R/.github/workflows/F.yml@refs/..."
            raise Malformed(f"{self.subject[:120]!r} is not a subject of {self.issuer}.", remedy)


def person(name: str) -> SandboxIdentity:
    """The person `<name>@sandbox.muniment.dev`."""
    return SandboxIdentity(name, ACCOUNTS, f"{name}@{SANDBOX}")


def workflow(
    name: str,
    repository: str = f"{SANDBOX}/models",
    file: str = "train.yml",
    ref: str = "refs/heads/main",
    caller: str | None = None,
    **claims: str,
) -> SandboxIdentity:
    """A workflow file in a repository, which the repository `caller` may call as a reusable workflow.

    The default owner has dots in its name, so it exists on no real GitHub.
    """
    called = claims if caller is None else {"repository": caller, **claims}
    return SandboxIdentity(name, GITHUB, f"https://github.com/{repository}/.github/workflows/{file}@{ref}", called)


def token_claims(identity: SandboxIdentity) -> dict[str, Any]:
    """The claims of the identity's token, without times and audience."""
    if identity.issuer == ACCOUNTS:
        return {"iss": ACCOUNTS, "sub": identity.name, "email": identity.subject, "email_verified": True} | dict(
            identity.claims
        )
    return {"iss": GITHUB, **_github_claims(identity)}


def _github_claims(identity: SandboxIdentity) -> dict[str, str]:
    """Source: GitHub documentation, "OpenID Connect reference", token claims.

    The subject is the file that runs (`job_workflow_ref`); with a claim `repository` another repository calls it.
    """
    match = _WORKFLOW.fullmatch(identity.subject)
    assert match is not None
    path = identity.subject.removeprefix("https://github.com/")
    given = {"repository": f"{match['owner']}/{match['repo']}", "ref": match["ref"], **identity.claims}
    own = path.startswith(f"{given['repository']}/")
    claims = {
        "repository_id": "1000001",
        "repository_owner": given["repository"].partition("/")[0],
        "repository_owner_id": "1000",
        "repository_visibility": "public",
        "sha": "0" * 40,
        "workflow": match["path"].rsplit("/", 1)[1].rsplit(".", 1)[0],
        "workflow_ref": path if own else f"{given['repository']}/.github/workflows/call.yml@{given['ref']}",
        "workflow_sha": "0" * 40,
        "job_workflow_sha": "0" * 40,
        "event_name": "push",
        "runner_environment": "github-hosted",
        "run_id": "1",
        "run_attempt": "1",
    } | given
    context = f"environment:{claims['environment']}" if "environment" in claims else f"ref:{claims['ref']}"
    return {"sub": f"repo:{claims['repository']}:{context}", **claims, "job_workflow_ref": path}


def format_identity(identity: SandboxIdentity) -> dict[str, Any]:
    """The identity as a JSON value."""
    return {
        "name": identity.name,
        "issuer": identity.issuer,
        "subject": identity.subject,
        "claims": dict(identity.claims),
    }


def parse_identity(value: Any) -> SandboxIdentity:
    """The identity that `format_identity` wrote. Raises `Malformed`."""
    try:
        return SandboxIdentity(value["name"], value["issuer"], value["subject"], dict(value["claims"]))
    except (KeyError, TypeError, ValueError) as error:
        raise Malformed("The sandbox's list of identities is damaged.", "Correct identities.json.") from error
