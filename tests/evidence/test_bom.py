import copy
import json
import os
import subprocess
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from muniment.core.errors import Malformed
from muniment.evidence.bom.build import build_bom, format_bom
from muniment.evidence.bom.licences import licences
from muniment.evidence.bom.lint import check_bom, problems
from muniment.evidence.bom.make import read_card
from muniment.evidence.bom.overlay import overlay

NOW = datetime(2026, 1, 3, 4, 5, 6, tzinfo=UTC)


@cache
def validator():
    """The schema that cyclonedx-python-lib ships, without its slow extra: formats are left out."""
    import jsonschema
    import referencing

    folder = files("cyclonedx") / "schema" / "_res"
    texts = {name: json.loads((folder / name).read_text("utf-8")) for name in (
        "bom-1.6.SNAPSHOT.schema.json", "spdx.SNAPSHOT.schema.json", "jsf-0.82.SNAPSHOT.schema.json")}  # fmt: skip
    # The references are to the file names, next to the BOM's own $id.
    resources = [
        (f"http://cyclonedx.org/schema/{name}", referencing.Resource.from_contents(value))
        for name, value in texts.items()
    ]
    registry = referencing.Registry().with_resources(resources)
    return jsonschema.Draft7Validator(texts["bom-1.6.SNAPSHOT.schema.json"], registry=registry)


def schema_errors(bom):
    return [(list(e.absolute_path), e.message[:200]) for e in validator().iter_errors(bom)]


def made(workshop):
    return build_bom(read_card(workshop.model, workshop.root / "model.yaml", NOW, {}))


@pytest.fixture
def bom(workshop):
    return made(workshop)


def component(bom, ref):
    found = [c for c in [bom["metadata"]["component"], *bom["components"]] if c["bom-ref"] == ref]
    assert len(found) == 1
    return found[0]


def test_the_bom_holds_to_the_schema_and_the_lint(bom):
    assert schema_errors(bom) == []
    assert list(problems(bom)) == []
    assert schema_errors(bom | {"components": "none"})


def test_the_model_card(bom):
    main = bom["metadata"]["component"]
    card = main["modelCard"]
    assert (main["type"], main["name"], main["version"]) == ("machine-learning-model", "cpu-anomaly", "1.0.0")
    parameters = card["modelParameters"]
    assert parameters["approach"] == {"type": "unsupervised"}
    assert (parameters["architectureFamily"], parameters["modelArchitecture"]) == ("tree ensemble", "IsolationForest")
    assert parameters["datasets"] == [{"ref": "dataset:telemetry"}]
    assert parameters["inputs"] == [{"format": "float64 matrix with 4 columns"}]
    assert card["quantitativeAnalysis"]["performanceMetrics"] == [
        {"type": "f1", "value": "0.8"},
        {"type": "f1", "value": "0.5", "slice": "nights"},
        {"type": "latency (ms)", "value": "1.5"},
    ]
    assert card["considerations"]["technicalLimitations"] == ["Knows the load of one machine only."]
    assert {p["name"]: p["value"] for p in card["properties"]} == {
        "cdx:ai-ml:model:hyperparameter:n_estimators": "100",
        "cdx:ai-ml:model:hyperparameter:contamination": "0.01",
    }
    assert [a["name"] for a in main["pedigree"]["ancestors"]] == ["base.bin"]
    assert [c["name"] for c in main["components"]] == ["config.json", "weights.bin"]


def test_datasets_have_governance(bom):
    dataset = component(bom, "dataset:telemetry")
    assert dataset["licenses"] == [{"license": {"id": "CC-BY-4.0", "acknowledgement": "declared"}}]
    data = dataset["data"][0]
    assert data["classification"] == "internal"
    assert data["governance"] == {
        "owners": [{"organization": {"name": "Example Operations"}}],
        "stewards": [{"contact": {"name": "data desk", "email": "data@example.org"}}],
    }
    said = {p["name"]: p["value"] for p in data["contents"]["properties"]}
    assert said["muniment:collection"] == "Read from one machine every second."
    assert said["muniment:personalData"] == "false"


