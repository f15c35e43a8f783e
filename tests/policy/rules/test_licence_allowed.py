"""Licences of model, data and software are allowed, and none is denied."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.core.errors import Malformed
from muniment.policy.facts import EvidenceFact
from muniment.policy.finding import Status
from tests.policy.make import evidence, facts, judge


def bom(licence: list[dict[str, Any]]) -> EvidenceFact:
    component = {"type": "machine-learning-model", "name": "cpu", "bom-ref": "m", "licenses": licence}
    return evidence("bom", {"metadata": {"component": component}})


LICENCES = {"rule": "licence-allowed", "with": {"allow": ["MIT", "Apache-2.0"]}}


@pytest.mark.parametrize("expression", ["MIT", "apache-2.0", "GPL-3.0-only OR MIT"])
def test_licence_allowed(expression: str) -> None:
    assert judge(LICENCES, facts("release", bom([{"expression": expression}]))).status is Status.PASS


@pytest.mark.parametrize(
    "licence", [[{"expression": "GPL-3.0-only"}], [{"expression": "MIT AND GPL-3.0-only"}], [{"expression": "("}], []]
)
def test_licence_not_allowed_or_not_known(licence: list[dict[str, Any]]) -> None:
    found = judge(LICENCES, facts("release", bom(licence)))
    assert found.status is Status.FAIL
    assert "cpu" in found.reason


def typed(kind: str, licence: str) -> EvidenceFact:
    """A BOM whose only component is of a type."""
    component = {"type": kind, "name": "cpu", "bom-ref": "m", "licenses": [{"expression": licence}]}
    return evidence("bom", {"metadata": {"component": component}})


@pytest.mark.parametrize("kind", ["file", "firmware", "application", "data"])
def test_a_model_called_something_else_is_judged_all_the_same(kind: str) -> None:
    """A trainer types the model as a file, and no rule for models would look at its licence."""
    assert judge(LICENCES, facts("release", typed(kind, "GPL-3.0-only"))).status is Status.FAIL
    assert judge(LICENCES, facts("release", typed(kind, "MIT"))).status is Status.PASS
    models = {"rule": "licence-allowed", "with": {"allow": ["MIT"], "components": ["model"]}}
    found = judge(models, facts("release", typed(kind, "GPL-3.0-only")))
    assert (found.status, found.reason) == (Status.FAIL, "The ML-BOM names no model.")


def test_a_bom_of_nothing() -> None:
    assert judge(LICENCES, facts("release", evidence("bom", {}))).reason == "The ML-BOM names no component."


def test_hardware_has_no_licence() -> None:
    device = {"type": "device", "name": "gpu", "bom-ref": "d"}
    model = {"type": "machine-learning-model", "name": "cpu", "bom-ref": "m", "licenses": [{"expression": "MIT"}]}
    both = evidence("bom", {"metadata": {"component": model}, "components": [device]})
    assert judge(LICENCES, facts("release", both)).status is Status.PASS
    assert judge(LICENCES, facts("release", typed("device", "GPL-3.0-only"))).status is Status.FAIL


def test_only_the_components_that_are_asked_for() -> None:
    rule = {"rule": "licence-allowed", "with": {"allow": ["MIT"], "components": ["library"]}}
    assert judge(rule, facts("release", bom([{"expression": "GPL-3.0-only"}]))).status is Status.PASS
    accept = {"rule": "licence-allowed", "with": {"allow": ["MIT"], "unknown": "accept"}}
    assert judge(accept, facts("release", bom([]))).status is Status.PASS


def test_no_bom_is_no_licence() -> None:
    for other in ((), (evidence("evaluation", {"components": []}),)):
        assert judge(LICENCES, facts("release", *other)).reason == "There is no ML-BOM, so no licence is known."


def test_licences_of_every_bom_are_judged() -> None:
    two = judge(LICENCES, facts("release", bom([{"expression": "MIT"}]), bom([{"expression": "GPL-3.0-only"}])))
    assert (two.status, two.reason) == (Status.FAIL, "Not allowed: cpu (GPL-3.0-only).")
    many = [bom([]) for _ in range(5)]
    assert judge(LICENCES, facts("release", *many)).reason.endswith("cpu (no licence) and 2 more.")
    assert judge(LICENCES, facts("release", *many[:3])).reason.endswith("cpu (no licence).")


@pytest.mark.parametrize(
    ("params", "expression", "status"),
    [
        ({"deny": ["GPL-*", "AGPL-*"]}, "MIT", Status.PASS),
        ({"deny": ["GPL-*"]}, "gpl-3.0-only", Status.FAIL),
        ({"deny": ["GPL-*"]}, "GPL-3.0-only WITH Classpath-exception-2.0", Status.FAIL),
        ({"deny": ["GPL-*"]}, "LGPL-3.0-only", Status.PASS),
        ({"deny": ["GPL-*"]}, "GPL-3.0-only OR MIT", Status.PASS),
        ({"deny": ["GPL-*"]}, "GPL-3.0-only AND MIT", Status.FAIL),
        ({"deny": ["GPL-3.0-only"]}, "GPL-3.0-or-later", Status.PASS),
        ({"allow": ["MIT", "GPL-3.0-only"], "deny": ["GPL-*"]}, "GPL-3.0-only", Status.FAIL),
        ({"allow": ["MIT", "GPL-3.0-only"], "deny": ["GPL-*"]}, "GPL-3.0-only OR MIT", Status.PASS),
        ({"allow": ["MIT"], "deny": ["GPL-*"]}, "BSD-3-Clause", Status.FAIL),
        ({"deny": ["GPL-*"]}, "(", Status.FAIL),
    ],
)
def test_denied_licences(params: dict[str, Any], expression: str, status: Status) -> None:
    rule = {"rule": "licence-allowed", "with": params}
    assert judge(rule, facts("release", bom([{"expression": expression}]))).status is status


def test_the_licence_of_a_dataset_record() -> None:
    record = evidence("dataset", {"name": "train", "licence": "CC-BY-NC-4.0"})
    model = bom([{"expression": "MIT"}])
    assert judge(LICENCES, facts("release", model, record)).reason == "Not allowed: train (CC-BY-NC-4.0)."
    models = {"rule": "licence-allowed", "with": {"allow": ["MIT"], "components": ["model"]}}
    assert judge(models, facts("release", model, record)).status is Status.PASS


@pytest.mark.parametrize("params", [{}, {"deny": ["*GPL"]}, {"deny": []}, {"allow": []}])
def test_lists_that_say_nothing(params: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        judge({"rule": "licence-allowed", "with": params}, facts("release"))
