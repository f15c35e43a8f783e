"""The data that went into a version: by name, digest, licence, class and terms of access."""

from __future__ import annotations

from typing import Any

import pytest

from muniment.core.digest import digest_of
from muniment.policy.facts import DataFact
from muniment.policy.finding import Finding, Status
from tests.policy.make import datum, evidence, facts, judge

RECORD: dict[str, Any] = {
    "name": "train",
    "licence": "CC0-1.0",
    "access": {"classification": "internal", "terms": "Within the company."},
}
DIGEST = str(digest_of(b"train"))


def ask(params: dict[str, Any], *data: DataFact, **other: Any) -> Finding:
    known = facts("release", evidence("provenance"), data=data, **other)
    return judge({"rule": "data-allowed", "with": params}, known)


@pytest.mark.parametrize(
    "params",
    [
        {"allow": {"names": ["train"]}},
        {"allow": {"names": ["tr*"]}},
        {"allow": {"digests": [DIGEST]}},
        {"allow": {"names": ["other"], "digests": [DIGEST]}},
        {"allow": {"licences": ["CC0-1.0"]}},
        {"deny": {"names": ["test"], "digests": [str(digest_of(b"test"))], "licences": ["CC-BY-NC-*"]}},
        {"classifications": ["public", "internal"]},
        {"terms": "stated"},
        {"terms": ["Within the company."]},
    ],
)
def test_data_that_may_be_used(params: dict[str, Any]) -> None:
    found = ask(params, datum("train", RECORD))
    assert (found.status, found.reason) == (Status.PASS, "Allowed: train.")


@pytest.mark.parametrize(
    ("params", "reason"),
    [
        ({"allow": {"names": ["other"]}}, "train: it is not on the list."),
        ({"allow": {"digests": [str(digest_of(b"other"))]}}, "train: it is not on the list."),
        ({"allow": {"licences": ["MIT"]}}, "train: its licence is CC0-1.0."),
        ({"deny": {"licences": ["CC0-*"]}}, "train: its licence is CC0-1.0."),
        ({"deny": {"names": ["tr*"]}}, "train: it is denied."),
        ({"deny": {"digests": [DIGEST]}}, "train: it is denied."),
        ({"classifications": ["public"]}, "train: it is internal."),
        ({"terms": ["Public."]}, "train: its terms of access are 'Within the company.'."),
    ],
)
def test_data_that_may_not(params: dict[str, Any], reason: str) -> None:
    found = ask(params, datum("train", RECORD))
    assert (found.status, found.reason) == (Status.FAIL, reason)


def test_another_name_in_the_record_does_not_help() -> None:
    """A trainer writes an allowed name into the recipe, and the record tells."""
    renamed = datum("train", RECORD | {"name": "scraped"})
    assert ask({"allow": {"names": ["train"]}}, renamed).status is Status.FAIL
    assert ask({"deny": {"names": ["scraped"]}}, renamed).status is Status.FAIL


@pytest.mark.parametrize(
    "params",
    [
        {"allow": {"licences": ["MIT"]}},
        {"deny": {"licences": ["MIT"]}},
        {"terms": "stated"},
        {"classifications": ["public"]},
    ],
)
def test_data_without_a_record(params: dict[str, Any]) -> None:
    found = ask(params, datum("train"))
    assert found.status is Status.FAIL
    assert "no dataset record says" in found.reason


def test_every_record_of_a_dataset_must_agree() -> None:
    two = datum("train", RECORD, RECORD | {"licence": "CC-BY-NC-4.0", "access": {"classification": "restricted"}})
    assert ask({"allow": {"licences": ["CC0-1.0"]}}, two).reason == "train: its licence is CC-BY-NC-4.0."
    assert ask({"classifications": ["internal"]}, two).reason == "train: it is restricted."
    assert ask({"terms": "stated"}, two).reason == "train: its record states no terms of access."


def test_a_dataset_that_was_withdrawn() -> None:
    gone = datum("train", RECORD, version="aiops/train@1", retired="data-withdrawn")
    found = ask({"allow": {"names": ["train"]}}, gone)
    assert found.reason == "train: its version aiops/train@1 is retired (data-withdrawn)."
    assert ask({"allow": {"names": ["train"]}, "retired": "accept"}, gone).status is Status.PASS


def test_data_that_nobody_names() -> None:
    params = {"allow": {"names": ["train"]}}
    assert ask(params).reason == "The provenance names no data with a SHA-256."
    nothing = judge({"rule": "data-allowed", "with": params}, facts("release", data=(datum("train", RECORD),)))
    assert nothing.reason == "Neither provenance nor ML-BOM says which data was used."
    bom = evidence(
        "bom", {"components": [{"type": "data", "name": "more", "hashes": [{"alg": "MD5", "content": "0"}]}]}
    )
    hidden = judge({"rule": "data-allowed", "with": params}, facts("release", bom, data=(datum("train", RECORD),)))
    assert hidden.reason == "more: the ML-BOM gives no SHA-256."


def test_a_record_is_not_needed_where_nothing_is_asked_of_it() -> None:
    assert ask({"allow": {"names": ["train"]}}, datum("train")).status is Status.PASS
    assert ask({"deny": {"digests": [str(digest_of(b"other"))]}}, datum("train")).status is Status.PASS
