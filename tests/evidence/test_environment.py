import json
import os
import subprocess

import pytest

from muniment.core.errors import Malformed, Missing
from muniment.evidence import environment as env
from tests.evidence.conftest import ENVIRONMENT


def install(folder, name, version, metadata="", licence_file=""):
    info = folder / f"{name}-{version}.dist-info"
    (info / "licenses").mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.4\nName: {name}\nVersion: {version}\n{metadata}")
    record = f"{info.name}/METADATA,,\n"
    if licence_file:
        (info / "licenses" / "LICENSE.txt").write_text(licence_file)
        record += f"{info.name}/licenses/LICENSE.txt,,\n"
    (info / "RECORD").write_text(record)


MIT = "Permission is hereby granted, free of charge, to any person obtaining a copy of it ... substantial portions ..."


def test_distributions_and_their_licences(tmp_path):
    install(tmp_path, "Zeta.Lib", "1", "License-Expression: mit OR apache-2.0\n")
    install(tmp_path, "alpha_one", "2", "License: MIT License\nSummary: first\n")
    install(tmp_path, "beta", "3", "Classifier: License :: OSI Approved :: BSD License\n")
    install(tmp_path, "gamma", "4", "", MIT)
    install(tmp_path, "delta", "5", "License: Apache License, Version 2.0\nRequires-Dist: Zeta-Lib >=1\n"
            "Requires-Dist: beta; extra == 'more'\nRequires-Dist: absent\nRequires-Dist: delta\n")  # fmt: skip
    found = {d.name: d for d in env.read_distributions([str(tmp_path)])}
    assert list(found) == ["alpha-one", "beta", "delta", "gamma", "zeta-lib"]
    assert found["zeta-lib"].licence == "MIT OR Apache-2.0"
    assert (found["alpha-one"].licence, found["alpha-one"].summary) == ("MIT", "first")
    assert (found["beta"].licence, found["beta"].licence_name) == (None, "BSD License")
    assert (found["gamma"].licence, found["gamma"].concluded) == ("MIT", True)
    assert (found["delta"].licence, found["delta"].requires) == ("Apache-2.0", ("zeta-lib",))


def test_the_first_on_the_path_wins(tmp_path):
    install(tmp_path / "first", "a", "1")
    install(tmp_path / "second", "a", "2")
    found = env.read_distributions([str(tmp_path / "first"), str(tmp_path / "second")])
    assert [(d.name, d.version) for d in found] == [("a", "1")]


def test_closure_follows_what_is_required():
    found = env.closure(ENVIRONMENT.distributions, ["Scikit_Learn"])
    assert [d.name for d in found] == ["numpy", "scikit-learn", "threadpoolctl"]
    with pytest.raises(Missing, match="not-installed"):
        env.closure(ENVIRONMENT.distributions, ["not_installed"])
    looped = (env.Distribution("a", "1", requires=("b",)), env.Distribution("b", "1", requires=("a",)))
    assert env.closure(looped, ["b"]) == looped


def test_what_is_formatted_parses_back():
    value = json.loads(json.dumps(env.format_environment(ENVIRONMENT)))
    assert env.parse_environment(value) == ENVIRONMENT
    with pytest.raises(Malformed, match="hardware"):
        env.parse_environment({k: v for k, v in value.items() if k != "hardware"})


def test_this_machine_reads_the_same_twice():
    first = env.read_environment({"PYTHONHASHSEED": "7", "SECRET": "x"})
    assert env.read_environment({"PYTHONHASHSEED": "7", "SECRET": "x"}) == first
    assert env.parse_environment(env.format_environment(first)) == first
    assert first.variables == (("PYTHONHASHSEED", "7"),)
    assert {"pytest", "cryptography"} <= {d.name for d in first.distributions}
    assert first.hardware.cores == os.cpu_count()


def git(folder, *arguments):
    identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", folder, *identity, *arguments], check=True, capture_output=True, timeout=30)


def test_the_commit_of_a_checkout(tmp_path):
    assert env.read_commit(tmp_path, {}) is None
    git(tmp_path, "init", "-q")
    (tmp_path / "f").write_text("1")
    git(tmp_path, "add", "f")
    git(tmp_path, "commit", "-q", "-m", "first")
    git(tmp_path, "remote", "add", "origin", "https://user:password@example.org/o/r.git")
    found = env.read_commit(tmp_path, {})
    assert found is not None
    assert (found.repository, len(found.commit), found.modified) == ("https://example.org/o/r", 40, False)
    (tmp_path / "f").write_text("2")
    assert env.read_commit(tmp_path, {}).modified
    for address, expected in {
        "git@example.org:o/r.git": "https://example.org/o/r",
        "ssh://git@example.org/o/r": "https://example.org/o/r",
        str(tmp_path): None,
    }.items():
        git(tmp_path, "remote", "set-url", "origin", address)
        assert env.read_commit(tmp_path, {}).repository == expected


def test_the_builder():
    assert env.builder_id({}) == ("https://muniment.dev/builders/self/v1", None)
    actions = {
        "GITHUB_ACTIONS": "true",
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "o/r",
        "GITHUB_WORKFLOW_REF": "o/r/.github/workflows/train.yml@refs/heads/main",
        "GITHUB_RUN_ID": "7",
        "GITHUB_RUN_ATTEMPT": "2",
    }
    assert env.builder_id(actions) == (
        "https://github.example/o/r/.github/workflows/train.yml@refs/heads/main",
        "https://github.example/o/r/actions/runs/7/attempts/2",
    )
