"""GitHub's settings behind a registry's identities: environments, the default branch, what workflow tokens may do.

Read by the REST API (version 2022-11-28) with whatever token there is; nothing is written. A job's own token may see
environments and whether a branch is protected, and not how; what it may not see is a check that was not made.
"""

from __future__ import annotations

import http.client
import ipaddress
import json
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from muniment.core.errors import Malformed, Missing, Unchecked, Unreachable, Usage
from muniment.insight.doctor import Check, Verdict
from muniment.registry.config import Config

TIMEOUT = 10.0
LIMIT = 4 * 1024 * 1024
_PAGE = 100


@dataclass(frozen=True, slots=True)
class Api:
    """GitHub's REST API at an address, asked with a token about one repository (`owner/name`)."""

    url: str
    token: str
    repository: str

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme != "https" and not (parts.scheme == "http" and _loopback(parts.hostname)):
            raise Usage(f"{self.url} is no https address, and the token would be sent to it.", "Set GITHUB_API_URL.")
        if self.repository.count("/") != 1:
            raise Usage(f"{self.repository!r} is no repository.", "Set GITHUB_REPOSITORY to OWNER/NAME.")

    def get(self, path: str) -> Any:
        """What is at a path below the repository. Raises `Missing` (404), `Unreachable` or `Malformed`."""
        address = f"{self.url.rstrip('/')}/repos/{quote(self.repository)}{path}"
        headers = {
            "Accept": "application/vnd.github+json",
            "Authorization": f"Bearer {self.token}",
            "X-GitHub-Api-Version": "2022-11-28",
            "User-Agent": "muniment",
        }
        try:
            with _OPENER.open(urllib.request.Request(address, headers=headers), timeout=TIMEOUT) as reply:  # noqa: S310
                data = bytes(reply.read(LIMIT + 1))
        except urllib.error.HTTPError as error:
            raise _refusal(error, path) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise Unreachable(
                f"{self.url} cannot be reached: {error}.", "Check GITHUB_API_URL and the network."
            ) from error
        if len(data) > LIMIT:
            raise Malformed(f"{address} is larger than {LIMIT} bytes.", "Check GITHUB_API_URL.")
        try:
            return json.loads(data)
        except ValueError as error:
            raise Malformed(f"{address} is no JSON.", "Check GITHUB_API_URL.") from error


class _Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for one host."""

    def redirect_request(self, *args: Any, **kwargs: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_Stay)


def examine_settings(api: Api, config: Config) -> tuple[Check, ...]:
    """The checks of a repository's settings; what could not be looked at says so."""
    asked: tuple[tuple[str, str, Callable[[], Check]], ...] = (
        ("github-environments", "Protected environments ask a person", lambda: _environments(api, config)),
        ("github-branch", "The default branch is protected", lambda: _branch(api)),
        ("github-history", "Nobody rewrites the default branch", lambda: _history(api)),
        ("github-workflow-token", "Workflow tokens may only read", lambda: _workflow_token(api)),
    )
    return tuple(_made(*one) for one in asked)


def _made(id_: str, title: str, check: Callable[[], Check]) -> Check:
    try:
        return check()
    except Unchecked as error:
        return Check(id_, title, Verdict.UNCHECKED, error.fact, error.remedy)
    except (KeyError, TypeError, AttributeError) as error:
        fact = f"GitHub's answer is not as its documents say: {type(error).__name__} {error}."
        return Check(id_, title, Verdict.UNCHECKED, fact, "Look at the settings yourself.")


def _environments(api: Api, config: Config) -> Check:
    """Each environment that a binding pins: reviewers, none of them the one who started the run, chosen branches."""
    title = "Protected environments ask a person"
    claims = (dict(b.identity.claims) for b in config.bindings)
    wanted = sorted({name for c in claims if (name := c.get("deploymentEnvironment"))})
    if not wanted:
        return Check("github-environments", title, Verdict.OK, "No binding pins a deployment environment.")
    answer = api.get(f"/environments?per_page={_PAGE}")
    there = {e["name"]: e for e in answer["environments"]}
    if answer["total_count"] > len(there):
        raise Unreachable(f"There are more than {_PAGE} environments.", "Look at the settings yourself.")
    found = [f"{name}: {lack}" for name in wanted for lack in _lacks(there.get(name))]
    if not found:
        fact = f"{', '.join(wanted)}: reviewers are required, and nobody reviews a run of their own."
        return Check("github-environments", title, Verdict.OK, fact)
    fact = f"{len(found)} doubts about the environments that bindings pin."
    remedy = "Settings, Environments: required reviewers, prevent self-review, deployment branches, no bypass."
    return Check("github-environments", title, Verdict.FAIL, fact, remedy, tuple(found))


