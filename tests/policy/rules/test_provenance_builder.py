"""The builder that provenance names is allowed, and is the one that signed."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from muniment.policy.facts import EvidenceFact
from muniment.policy.finding import Finding, Status
from tests.policy.make import TRAINER, evidence, facts, judge

HERE = TRAINER.subject


def built(builder: str, **other: Any) -> EvidenceFact:
    return evidence("provenance", {"runDetails": {"builder": {"id": builder}}}, **other)


def ask(params: dict[str, Any], *records: EvidenceFact) -> Finding:
    return judge({"rule": "provenance-builder", "with": params}, facts("release", *records))


@pytest.mark.parametrize(
    ("builders", "status"),
    [
        ([HERE], Status.PASS),
        (["https://github.com/acme/*"], Status.PASS),
        ([HERE[:-1]], Status.FAIL),
        (["x", HERE], Status.PASS),
    ],
)
def test_builders(builders: list[str], status: Status) -> None:
    assert ask({"builders": builders}, built(HERE)).status is status


def test_every_provenance_counts() -> None:
    found = ask({"builders": [HERE]}, built(HERE), built("https://example.org/laptop"))
    assert (found.status, found.reason) == (
        Status.FAIL,
        "The provenance names another builder: https://example.org/laptop.",
    )


def test_a_builder_that_somebody_else_claims() -> None:
    forged = built(HERE, signer=replace(TRAINER, subject="https://github.com/other/r/.github/workflows/x.yml"))
    assert ask({"builders": [HERE]}, forged).status is Status.PASS
    found = ask({"builders": [HERE], "certificate": True}, forged)
    assert (found.status, found.reason) == (Status.FAIL, f"The provenance names {HERE}, and somebody else signed it.")
    assert ask({"builders": [HERE], "certificate": True}, built(HERE)).status is Status.PASS


def test_no_builder_is_known() -> None:
    assert ask({"builders": [HERE]}).reason == "There is no provenance, so no builder is known."
    assert ask({"builders": [HERE]}, evidence("provenance")).status is Status.FAIL
