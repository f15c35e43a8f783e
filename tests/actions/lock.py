"""Writes the actions' lock file: python tests/actions/lock.py UV LOCK"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
HEADER = "# The actions' dependencies, every file by its hash. Made from pyproject.toml by: make lock\n"


def main() -> None:
    """Resolves what the package needs to run and to be built, for every platform and Python from 3.11.

    Extras stay written: pip before 23.3 does not hold `name[extra]`, which another package asks for, to `name==1`.
    """
    project = tomllib.loads((TOP / "pyproject.toml").read_text("utf-8"))
    wanted = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    command = [sys.argv[1], "pip", "compile", "--quiet", "--no-header", "--no-annotate", "--generate-hashes"]
    command += ["--universal", "--python-version", "3.11", "--no-emit-index-url", "--no-strip-extras", "-"]
    done = subprocess.run(command, input="\n".join(wanted), capture_output=True, text=True, check=True, timeout=300)
    Path(sys.argv[2]).write_text(HEADER + done.stdout, "utf-8")


if __name__ == "__main__":
    main()
