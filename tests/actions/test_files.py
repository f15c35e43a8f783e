"""What can be read off the actions and workflows without running them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

from muniment.core.document import parse_yaml
from tests.source import TOP

GITHUB = TOP / ".github"
ACTIONS = sorted(GITHUB.glob("actions/*/action.yml"))
WORKFLOWS = sorted(GITHUB.glob("workflows/*.yml"))
EVERY = [*ACTIONS, *WORKFLOWS]
PINNED = re.compile(r"uses: [\w-]+/[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")


def _load(path: Path) -> dict[str, Any]:
    return parse_yaml(path.read_bytes(), path.name)


def _steps(value: Any) -> list[dict[str, Any]]:
    jobs = value["jobs"].values() if "jobs" in value else [value["runs"]]
    return [step for job in jobs for step in job["steps"]]


def _name(path: Path) -> str:
    return str(path.relative_to(GITHUB))


def test_the_actions_and_workflows_are_these():
    assert [path.parent.name for path in ACTIONS] == ["attest", "monitor", "publish", "verify", "witness"]
    assert [path.name for path in WORKFLOWS] == ["ci.yml", "registry.yml"]


@pytest.mark.parametrize("path", EVERY, ids=_name)
def test_other_peoples_actions_are_pinned_by_hash(path):
    lines = [line.strip().removeprefix("- ") for line in path.read_text("utf-8").splitlines()]
    used = [line for line in lines if line.startswith("uses:") and "$/" not in line]
    assert used
    assert [line for line in used if not PINNED.fullmatch(line)] == []


def test_one_action_has_one_pin():
    pins: dict[str, set[str]] = {}
    for path in EVERY:
        for name, pin in re.findall(r"uses: ([\w/-]+)@(\S+ # \S+)", path.read_text("utf-8")):
            pins.setdefault(name, set()).add(pin)
    assert {name: found for name, found in pins.items() if len(found) > 1} == {}


@pytest.mark.parametrize("path", EVERY, ids=_name)
def test_no_expression_stands_inside_a_script(path):
    scripts = [step["run"] for step in _steps(_load(path)) if "run" in step]
    assert [script for script in scripts if "${{" in script] == []


@pytest.mark.parametrize("path", ACTIONS, ids=_name)
def test_inputs_and_outputs_are_kebab_case_and_explained(path):
    action = _load(path)
    for name, what in {**action["inputs"], **action["outputs"]}.items():
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", name)
        assert what["description"].endswith("."), name
    used = set(re.findall(r"inputs\.([\w-]+)", path.read_text("utf-8")))
    assert used == set(action["inputs"])


@pytest.mark.parametrize("path", WORKFLOWS, ids=_name)
def test_a_workflow_gives_nothing_away(path):
    workflow = _load(path)
    assert workflow["permissions"] == {}
    for name, job in workflow["jobs"].items():
        assert job["timeout-minutes"] <= 30, name
        assert set(job["permissions"].values()) <= {"read", "write"}, name
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] == "false" or step["with"]["persist-credentials"] is False


def test_the_registry_workflow_gives_the_actions_what_they_know():
    inputs = _load(GITHUB / "workflows" / "registry.yml")["on"]["workflow_call"]["inputs"]
    used = [
        step for step in _steps(_load(GITHUB / "workflows" / "registry.yml")) if step.get("uses", "").startswith("$/")
    ]
    assert [step["uses"] for step in used] == [f"$/.github/actions/{verb}" for verb in ("attest", "publish", "verify")]
    for step in used:
        action = _load(TOP / step["uses"].removeprefix("$/") / "action.yml")
        required = {name for name, what in action["inputs"].items() if what.get("required")}
        assert required <= set(step["with"]) <= set(action["inputs"])
    text = (GITHUB / "workflows" / "registry.yml").read_text("utf-8")
    assert set(re.findall(r"inputs\.([\w-]+)", text)) == set(inputs)


def test_only_the_publish_job_sees_the_log_key_and_only_one_runs():
    jobs = _load(GITHUB / "workflows" / "registry.yml")["jobs"]
    seeing = [name for name, job in jobs.items() if "MUNIMENT_LOG_KEY" in str(job)]
    assert seeing == ["publish"]
    assert jobs["publish"]["environment"] == "registry"
    assert jobs["publish"]["concurrency"]["queue"] == "max"
    assert jobs["publish"]["concurrency"]["cancel-in-progress"] is False
    assert [name for name, job in jobs.items() if job["permissions"].get("id-token") == "write"] == ["attest", "deploy"]
    needs = {name: job.get("needs") for name, job in jobs.items()}
    assert needs == {"attest": None, "publish": "attest", "verify": "publish", "deploy": "verify"}


def test_the_lock_holds_every_dependency_by_hash():
    text = (GITHUB / "actions" / "lock.txt").read_text("utf-8")
    pin = r"^([\w.-]+)(?:\[[\w,-]+\])?==([^\s;]+).*\\\n    --hash=sha256:[0-9a-f]{64}"
    pins = dict(re.findall(pin, text, re.MULTILINE))
    assert len(pins) == len(re.findall(r"^[\w.,\[\]-]+==", text, re.MULTILINE))
    project = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))
    for wanted in map(Requirement, [*project["project"]["dependencies"], *project["build-system"]["requires"]]):
        assert wanted.specifier.contains(pins[wanted.name.lower()]), f"make lock: {wanted}"
