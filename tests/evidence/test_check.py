"""The look at a predicate before it is admitted."""

import copy
import json

import pytest

from muniment.core.digest import Digest
from muniment.core.errors import Malformed
from muniment.core.resources import resource_root
from muniment.evidence import attest
from muniment.evidence.bom.licences import licences
from muniment.evidence.check import check_evidence
from muniment.evidence.kinds import EVIDENCE
from muniment.evidence.recipe import dependencies, parameters
from muniment.evidence.statement import Statement, Subject

SUBJECT = Subject("model", Digest("0" * 64))
DIGEST = {"sha256": "1" * 64}

SEVERITY = {"method": "x", "score": "9"}
MAIN = {"component": {"type": "library", "name": "x"}}

FOREIGN = {
    "provenance": {
        "buildDefinition": {
            "buildType": "https://actions.github.io/buildtypes/workflow/v1",
            "externalParameters": {"workflow": {}},
            "resolvedDependencies": [{"uri": "git+https://example.org/r", "digest": {"gitCommit": "a" * 40}}],
        },
        "runDetails": {"builder": {"id": "https://example.org/b"}, "metadata": {"startedOn": "2026-01-01T00:00:00.5Z"}},
    },
    "test-result": {"result": "PASSED", "configuration": [{"digest": DIGEST}], "passedTests": ["a"]},
    "vulns": {
        "scanner": {"uri": "pkg:generic/scanner@1", "result": [{"id": "CVE-1", "severity": [SEVERITY]}]},
        "metadata": {"scanStartedOn": "2026-01-01T00:00:00Z", "scanFinishedOn": "2026-01-01T00:00:00+01:00"},
    },
    "link": {"name": "build", "materials": [{"name": "a", "digest": {"sha1": "0" * 40}}]},
    "bom": {"bomFormat": "CycloneDX", "specVersion": "1.6", "metadata": MAIN},
}  # fmt: skip


def statement(kind, predicate):
    return Statement((SUBJECT,), EVIDENCE[kind], predicate)


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_others_write_is_admissible(kind):
    check_evidence(statement(kind, FOREIGN[kind]))


def test_a_bom_may_list_its_model_among_the_components():
    model = {"type": "machine-learning-model", "name": "m"}
    bom = {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [model]}
    check_evidence(statement("bom", bom))
    assert [item.kind for item in licences(bom)] == ["model"]
    for empty in ({"components": []}, {"metadata": {}}, {}):
        with pytest.raises(Malformed):
            check_evidence(statement("bom", {"bomFormat": "CycloneDX", "specVersion": "1.5", **empty}))


def without(value, path):
    copied = copy.deepcopy(value)
    *above, last = path
    inner = copied
    for step in above:
        inner = inner[step]
    del inner[last]
    return copied


REQUIRED = [
    ("provenance", ("buildDefinition",)),
    ("provenance", ("buildDefinition", "buildType")),
    ("provenance", ("buildDefinition", "externalParameters")),
    ("provenance", ("runDetails",)),
    ("provenance", ("runDetails", "builder", "id")),
    ("test-result", ("result",)),
    ("test-result", ("configuration",)),
    ("vulns", ("scanner", "uri")),
    ("vulns", ("scanner", "result")),
    ("vulns", ("scanner", "result", 0, "id")),
    ("vulns", ("scanner", "result", 0, "severity")),
    ("vulns", ("metadata", "scanFinishedOn")),
    ("link", ("name",)),
    ("link", ("materials", 0, "digest")),
    ("bom", ("bomFormat",)),
    ("bom", ("metadata", "component", "name")),
]


@pytest.mark.parametrize(("kind", "path"), REQUIRED, ids=lambda v: v if isinstance(v, str) else "/".join(map(str, v)))
def test_what_is_required(kind, path):
    with pytest.raises(Malformed) as raised:
        check_evidence(statement(kind, without(FOREIGN[kind], path)))
    assert path[-1] in str(raised.value)


@pytest.mark.parametrize("kind", EVIDENCE)
def test_an_empty_predicate_is_refused(kind):
    with pytest.raises(Malformed):
        check_evidence(statement(kind, {}))


def test_own_records_lacking_a_field(workshop):
    made = {
        "dataset": attest.attest_dataset(workshop.data, workshop.root / "dataset.yaml"),
        "evaluation": attest.attest_evaluation(workshop.model, workshop.root / "evaluation.json"),
        "provenance": attest.attest_provenance(workshop.model, workshop.root / "recipe.yaml", {}),
    }
    paths = {
        "dataset": [("licence",), ("personalData", "present"), ("contents",), ("access", "classification")],
        "evaluation": [("data", "digest"), ("harness",), ("metrics", 0, "value"), ("assuranceLevel",)],
        "provenance": [
            ("buildDefinition", "externalParameters", key) for key in ("code", "data", "seeds", "hyperparameters")
        ],
    }
    for kind, wanted in paths.items():
        for path in wanted:
            with pytest.raises(Malformed):
                check_evidence(statement(kind, without(made[kind].predicate, path)))


def test_fields_that_are_not_known_are_ignored_except_in_the_recipe(workshop):
    dataset = attest.attest_dataset(workshop.data, workshop.root / "dataset.yaml").predicate
    check_evidence(statement("dataset", {**dataset, "later": 1}))
    provenance = copy.deepcopy(
        dict(attest.attest_provenance(workshop.model, workshop.root / "recipe.yaml", {}).predicate)
    )
    provenance["buildDefinition"]["externalParameters"]["later"] = 1
    with pytest.raises(Malformed, match="later"):
        check_evidence(statement("provenance", provenance))


def test_a_misjudged_metric_is_refused(workshop):
    evaluation = copy.deepcopy(
        dict(attest.attest_evaluation(workshop.model, workshop.root / "evaluation.json").predicate)
    )
    evaluation["metrics"][1]["passed"] = True
    with pytest.raises(Malformed, match="nights"):
        check_evidence(statement("evaluation", evaluation))
    del evaluation["metrics"][1]["passed"]
    with pytest.raises(Malformed, match="nights"):
        check_evidence(statement("evaluation", evaluation))


def test_subjects_once_each():
    twice = Statement((SUBJECT, SUBJECT), EVIDENCE["bom"], FOREIGN["bom"])
    with pytest.raises(Malformed, match="twice"):
        check_evidence(twice)
    with pytest.raises(Malformed):
        check_evidence(Statement((), EVIDENCE["bom"], FOREIGN["bom"]))


def test_types_that_are_not_known_pass():
    check_evidence(Statement((SUBJECT,), "https://example.org/other/v1", {}))


def test_reading_a_foreign_provenance():
    predicate = FOREIGN["provenance"]
    assert parameters(predicate) is None
    assert dependencies(predicate) == ()
    added = copy.deepcopy(predicate)
    added["buildDefinition"]["resolvedDependencies"].append({"uri": "pkg:x/y", "digest": DIGEST})
    assert [(d.name, d.digest.hex, d.role) for d in dependencies(added)] == [("pkg:x/y", "1" * 64, "dependency")]


@pytest.mark.parametrize("path", sorted(resource_root("schemas").rglob("*.json")), ids=lambda p: p.name)
def test_schemas_are_schemas_and_use_no_format(path):
    """What `format` means depends on what else is installed, so an admission must not."""
    import jsonschema

    schema = json.loads(path.read_text("utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"].startswith("https://muniment.dev/")
    assert '"format":' not in json.dumps({k: v for k, v in schema.items() if k != "properties"})
