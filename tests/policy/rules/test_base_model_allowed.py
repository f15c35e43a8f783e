"""Base models: named by provenance or ML-BOM, on the list, not denied."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.evidence.kinds import BUILD_TYPE
from muniment.policy.facts import EvidenceFact
from muniment.policy.finding import Status
from tests.policy.make import evidence, facts, judge

HEX = "a" * 64
BASE = {"name": "acme/base", "digest": f"sha256:{HEX}"}


def resolved(*names: str) -> EvidenceFact:
    found = [{"name": n, "digest": {"sha256": HEX}, "annotations": {"role": "base-model"}} for n in names]
    return evidence("provenance", {"buildDefinition": {"resolvedDependencies": found}})


def recipe() -> EvidenceFact:
    return evidence(
        "provenance", {"buildDefinition": {"buildType": BUILD_TYPE, "externalParameters": {"baseModels": [BASE]}}}
    )


def bom(**other: Any) -> EvidenceFact:
    model = {"type": "machine-learning-model", "name": "cpu", **other}
    return evidence("bom", {"metadata": {"component": model}})


ANCESTOR = {"name": "acme/base", "hashes": [{"alg": "SHA-256", "content": HEX.upper()}]}
RELATED = {"properties": [{"name": "muniment:relation", "value": "fine-tuned"}], "hashes": ANCESTOR["hashes"]}


@pytest.mark.parametrize("record", [resolved("acme/base"), recipe(), bom(pedigree={"ancestors": [ANCESTOR]})])
@pytest.mark.parametrize(
    ("params", "status"),
    [
        ({"allow": {"names": ["acme/base"]}}, Status.PASS),
        ({"allow": {"names": ["acme/*"]}}, Status.PASS),
        ({"allow": {"digests": [f"sha256:{HEX}"]}}, Status.PASS),
        ({"allow": {"names": ["other"], "digests": [f"sha256:{HEX}"]}}, Status.PASS),
        ({"allow": {"names": ["acme/bas"]}}, Status.FAIL),
        ({"allow": {"digests": [f"sha256:{'b' * 64}"]}}, Status.FAIL),
        ({"deny": {"names": ["other"]}}, Status.PASS),
        ({"deny": {"names": ["acme/*"]}}, Status.FAIL),
        ({"deny": {"digests": [f"sha256:{HEX}"]}, "allow": {"names": ["acme/*"]}}, Status.FAIL),
    ],
)
def test_base_models(record: EvidenceFact, params: dict[str, Any], status: Status) -> None:
    found = judge({"rule": "base-model-allowed", "with": params}, facts("release", record))
    assert found.status is status
    assert "acme/base" in found.reason or params.get("deny") == {"names": ["other"]}


def test_a_component_that_says_it_is_one() -> None:
    rule = {"rule": "base-model-allowed", "with": {"allow": {"names": ["acme/*"]}}}
    assert judge(rule, facts("release", bom(**RELATED))).reason == "Not on the list: cpu."


def test_every_record_counts() -> None:
    """The recipe leaves out what the ML-BOM tells."""
    rule = {"rule": "base-model-allowed", "with": {"allow": {"names": ["other"]}}}
    hidden = bom(pedigree={"ancestors": [ANCESTOR]})
    assert judge(rule, facts("release", resolved("other"), hidden)).reason == "Not on the list: acme/base."


def test_a_model_made_from_none_and_one_of_which_nothing_is_known() -> None:
    rule = {"rule": "base-model-allowed", "with": {"allow": {"names": ["acme/*"]}}}
    assert judge(rule, facts("release", resolved())).reason == "It was made from no other model."
    unknown = judge(rule, facts("release", evidence("evaluation")))
    assert (unknown.status, unknown.reason) == (
        Status.FAIL,
        "Neither provenance nor ML-BOM says what it was made from.",
    )


def test_data_and_code_are_no_base_models() -> None:
    rule = {"rule": "base-model-allowed", "with": {"allow": {"names": ["acme/*"]}}}
    item = {"name": "train", "digest": {"sha256": HEX}, "annotations": {"role": "training"}}
    data = evidence("provenance", {"buildDefinition": {"resolvedDependencies": [item]}})
    assert judge(rule, facts("release", data)).reason == "It was made from no other model."


def test_only_the_sha256_is_a_digest() -> None:
    rule = {"rule": "base-model-allowed", "with": {"allow": {"digests": [f"sha256:{HEX}"]}}}
    other = {"alg": "SHA3-256", "content": "b" * 64}
    assert (
        judge(
            rule, facts("release", bom(pedigree={"ancestors": [ANCESTOR | {"hashes": [other, *ANCESTOR["hashes"]]}]}))
        ).status
        is Status.PASS
    )
    trick = bom(pedigree={"ancestors": [ANCESTOR | {"hashes": [other | {"content": HEX}]}]})
    assert judge(rule, facts("release", trick)).status is Status.FAIL
