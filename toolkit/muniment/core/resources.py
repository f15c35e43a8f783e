"""Files the package ships: JSON Schemas and templates, from the wheel or from the checkout."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path


def resource_root(kind: str) -> Path:
    """The folder of `schemas` or `templates`: in the installed package, else at the top of the checkout."""
    installed = Path(str(files("muniment"))) / "_data" / kind
    return installed if installed.is_dir() else Path(__file__).resolve().parents[3] / kind
