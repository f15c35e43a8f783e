"""The source that provenance names: repository, branch, a pinned commit without changes, and the signer's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from muniment.evidence.kinds import BUILD_TYPE
from muniment.policy.facts import EvidenceFact
from muniment.policy.finding import Finding, Status
from tests.policy.make import TRAINER, evidence, facts, judge

REPOSITORY, COMMIT, MAIN = "https://github.com/acme/fraud", "c" * 40, "refs/heads/main"
CLAIMS = (("sourceRepositoryDigest", COMMIT), ("sourceRepositoryRef", MAIN), ("sourceRepositoryURI", REPOSITORY))


def own(claims: tuple[tuple[str, str], ...] = CLAIMS, **code: Any) -> EvidenceFact:
    parameters = {"code": {"repository": REPOSITORY, "commit": COMMIT, "ref": MAIN} | code}
    definition = {"buildType": BUILD_TYPE, "externalParameters": parameters}
    return evidence("provenance", {"buildDefinition": definition}, signer=replace(TRAINER, claims=claims))


def foreign(uri: str = f"git+{REPOSITORY}@{MAIN}", digest: dict[str, str] | None = None) -> EvidenceFact:
    item = {"uri": uri, "digest": {"gitCommit": COMMIT} if digest is None else digest}
    definition = {"buildType": "https://actions.github.io/buildtypes/workflow/v1", "resolvedDependencies": [item]}
    return evidence("provenance", {"buildDefinition": definition})


def ask(params: dict[str, Any], *records: EvidenceFact) -> Finding:
    rule = {"rule": "provenance-source", "with": {"repositories": [REPOSITORY]} | params}
    return judge(rule, facts("release", *records))


@pytest.mark.parametrize(
    "record", [own(), foreign(), foreign(f"git+{REPOSITORY}.git@{MAIN}"), foreign(digest={"sha1": COMMIT})]
)
def test_an_allowed_source(record: EvidenceFact) -> None:
    assert ask({"refs": [MAIN]}, record).status is Status.PASS
    assert ask({"repositories": ["https://github.com/acme/*"], "refs": ["refs/heads/*"]}, record).status is Status.PASS
    assert ask({"repositories": [f"{REPOSITORY}/"]}, record).status is Status.PASS


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        (own(repository=f"{REPOSITORY}-copy"), f"The source is {REPOSITORY}-copy, which is not allowed."),
        (own(ref="refs/heads/try"), "The source is refs/heads/try, which is not allowed."),
        (own(ref=""), "The source is of no known branch, which is not allowed."),
        (own(commit="main"), f"The source {REPOSITORY} is not pinned to a commit."),
        (own(modified=True), f"The source was {COMMIT[:12]} with changes that are in no commit."),
        (foreign(digest={}), f"The source {REPOSITORY} is not pinned to a commit."),
        (foreign(f"git+{REPOSITORY}"), "The source is of no known branch, which is not allowed."),
        (foreign("pkg:generic/x"), "The provenance names no source code."),
        (foreign("git+https://github.com/evil/x"), "The source is https://github.com/evil/x, which is not allowed."),
    ],
)
def test_a_source_that_is_not(record: EvidenceFact, reason: str) -> None:
    found = ask({"refs": [MAIN]}, record)
    assert (found.status, found.reason) == (Status.FAIL, reason)
    assert ask({"refs": [MAIN]}, own(), record).status is Status.FAIL


def test_changes_may_be_let_pass() -> None:
    assert ask({"modified": "accept"}, own(modified=True)).status is Status.PASS


@pytest.mark.parametrize("changed", [0, 1, 2])
def test_what_the_certificate_says_otherwise(changed: int) -> None:
    claims = tuple((k, "x") if i == changed else (k, v) for i, (k, v) in enumerate(CLAIMS))
    assert ask({}, own(claims)).status is Status.PASS
    found = ask({"certificate": True}, own(claims))
    assert found.reason == "The provenance was signed by a job of another repository, branch or commit than it names."
    assert ask({"certificate": True}, own()).status is Status.PASS
    assert ask({"certificate": True}, own(())).status is Status.FAIL


def test_the_certificate_tells_a_branch_that_the_recipe_leaves_out() -> None:
    assert ask({"certificate": True, "refs": [MAIN]}, own(ref="")).status is Status.PASS
    assert ask({"certificate": True, "refs": ["refs/heads/x"]}, own(ref="")).status is Status.FAIL


def test_no_source_is_known() -> None:
    assert ask({}).reason == "There is no provenance, so no source is known."
    assert ask({}, evidence("provenance")).status is Status.FAIL