def test_the_software_is_what_the_card_asks_for_with_its_dependencies(bom):
    libraries = [c["name"] for c in bom["components"] if c["type"] == "library"]
    assert libraries == ["numpy", "scikit-learn", "threadpoolctl"]
    depends = {d["ref"]: d.get("dependsOn", []) for d in bom["dependencies"]}
    assert depends["pkg:pypi/scikit-learn@1.5.0"] == ["pkg:pypi/numpy@2.0.0", "pkg:pypi/threadpoolctl@3.5.0"]
    assert set(depends["model:cpu-anomaly@1.0.0"]) == {
        "base-model:base.bin",
        "dataset:telemetry",
        "pkg:pypi/scikit-learn@1.5.0",
        "platform:cpython@3.11.7",
        "platform:os",
    }
    assert component(bom, "pkg:pypi/threadpoolctl@3.5.0")["licenses"][0]["license"]["acknowledgement"] == "concluded"


def test_all_software_where_the_card_names_none(workshop):
    workshop.edit("model.yaml", "software: [scikit_learn]\n", "")
    bom = made(workshop)
    assert component(bom, "pkg:pypi/odd@1.0")["licenses"] == [
        {"license": {"name": "BSD License", "acknowledgement": "declared"}}
    ]
    assert schema_errors(bom) == []


def test_licences_as_facts(bom):
    found = {(item.kind, item.name): item.licence for item in licences(bom)}
    assert found["model", "cpu-anomaly"] == "Apache-2.0"
    assert found["model", "base.bin"] == "MIT"
    assert found["dataset", "telemetry"] == "CC-BY-4.0"
    assert found["library", "numpy"] == "BSD-3-Clause AND MIT"
    assert found["platform", "CPython"] is None
    assert found["file", "weights.bin"] is None


def test_licences_of_boms_by_others():
    several = [{"license": {"id": "MIT"}}, {"license": {"id": "ISC"}}]
    unknown = [{"license": {"id": "MIT"}}, {"license": {"name": "Own"}}]
    items = [
        {"type": "framework", "name": "several", "licenses": several},
        {"type": "application", "name": "unknown", "licenses": unknown, "components": [{"type": "data", "name": "in"}]},
    ]
    found = licences({"metadata": {}, "components": items})
    assert [(i.name, i.kind, i.licence, i.stated) for i in found] == [
        ("several", "library", "(MIT) AND (ISC)", None),
        ("unknown", "library", None, "Own"),
        ("in", "dataset", None, None),
    ]


def test_equal_input_gives_equal_bytes_in_any_process(workshop):
    program = (
        "import sys; from datetime import datetime, UTC; from pathlib import Path\n"
        "from muniment.evidence.bom.make import read_card\n"
        "from muniment.evidence.bom.build import build_bom, format_bom\n"
        "root = Path(sys.argv[1])\n"
        "card = read_card(root / 'model', root / 'model.yaml', datetime(2026, 1, 3, 4, 5, 6, tzinfo=UTC), {})\n"
        "sys.stdout.buffer.write(format_bom(build_bom(card)))\n"
    )
    texts = {
        subprocess.run(
            [sys.executable, "-c", program, str(workshop.root)],
            env={**os.environ, "PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": "C"},
            capture_output=True, check=True, timeout=120,
        ).stdout
        for seed, zone in (("1", "UTC"), ("2", "Asia/Tokyo"))
    }  # fmt: skip
    assert texts == {format_bom(made(workshop))}


def test_other_input_has_another_serial_number(workshop, bom):
    workshop.write("model/weights.bin", "other")
    assert made(workshop)["serialNumber"] != bom["serialNumber"]


def test_a_model_of_many_files_leaves_them_to_its_signature(workshop):
    for i in range(300):
        workshop.write(f"model/f{i}", str(i))
    bom = made(workshop)
    assert "components" not in bom["metadata"]["component"]
    assert "compositions" not in bom


def test_a_model_that_is_one_file(workshop):
    bom = build_bom(read_card(workshop.root / "base.bin", workshop.root / "model.yaml", NOW, {}))
    assert "components" not in bom["metadata"]["component"]
    assert schema_errors(bom) == []


