"""No dataset holds personal or sensitive data, or only under the conditions that policy sets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from muniment.evidence.bom import licences
from muniment.policy.facts import DataFact, Facts, Verdict
from muniment.policy.reading import some, unnamed_data

NAME = "personal-data"
TITLE = "Personal data is known and allowed"
PARAMS: dict[str, Any] = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "present": {"enum": ["forbid", "with-basis", "accept"]},
        "sensitive": {"enum": ["forbid", "accept"]},
        "governance": {"type": "boolean"},
    },
}


def reads(params: Mapping[str, Any]) -> frozenset[str]:
    """What says which data was used, and what is said of data itself."""
    return frozenset({"provenance", "bom", "dataset"})


def judge(facts: Facts, params: Mapping[str, Any]) -> Verdict:
    """Holds if every dataset has a record that knows whether there is personal data, and that is allowed.

    `present` says when it is: never (forbid, the default), where the record gives a legal basis and measures
    (with-basis), or always. `sensitive` is what records and ML-BOM mark as sensitive. With `governance` every dataset
    has an owner, steward or custodian.
    """
    fix = "Publish a dataset record that says so, or train without that data."
    if not facts.data:
        return Verdict(False, "Neither provenance nor ML-BOM says which data was used.", fix)
    problems = [f"{name}: the ML-BOM gives no SHA-256" for name in unnamed_data(facts)]
    problems += [f"{datum.name}: {p}" for datum in facts.data for p in _problems(datum, params)]
    problems += list(_in_bom(facts, params))
    if problems:
        return Verdict(False, f"{some(problems)}.", fix)
    return Verdict(True, f"Known of {some(d.name for d in facts.data)}, and allowed.")


def _problems(datum: DataFact, params: Mapping[str, Any]) -> Iterator[str]:
    allowed = params.get("present", "forbid")
    if not datum.records:
        yield "it has no dataset record"
    for record in datum.records:
        said = record.predicate["personalData"]
        if said["present"] == "unknown":
            yield "nobody looked for personal data"
        elif said["present"] is not False and allowed == "forbid":
            yield "it holds personal data"
        elif said["present"] is not False and allowed == "with-basis" and not _founded(said):
            yield "it holds personal data, and the record gives no basis or no measures"
        if record.predicate.get("sensitiveData") and params.get("sensitive", "forbid") == "forbid":
            yield f"it holds sensitive data: {some(map(str, record.predicate['sensitiveData']))}"
        if params.get("governance") and not any(record.predicate.get("governance", {}).values()):
            yield "nobody is named as its owner, steward or custodian"


def _founded(said: Mapping[str, Any]) -> bool:
    return bool(said.get("basis") and said.get("measures"))


def _in_bom(facts: Facts, params: Mapping[str, Any]) -> Iterator[str]:
    """What ML-BOMs mark as sensitive."""
    if params.get("sensitive", "forbid") != "forbid":
        return
    for bom in facts.of_kind("bom"):
        for component in licences.components(bom.predicate):
            for data in component.get("data", ()):
                if data.get("sensitiveData"):
                    yield f"{component['name']}: the ML-BOM marks it {some(map(str, data['sensitiveData']))}"
