"""Prints a page's commands as a script that stops where one does not end as the page says.

A command ends with 0 unless its line says `# exit N`. Of the README it is the tour; of another page all blocks in their
order, its documents written to files by the names that the text before them gives.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"
BLOCK = re.compile(r"^```(sh|yaml|json)\n(.*?)^```", re.MULTILINE | re.DOTALL)
NAME = re.compile(r"`([\w./-]+\.(?:yaml|json))`")


def main() -> None:
    """Takes a page other than the README as argument."""
    print("set -uo pipefail")
    for line in _page(Path(sys.argv[1])) if len(sys.argv) > 1 else _tour():
        print(line)


def _tour() -> Iterator[str]:
    block = re.search(r"<!-- tour.*?```sh\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    assert block, "the README has no tour"
    return _checked(block[1])


def _page(path: Path) -> Iterator[str]:
    text = path.read_text("utf-8")
    for block in BLOCK.finditer(text):
        if block[1] == "sh":
            yield from _checked(block[2])
            continue
        name = NAME.findall(text[: block.start()].rpartition("```\n")[2])[-1]
        yield f"mkdir -p \"$(dirname {name})\" && cat >{name} <<'END'\n{block[2]}END"


def _checked(commands: str) -> Iterator[str]:
    for command in commands.replace("\\\n", " ").splitlines():
        if not command.strip() or command.startswith("#"):
            continue
        wanted = re.search(r"# exit (\d+)", command)
        code = wanted[1] if wanted else "0"
        yield command
        yield f'code=$?; [ $code -eq {code} ] || {{ echo "ended with $code, not {code}" >&2; exit 1; }}'


if __name__ == "__main__":
    main()