def _lacks(environment: dict[str, Any] | None) -> list[str]:
    if environment is None:
        return ["it does not exist, and whoever can push a workflow can make it"]
    rules = [r for r in environment.get("protection_rules", ()) if r["type"] == "required_reviewers"]
    said = {
        "no reviewer is required": not any(r["reviewers"] for r in rules),
        "who starts a run may review it": bool(rules) and not all(r.get("prevent_self_review") for r in rules),
        "runs of every branch may use it": environment.get("deployment_branch_policy") is None,
        "administrators may bypass it": environment.get("can_admins_bypass") is True,
    }
    return [lack for lack, holds in said.items() if holds]


def _branch(api: Api) -> Check:
    title, branch = "The default branch is protected", _default(api)
    rules = _rules(api, branch)
    if api.get(f"/branches/{quote(branch, safe='')}")["protected"] or rules:
        return Check("github-branch", title, Verdict.OK, f"{branch} is protected.")
    fact, remedy = f"Whoever can write to the repository can push to {branch}.", "Settings, Rules: protect it."
    return Check("github-branch", title, Verdict.FAIL, fact, remedy)


def _history(api: Api) -> Check:
    """By the rules that anybody may see, else by the branch's protection, which only administrators may."""
    title, branch = "Nobody rewrites the default branch", _default(api)
    barred = {"non_fast_forward", "deletion"} & _rules(api, branch)
    try:
        protection = api.get(f"/branches/{quote(branch, safe='')}/protection") if len(barred) < 2 else {}
    except Missing:
        protection = {"allow_force_pushes": {"enabled": True}, "allow_deletions": {"enabled": True}}
    open_ = [
        f"{branch} may be {done}"
        for rule, field, done in (
            ("non_fast_forward", "allow_force_pushes", "pushed to by force"),
            ("deletion", "allow_deletions", "deleted"),
        )
        if rule not in barred and protection[field]["enabled"]
    ]
    if not open_:
        return Check("github-history", title, Verdict.OK, f"{branch} can neither be deleted nor pushed to by force.")
    remedy = "Settings, Rules: restrict deletions and block force pushes."
    return Check("github-history", title, Verdict.FAIL, f"{' and '.join(open_)}.", remedy)


def _workflow_token(api: Api) -> Check:
    title, said = "Workflow tokens may only read", api.get("/actions/permissions/workflow")
    found = ["a workflow's token may write unless it says otherwise"] * (said["default_workflow_permissions"] != "read")
    found += ["workflows may approve pull requests"] * bool(said["can_approve_pull_request_reviews"])
    if not found:
        return Check("github-workflow-token", title, Verdict.OK, "They may, unless a workflow asks for more.")
    remedy = "Settings, Actions, General: read repository contents, and no approvals by Actions."
    return Check("github-workflow-token", title, Verdict.WARN, f"{' and '.join(found)}.".capitalize(), remedy)


def _default(api: Api) -> str:
    return str(api.get("")["default_branch"])


def _rules(api: Api, branch: str) -> set[str]:
    """The kinds of rule in force for a branch."""
    return {rule["type"] for rule in api.get(f"/rules/branches/{quote(branch, safe='')}?per_page={_PAGE}")}


def _refusal(error: urllib.error.HTTPError, path: str) -> Unchecked:
    where = path or "the repository"
    match error.code:
        case 404:
            return Missing(f"GitHub answers that there is no {where}, or hides it from this token.", _MORE)
        case 401 | 403 | 429:
            return Unreachable(f"GitHub does not let this token read {where} ({error.code}).", _MORE)
    return Unreachable(f"GitHub answers {error.code} to {where}.", "Try again later.")


_MORE = "Give GITHUB_TOKEN a token that may read the repository's administration, or look at the settings yourself."


def _loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host or "").is_loopback
    except ValueError:
        return False
