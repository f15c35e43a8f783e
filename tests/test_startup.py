"""`muniment --help` stays quick: it imports none of the heavy packages."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = (
    *("sigstore", "cyclonedx", "in_toto", "jinja2", "jsonschema", "sklearn", "numpy", "joblib", "tuf"),
    *("cryptography", "yaml", "immutables", "license_expression", "requests"),
)
CODE = """
import sys
sys.argv = ["muniment", *sys.argv[1:]]
from muniment.cli.main import run
try:
    run()
except SystemExit as end:
    code = end.code or 0
print("\\n@", code, *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def _modules(*arguments: str) -> tuple[int, set[str], str]:
    command = [sys.executable, "-c", CODE, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    text, _, tail = done.stdout.rpartition("\n@ ")
    code, *names = tail.split()
    return int(code), set(names), text


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("publish", "--help"), ("verify", "--help")])
def test_help_imports_nothing_heavy(arguments):
    code, names, text = _modules(*arguments)
    assert code == 0
    assert "muniment" in text
    assert "typer" in names
    assert names & set(HEAVY) == set()
