"""What holds of all built-in rules: how they are put to use, and that each has a file, a test and a page."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from muniment.core.document import parse_yaml
from muniment.core.errors import Malformed
from muniment.policy import rules
from muniment.policy.engine import failures, parse_policy
from muniment.policy.finding import Status
from muniment.policy.gates import GATES, IN_ENVIRONMENTS, SUBMIT
from muniment.policy.rules import RULES
from muniment.registry.event import Move
from tests.policy.make import facts, judge
from tests.source import TOP, modules

EVIDENCE = {"rule": "evidence-required", "with": {"evidence": ["bom", "evaluation"]}}
METRIC = {"rule": "metric-threshold", "with": {"metric": "f1", "min": 0.5}}


def test_a_rule_for_other_kinds_and_environments_does_not_apply() -> None:
    for other in ({"kinds": ["dataset"]}, {"environments": ["staging"]}):
        assert judge(METRIC | other, facts("promote")).status is Status.NOT_APPLICABLE


def test_a_warning_does_not_keep_out() -> None:
    found = judge(METRIC | {"severity": "warn"}, facts("promote"))
    assert found.status is Status.WARN
    assert failures((found,)) == ()


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        ({"rule": "no-such-rule", "gate": "release"}, "no built-in rule 'no-such-rule'"),
        ({"rule": "metric-threshold", "gate": "promote", "with": {"metric": "f1"}}, "valid under any"),
        ({"rule": "metric-threshold", "gate": "promote"}, "required"),
        ({"rule": "evidence-required", "gate": "release", "with": {"evidence": ["hearsay"]}}, "hearsay"),
        ({"rule": "evidence-required", "gate": "coffee"}, "coffee"),
        ({"rule": "evidence-required", "gate": "release", "wiht": {}}, "wiht"),
    ],
)
def test_a_policy_that_is_written_wrongly(rule: dict[str, Any], message: str) -> None:
    with pytest.raises(Malformed, match=message):
        parse_policy({"rules": [rule]})


def test_two_uses_of_one_id() -> None:
    rule = {"gate": "release", **EVIDENCE}
    with pytest.raises(Malformed, match="twice"):
        parse_policy({"rules": [rule, rule]})


@pytest.mark.parametrize("name", RULES)
def test_a_rule_has_a_file_a_test_and_a_page(name: str) -> None:
    module = name.replace("-", "_")
    assert (Path(rules.__file__).parent / f"{module}.py").is_file()
    assert (TOP / "tests" / "policy" / "rules" / f"test_{module}.py").is_file()
    page = (TOP / "docs" / "rules" / f"{name}.md").read_text("utf-8")
    assert page.startswith(f"# {name}\n")
    assert [key for key in RULES[name].params["properties"] if f"`{key}`" not in page] == []
    assert ("At the gate `submit`" in page) == (SUBMIT in RULES[name].gates)
    assert ("Not for the gate `submit`" in page) == (SUBMIT not in RULES[name].gates)
    assert f"[{name}]({name}.md)" in (TOP / "docs" / "rules" / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", RULES)
def test_parameters_that_no_rule_knows_are_refused(name: str) -> None:
    assert RULES[name].params["additionalProperties"] is False
    assert "nosuch" in RULES[name].check_params({"nosuch": 1}) or RULES[name].params.get("required")


@pytest.mark.parametrize("name", RULES)
def test_the_example_on_a_page_is_a_rule(name: str) -> None:
    page = (TOP / "docs" / "rules" / f"{name}.md").read_text("utf-8")
    block = page.partition("```yaml\n")[2].partition("```")[0]
    (rule,) = parse_yaml(block.replace("…", "0" * 60).encode(), "the example")
    rule["gate"] = rule["gate"] if rule["gate"] in GATES else IN_ENVIRONMENTS[0]
    (use,) = parse_policy({"rules": [rule]}).rules
    assert use.rule == name
    assert use.page == f"docs/rules/{name}.md"


def test_the_gates_are_those_at_which_the_registry_asks() -> None:
    """A rule at any other would be written down and never asked. Moves are asked at the gate of their own name, and
    records of evidence at submit."""
    asked = set()
    for name, tree in modules().items():
        for node in ast.walk(tree) if name.startswith("registry.judges") else ():
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("gather", "gather_version")):
                gate = node.args[1]
                moves = {move.kind for move in Move.__subclasses__()}
                asked |= moves if ast.unparse(gate) == "event.kind" else {ast.literal_eval(gate)}
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("gather_record"):
                asked.add(SUBMIT)
    assert asked == set(GATES)
    schema = json.loads((TOP / "schemas" / "policy.json").read_text("utf-8"))
    assert schema["properties"]["rules"]["items"]["properties"]["gate"]["enum"] == list(GATES)
