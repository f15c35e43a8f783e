"""The commit of the code that trains: the git commit these sources would be, computed without git or a checkout.

An installed package has no history. The id is that of a commit without parents whose flat tree holds the demo's
modules, so anybody can compute it again: `git hash-object`, `mktree` and `commit-tree` on the same bytes give it.
Source: git's object format, `<type> <length>`, a zero byte, the content; SHA-1.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

REPOSITORY = "https://github.com/sandbox.muniment.dev/models"
_AUTHOR = "Muniment demo <demo@sandbox.muniment.dev> 0 +0000"


def code() -> dict[str, str]:
    """What a recipe says of the code: the sandbox's repository and the commit of the demo's modules."""
    return {"repository": REPOSITORY, "commit": commit_of(sorted(Path(__file__).parent.glob("*.py")))}


def commit_of(files: list[Path]) -> str:
    """The id of a first commit whose tree holds these files, in order of name, as ordinary files."""
    entries = (b"100644 %s\0%s" % (path.name.encode(), _object("blob", path.read_bytes())) for path in files)
    tree = _object("tree", b"".join(entries))
    text = f"tree {tree.hex()}\nauthor {_AUTHOR}\ncommitter {_AUTHOR}\n\nSources of the demo\n"
    return _object("commit", text.encode()).hex()


def _object(kind: str, content: bytes) -> bytes:
    return hashlib.sha1(f"{kind} {len(content)}\0".encode() + content, usedforsecurity=False).digest()
