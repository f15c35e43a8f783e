"""Numbers observed, as options and a file say them."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

from muniment.cli import options
from muniment.core.errors import Usage

# What float takes besides, as underscores and digits of other scripts, is more likely a slip than a number.
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def gather(
    metrics: list[str], drift: list[str], samples: int | None, file: Path | None
) -> tuple[int, dict[str, float], dict[str, float] | None]:
    """The samples, metrics and drift of a window; an option stands before the file. Raises `Usage` or `Malformed`."""
    written = _read(file) if file is not None else {}
    found = written.get("metrics", {}) | _numbers(metrics, "--metric")
    drifted = written.get("drift", {}) | _numbers(drift, "--drift")
    count = samples if samples is not None else written.get("samples")
    if not found:
        raise Usage("A window without a metric says nothing.", "Give --metric NAME=NUMBER, or --file.")
    if count is None:
        raise Usage("On how many samples the numbers rest is not said.", "Give --samples, or samples in the file.")
    return count, found, drifted or None


def _numbers(given: list[str], option: str) -> dict[str, float]:
    return dict(_number(text, option) for text in given)


def _number(text: str, option: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    number = float(value) if _NUMBER.fullmatch(value) else math.nan
    if not math.isfinite(number):
        raise Usage(f"{option} {text!r} is no name and number.", "Write NAME=NUMBER, as in f1=0.93.")
    return name, number


def _read(path: Path) -> dict[str, Any]:
    from muniment.core.canonical import parse_json
    from muniment.core.document import check_schema

    value: dict[str, Any] = parse_json(options.read(path), str(path))
    check_schema(value, "observation", str(path))
    return value
