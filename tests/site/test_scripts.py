"""The pages' own checker agrees with all vectors and with muniment.log, in Node; in Chromium see tests/browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.site.scripts import ASSETS, vectors
from tests.site.unrolled import BEGIN, END, SCRIPT, rounds

NODE = shutil.which("node")
HERE = Path(__file__).parent
PROGRAM = """
const [verify, sha256, run, file] = process.argv.slice(1);
require(run)(require(verify), require(sha256), JSON.parse(require("fs").readFileSync(file, "utf-8")))
  .then((done) => console.log(JSON.stringify(done)));
"""


@pytest.mark.skipif(NODE is None, reason="node is not installed; `make browser` runs the same in Chromium")
def test_the_checker_passes_every_vector(tmp_path: Path) -> None:
    file = tmp_path / "vectors.json"
    file.write_text(json.dumps(vectors()), "utf-8")
    scripts = [str(ASSETS / "verify.js"), str(ASSETS / "sha256.js"), str(HERE / "vectors.js"), str(file)]
    run = subprocess.run([str(NODE), "-e", PROGRAM, *scripts], capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    done = json.loads(run.stdout)
    assert done["failures"] == []
    assert done["count"] > 1200


def test_the_unrolled_rounds_are_those_of_their_source() -> None:
    text = SCRIPT.read_text("utf-8")
    assert text.count(BEGIN) == text.count(END) == 1
    assert text.partition(BEGIN)[2].partition(END)[0] == rounds()
