"""Prints the README's tour as a script that stops where a command does not end as the README says.

A command ends with 0 unless its line says `# exit N`.
"""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def main() -> None:
    """Finds the block behind the marker and checks the exit code of each command."""
    text = README.read_text("utf-8")
    block = re.search(r"<!-- tour.*?```sh\n(.*?)```", text, re.DOTALL)
    assert block, "the README has no tour"
    print("set -uo pipefail")
    for command in block[1].replace("\\\n", " ").splitlines():
        if not command.strip() or command.startswith("#"):
            continue
        wanted = re.search(r"# exit (\d+)", command)
        code = wanted[1] if wanted else "0"
        print(command)
        print(f'code=$?; [ $code -eq {code} ] || {{ echo "ended with $code, not {code}" >&2; exit 1; }}')


if __name__ == "__main__":
    main()