def test_overlay_refuses_what_it_would_lose():
    bom = {"components": [{"bom-ref": "a", "name": "a", "components": [{"bom-ref": "b", "name": "b"}]}]}
    assert overlay(bom, {"b": {"x": 1}})["components"][0]["components"][0] == {"bom-ref": "b", "name": "b", "x": 1}
    with pytest.raises(Malformed, match="'c'"):
        overlay(bom, {"c": {"x": 1}})
    with pytest.raises(Malformed, match="already"):
        overlay(bom, {"a": {"name": "b"}})


def main_of(bom):
    return bom["metadata"]["component"]


DEFECTS = {
    "a bom-ref twice": lambda b: b["components"].append(b["components"][0] | {"version": "2"}),
    "a nested bom-ref twice": lambda b: main_of(b)["components"].append(main_of(b)["components"][0] | {"version": "2"}),
    "a dataset that is not there": lambda b: main_of(b)["modelCard"]["modelParameters"]["datasets"].append(
        {"ref": "x"}
    ),
    "an empty dataset": lambda b: main_of(b)["modelCard"]["modelParameters"]["datasets"].append({}),
    "a dependency that is not there": lambda b: b["dependencies"][0].update(dependsOn=["x"]),
    "a dependant that is not there": lambda b: b["dependencies"].append({"ref": "x"}),
    "dependencies given twice": lambda b: b["dependencies"].append(b["dependencies"][0] | {"dependsOn": []}),
    "a model card on a library": lambda b: b["components"][-1].update(type="library", modelCard={}),
    "a bad package URL": lambda b: b["components"][0].update(purl="not a purl"),
    "a package URL without name": lambda b: b["components"][0].update(purl="pkg:pypi/"),
    "a package URL with a bad escape": lambda b: b["components"][0].update(purl="pkg:pypi/a%zz@1"),
    "a garbage licence": lambda b: b["components"][0].update(licenses=[{"expression": "free as in beer"}]),
    "a SHA-256 that is none": lambda b: b["components"][0].update(hashes=[{"alg": "SHA-256", "content": "0" * 40}]),
    "a data component without data": lambda b: b["components"].append({"type": "data", "name": "d", "bom-ref": "d"}),
}


@pytest.mark.parametrize("defect", DEFECTS)
def test_what_the_schema_lets_pass_and_the_lint_does_not(bom, defect):
    changed = copy.deepcopy(bom)
    DEFECTS[defect](changed)
    assert schema_errors(changed) == []
    assert list(problems(changed))
    with pytest.raises(Malformed):
        check_bom(changed)


WORDS = st.text(
    st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_categories=("Cc", "Cs")), min_size=1, max_size=8
)
CONSIDERATIONS = st.fixed_dictionaries(
    {},
    optional={
        "users": st.lists(WORDS, max_size=2),
        "useCases": st.lists(WORDS, max_size=2),
        "ethicalConsiderations": st.lists(
            st.fixed_dictionaries({"name": WORDS}, optional={"mitigationStrategy": WORDS}), max_size=2
        ),
    },
)
CARDS = st.fixed_dictionaries(
    {
        "name": WORDS,
        "version": WORDS,
        "description": WORDS,
        "licence": st.sampled_from(["MIT", "mit or isc", "LicenseRef-own"]),
        "supplier": WORDS | st.fixed_dictionaries({"name": WORDS}),
        "approach": st.sampled_from(["supervised", "reinforcement-learning"]),
        "architecture": st.fixed_dictionaries({"model": WORDS}, optional={"family": WORDS}),
        "inputs": st.lists(WORDS, min_size=1, max_size=2),
        "outputs": st.lists(WORDS, min_size=1, max_size=2),
        "environment": st.just("environment.json"),
    },
    optional={
        "group": WORDS,
        "authors": st.lists(WORDS, max_size=2),
        "tags": st.lists(WORDS, max_size=2),
        "hyperparameters": st.dictionaries(WORDS, WORDS | st.integers(-9, 9) | st.booleans() | st.none(), max_size=2),
        "considerations": CONSIDERATIONS,
        "datasets": st.just([{"path": "data"}]),
    },
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CARDS)
def test_any_card_makes_a_bom_that_holds_to_the_schema(workshop, card):
    workshop.write("card.json", json.dumps(card))
    bom = build_bom(read_card(workshop.model, workshop.root / "card.json", NOW, {}))
    assert schema_errors(bom) == []
    assert list(problems(bom)) == []
