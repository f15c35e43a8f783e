"""Predicates with any one value replaced: checked as malformed or, if admitted, read without failing."""

from __future__ import annotations

import copy
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.core.errors import Malformed, Mismatch
from muniment.evidence import attest, link
from muniment.evidence.bom.licences import licences
from muniment.evidence.bom.make import attest_bom
from muniment.evidence.check import check_evidence
from muniment.evidence.dataset import dataset_facts
from muniment.evidence.evaluation import metrics
from muniment.evidence.oms import covers, signed_files
from muniment.evidence.recipe import dependencies, parameters
from muniment.evidence.statement import Statement, format_statement, parse_statement

LEAVES = st.none() | st.booleans() | st.integers(-2, 3) | st.floats(allow_nan=False) | st.text(max_size=3)
VALUES = LEAVES | st.sampled_from(["../x", "sha256:" + "0" * 64, "0" * 64, "0" * 64 + "\n", "pkg:a/b"])
VALUES |= st.lists(LEAVES, max_size=2) | st.dictionaries(st.sampled_from(["name", "digest", "ref"]), LEAVES, max_size=2)


@pytest.fixture(scope="module")
def statements(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Statement]:
    from tests.evidence.conftest import make_workshop

    w = make_workshop(tmp_path_factory.mktemp("hostile"))
    made = (
        attest.attest_signature(w.model),
        attest.attest_dataset(w.data, w.root / "dataset.yaml"),
        attest.attest_evaluation(w.model, w.root / "evaluation.json"),
        attest.attest_gate(w.model, w.root / "evaluation.json"),
        attest.attest_provenance(w.model, w.root / "recipe.yaml", {}),
        attest_bom(w.model, w.root / "model.yaml", datetime(2026, 1, 1, tzinfo=UTC), {}),
        link.record("train", ["true"], [w.data], [w.model], w.root, 60),
    )
    return {s.predicate_type: parse_statement(format_statement(s)) for s in made}


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths of all values inside a value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [inner for key, item in items for inner in ((*path, key), *places(item, (*path, key)))]


def replaced(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    changed = copy.deepcopy(value)
    inner = changed
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = new
    return changed


def read(statement: Statement) -> None:
    """All that pages, policy and the registry read of an admitted predicate."""
    predicate = statement.predicate
    readers = {
        "https://slsa.dev/provenance/v1": (dependencies, parameters),
        "https://in-toto.io/attestation/link/v0.3": (link.materials_of,),
        "https://cyclonedx.org/bom": (licences,),
        "https://model_signing/signature/v1.0": (signed_files,),
        "https://muniment.dev/dataset/v1": (dataset_facts,),
        "https://muniment.dev/evaluation/v1": (metrics,),
    }
    for reader in readers.get(statement.predicate_type, ()):
        reader(predicate)
    covers(statement, statement.subjects[0].digest)


def refused(statement: Statement) -> Malformed | Mismatch | None:
    """Why a statement is not admissible."""
    try:
        check_evidence(statement)
    except (Malformed, Mismatch) as error:
        return error
    return None


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_one_value_replaced(statements, data):
    statement = statements[data.draw(st.sampled_from(sorted(statements)))]
    path = data.draw(st.sampled_from(places(statement.predicate)))
    predicate = replaced(statement.predicate, path, data.draw(VALUES))
    changed = Statement(statement.subjects, statement.predicate_type, predicate)
    refusal = refused(changed)
    if refusal is None:
        read(changed)
    else:
        assert 0 < len(refusal.fact) < 1000
        assert "\n" not in refusal.fact
        assert refusal.remedy


def test_deep_nesting_is_no_crash(statements):
    bom = statements["https://cyclonedx.org/bom"]
    for depth, admitted in ((20, True), (150, False)):
        component: dict[str, Any] = {"type": "library", "name": "x"}
        for _ in range(depth):
            component = {"type": "library", "name": "x", "components": [component]}
        deep = Statement(
            bom.subjects, bom.predicate_type, {**bom.predicate, "components": [*bom.predicate["components"], component]}
        )
        assert (refused(deep) is None) is admitted
    with pytest.raises(Malformed, match="deep"):
        parse_statement(format_statement(deep))
    with pytest.raises(Malformed):
        parse_statement(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


def test_a_large_bom_is_checked_in_linear_time(statements):
    bom = copy.deepcopy(dict(statements["https://cyclonedx.org/bom"].predicate))
    many = [{"type": "library", "name": f"n{i}", "bom-ref": f"r{i}", "purl": f"pkg:pypi/n{i}@1"} for i in range(3000)]
    bom["components"] += many
    bom["dependencies"].append({"ref": "r0", "dependsOn": [c["bom-ref"] for c in many[1:]]})
    statement = statements["https://cyclonedx.org/bom"]
    check_evidence(Statement(statement.subjects, statement.predicate_type, json.loads(json.dumps(bom))))
