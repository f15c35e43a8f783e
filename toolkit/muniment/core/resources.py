"""Files the package ships: JSON Schemas and templates, from the wheel or from the checkout."""

from __future__ import annotations

import hashlib
from functools import cache
from importlib.resources import files
from pathlib import Path

from muniment.core.digest import Digest


def resource_root(kind: str) -> Path:
    """The folder of `schemas` or `templates`: in the installed package, else at the top of the checkout."""
    installed = Path(str(files("muniment"))) / "_data" / kind
    return installed if installed.is_dir() else Path(__file__).resolve().parents[3] / kind


@cache
def code_digest(rooms: tuple[str, ...]) -> Digest:
    """The digest of the code of some rooms of the package and of all schemas, as they are installed."""
    top, schemas = Path(str(files("muniment"))), resource_root("schemas")
    found = [(path, top) for room in rooms for path in (top / room).rglob("*.py")]
    found += [(path, schemas.parent) for path in schemas.rglob("*.json")]
    named = sorted((path.relative_to(base).as_posix(), path.read_bytes()) for path, base in found)
    whole = hashlib.sha256()
    for name, data in named:
        whole.update(f"{name} {hashlib.sha256(data).hexdigest()}\n".encode())
    return Digest(whole.hexdigest())
