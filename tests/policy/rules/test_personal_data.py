"""Personal and sensitive data: known of every dataset, and only where policy lets it."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.policy.finding import Finding, Status
from tests.policy.make import datum, evidence, facts, judge

NONE: dict[str, Any] = {"personalData": {"present": False}}
SOME: dict[str, Any] = {"personalData": {"present": True, "description": "names"}}
FOUNDED: dict[str, Any] = {"personalData": SOME["personalData"] | {"basis": "consent", "measures": ["hashed"]}}


def ask(params: dict[str, Any], *records: dict[str, Any], **other: Any) -> Finding:
    known = {"data": (datum("train", *records),)} | other
    return judge({"rule": "personal-data", "with": params}, facts("release", **known))


@pytest.mark.parametrize(
    ("params", "records", "status"),
    [
        ({}, [NONE], Status.PASS),
        ({}, [SOME], Status.FAIL),
        ({}, [FOUNDED], Status.FAIL),
        ({}, [NONE, SOME], Status.FAIL),
        ({"present": "with-basis"}, [FOUNDED], Status.PASS),
        ({"present": "with-basis"}, [SOME], Status.FAIL),
        ({"present": "with-basis"}, [NONE], Status.PASS),
        ({"present": "with-basis"}, [{"personalData": SOME["personalData"] | {"measures": ["hashed"]}}], Status.FAIL),
        ({"present": "with-basis"}, [{"personalData": FOUNDED["personalData"] | {"measures": []}}], Status.FAIL),
        ({"present": "accept"}, [SOME], Status.PASS),
        ({"present": "accept"}, [{"personalData": {"present": "unknown"}}], Status.FAIL),
        ({"present": "accept"}, [], Status.FAIL),
        ({}, [NONE | {"sensitiveData": ["health"]}], Status.FAIL),
        ({"sensitive": "accept"}, [NONE | {"sensitiveData": ["health"]}], Status.PASS),
        ({"governance": True}, [NONE], Status.FAIL),
        ({"governance": True}, [NONE | {"governance": {"owners": []}}], Status.FAIL),
        ({"governance": True}, [NONE | {"governance": {"owners": ["ann"]}}], Status.PASS),
    ],
)
def test_personal_data(params: dict[str, Any], records: list[dict[str, Any]], status: Status) -> None:
    assert ask(params, *records).status is status


def test_reasons() -> None:
    assert ask({}).reason == "train: it has no dataset record."
    assert ask({}, SOME).reason == "train: it holds personal data."
    assert ask({}, {"personalData": {"present": "unknown"}}).reason == "train: nobody looked for personal data."
    assert ask({}, NONE | {"sensitiveData": ["health"]}).reason == "train: it holds sensitive data: health."
    assert ask({}, data=()).reason == "Neither provenance nor ML-BOM says which data was used."


def test_what_the_bom_marks() -> None:
    component = {"type": "data", "name": "train", "hashes": [{"alg": "SHA-256", "content": "0"}]}
    marked = evidence("bom", {"components": [component | {"data": [{"type": "dataset", "sensitiveData": ["health"]}]}]})
    known = facts("release", marked, data=(datum("train", NONE),))
    assert judge({"rule": "personal-data"}, known).reason == "train: the ML-BOM marks it health."
    assert judge({"rule": "personal-data", "with": {"sensitive": "accept"}}, known).status is Status.PASS
    plain = evidence("bom", {"components": [component | {"data": [{"type": "dataset"}]}]})
    assert judge({"rule": "personal-data"}, facts("release", plain, data=(datum("train", NONE),))).status is Status.PASS
    nameless = evidence("bom", {"components": [{"type": "data", "name": "more"}]})
    hidden = facts("release", nameless, data=(datum("train", NONE),))
    assert judge({"rule": "personal-data"}, hidden).reason == "more: the ML-BOM gives no SHA-256."
