"""GitHub's settings, asked of a server that answers as the REST API's documents say."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from muniment.core.errors import Usage
from muniment.insight.doctor import Check, Verdict
from muniment.interop.settings import LIMIT, Api, examine_settings
from muniment.registry.config import Config
from tests.registry.paper import Paper
from tests.registry.staff import pattern, staff
from tests.world import POLICY

REPOSITORY = "acme/models"
Answer = tuple[int, Any]


def answers() -> dict[str, Answer]:
    """What GitHub answers of a repository that is set up well, by path below it."""
    reviewers = {
        "id": 1,
        "type": "required_reviewers",
        "prevent_self_review": True,
        "reviewers": [{"type": "User", "reviewer": {"login": "dora"}}],
    }
    environment = {
        "name": "production",
        "can_admins_bypass": False,
        "protection_rules": [reviewers, {"id": 2, "type": "branch_policy"}],
        "deployment_branch_policy": {"protected_branches": True, "custom_branch_policies": False},
    }
    rules = [{"type": "deletion"}, {"type": "non_fast_forward"}, {"type": "pull_request", "parameters": {}}]
    return {
        "": (200, {"full_name": REPOSITORY, "default_branch": "main"}),
        "/environments?per_page=100": (200, {"total_count": 1, "environments": [environment]}),
        "/branches/main": (200, {"name": "main", "protected": True}),
        "/branches/main/protection": (403, {"message": "Resource not accessible by integration"}),
        "/rules/branches/main?per_page=100": (200, rules),
        "/actions/permissions/workflow": (
            200,
            {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False},
        ),
    }


@contextmanager
def github(said: dict[str, Answer], asked: list[tuple[str, str | None]] | None = None) -> Iterator[str]:
    """The address of an API that gives these answers."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            path = self.path.removeprefix(f"/repos/{REPOSITORY}")
            if asked is not None:
                asked.append((path, self.headers.get("Authorization")))
            code, value = said.get(path, (404, {"message": "Not Found"}))
            body = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(code)
            if code in (301, 302):
                self.send_header("Location", value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def config(pinned: str | None = "production") -> Config:
    """A configuration in which a binding pins a deployment environment."""
    document = staff()
    if pinned:
        identity = pattern("stranger") | {"claims": {"deploymentEnvironment": pinned}}
        document["bindings"] = [*document["bindings"], {"role": "risk", "namespaces": ["aiops"], "identity": identity}]
    found = Paper(POLICY, **document).state.config
    assert found is not None
    return found


def examined(said: dict[str, Answer], pinned: str | None = "production") -> dict[str, Check]:
    """The checks by id."""
    with github(said) as url:
        return {c.id: c for c in examine_settings(Api(url, "t0ken", REPOSITORY), config(pinned))}


def test_a_repository_that_is_set_up_well() -> None:
    assert {c.verdict for c in examined(answers()).values()} == {Verdict.OK}


def test_the_token_is_sent_and_nothing_is_written() -> None:
    asked: list[tuple[str, str | None]] = []
    with github(answers(), asked) as url:
        examine_settings(Api(url, "t0ken", REPOSITORY), config())
    assert {token for _, token in asked} == {"Bearer t0ken"}
    assert {path for path, _ in asked} <= set(answers())


def environment(**changed: Any) -> dict[str, Answer]:
    """The answers with something of the environment changed."""
    said = answers()
    said["/environments?per_page=100"][1]["environments"][0].update(changed)
    return said


@pytest.mark.parametrize(
    ("changed", "doubt"),
    [
        ({"name": "elsewhere"}, "production: it does not exist"),
        ({"protection_rules": []}, "production: no reviewer"),
        (
            {"protection_rules": [{"type": "required_reviewers", "reviewers": []}]},
            "production: no reviewer",
        ),
        (
            {"protection_rules": [{"type": "required_reviewers", "reviewers": [{}], "prevent_self_review": False}]},
            "production: who starts a run may review it",
        ),
        ({"deployment_branch_policy": None}, "production: runs of every branch may use it"),
        ({"can_admins_bypass": True}, "production: administrators may bypass it"),
    ],
)
def test_an_environment_that_asks_nobody(changed: dict[str, Any], doubt: str) -> None:
    check = examined(environment(**changed))["github-environments"]
    assert check.verdict is Verdict.FAIL
    assert any(line.startswith(doubt) for line in check.details)


def test_where_no_binding_pins_an_environment_none_is_looked_at() -> None:
    said = answers()
    del said["/environments?per_page=100"]
    assert examined(said, None)["github-environments"].verdict is Verdict.OK


def test_more_environments_than_one_page_are_not_passed_over() -> None:
    said = answers()
    said["/environments?per_page=100"][1]["total_count"] = 101
    assert examined(said)["github-environments"].verdict is Verdict.UNCHECKED


def bare(protection: Answer, protected: bool) -> dict[str, Answer]:
    """The answers of a repository without rules."""
    return answers() | {
        "/rules/branches/main?per_page=100": (200, []),
        "/branches/main": (200, {"name": "main", "protected": protected}),
        "/branches/main/protection": protection,
    }


def test_a_branch_that_rules_protect_is_protected() -> None:
    said = answers() | {"/branches/main": (200, {"name": "main", "protected": False})}
    assert examined(said)["github-branch"].verdict is Verdict.OK


def settings(force: bool, deletion: bool) -> Answer:
    """A branch's protection."""
    return 200, {"allow_force_pushes": {"enabled": force}, "allow_deletions": {"enabled": deletion}}


@pytest.mark.parametrize(
    ("protection", "protected", "branch", "history"),
    [
        ((404, {"message": "Branch not protected"}), False, Verdict.FAIL, Verdict.FAIL),
        (settings(False, False), True, Verdict.OK, Verdict.OK),
        (settings(True, False), True, Verdict.OK, Verdict.FAIL),
        (settings(False, True), True, Verdict.OK, Verdict.FAIL),
        ((403, {"message": "Resource not accessible by integration"}), True, Verdict.OK, Verdict.UNCHECKED),
    ],
)
def test_the_default_branch(protection: Answer, protected: bool, branch: Verdict, history: Verdict) -> None:
    checks = examined(bare(protection, protected))
    assert (checks["github-branch"].verdict, checks["github-history"].verdict) == (branch, history)


@pytest.mark.parametrize(
    ("permissions", "approve", "told"),
    [("write", False, "may write"), ("read", True, "may approve")],
)
def test_what_a_workflow_token_may_do(permissions: str, approve: bool, told: str) -> None:
    said = answers()
    value = {"default_workflow_permissions": permissions, "can_approve_pull_request_reviews": approve}
    said["/actions/permissions/workflow"] = (200, value)
    check = examined(said)["github-workflow-token"]
    assert (check.verdict, told in check.fact) == (Verdict.WARN, True)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ((401, {}), "does not let this token read"),
        ((403, {}), "does not let this token read"),
        ((404, {}), "hides it from this token"),
        ((429, {}), "does not let this token read"),
        ((500, {}), "answers 500"),
        ((302, "http://127.0.0.1:9/"), "answers 302"),
        ((200, b"<html>"), "is no JSON"),
        ((200, b"[" + b" " * LIMIT), "is larger than"),
        ((200, {"unknown": 1}), "not as its documents say"),
        ((200, []), "not as its documents say"),
    ],
)
def test_what_could_not_be_looked_at_says_so(answer: Answer, told: str) -> None:
    checks = examined(dict.fromkeys(answers(), answer))
    assert {c.verdict for c in checks.values()} == {Verdict.UNCHECKED}
    assert all(told in c.fact for c in checks.values())
    assert all(c.remedy for c in checks.values())


def test_a_server_that_is_not_there() -> None:
    with github({}) as url:
        pass
    checks = examine_settings(Api(url, "t", REPOSITORY), config())
    assert {c.verdict for c in checks} == {Verdict.UNCHECKED}
    assert all("cannot be reached" in c.fact for c in checks)


@pytest.mark.parametrize(
    ("url", "repository"),
    [("http://github.example/api", REPOSITORY), ("ftp://127.0.0.1", REPOSITORY), ("https://api.github.com", "models")],
)
def test_the_token_goes_nowhere_unencrypted(url: str, repository: str) -> None:
    with pytest.raises(Usage):
        Api(url, "t", repository)


@pytest.mark.parametrize("url", ["https://api.github.com", "http://localhost:1/", "http://[::1]:1/"])
def test_the_token_goes_to_https_and_to_this_machine(url: str) -> None:
    assert Api(url, "t", REPOSITORY).url == url
