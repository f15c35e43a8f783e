"""Labelled time series in NAB's layout: `<group>/<series>.csv` and `labels/combined_windows.json`.

A CSV file has the columns `timestamp,value`; the labels map `<group>/<series>.csv` to a list of [first, last] times.
Source: Numenta Anomaly Benchmark, README ("Data & labels").
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from muniment.core.canonical import parse_json
from muniment.core.errors import Malformed, Missing

LABELS = Path("labels") / "combined_windows.json"


@dataclass(frozen=True, slots=True)
class Series:
    """One series: its name `<group>/<series>.csv`, times, values, and windows as (first row, row after the last)."""

    name: str
    times: tuple[str, ...]
    values: tuple[float, ...]
    windows: tuple[tuple[int, int], ...]

    @property
    def family(self) -> str:
        """What the series measures: the file's name without a last part that has a digit in it."""
        stem = self.name.rpartition("/")[2].removesuffix(".csv")
        head, _, tail = stem.rpartition("_")
        return head if head and any(letter.isdigit() for letter in tail) else stem


@dataclass(frozen=True, slots=True)
class Group:
    """The labelled CSV files of one folder, in sorted order. `root` holds the folder and the labels."""

    root: Path
    name: str
    files: tuple[str, ...]

    def split(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """(train, test): files one by one in turn, so that both halves see every kind of series."""
        return self.files[0::2], self.files[1::2]


def find_group(data: Path, name: str | None = None) -> Group:
    """The group to train on: the named one, the folder itself when it is one, else the one with most labelled files.

    Raises `Missing` without labels or labelled files, `Malformed` for labels that are not in NAB's form.
    """
    folder = data.resolve()
    root = folder if (folder / LABELS).is_file() else folder.parent
    if not (root / LABELS).is_file():
        raise Missing(
            f"{data} has no {LABELS}.", "Give a folder in NAB's layout: series in a sub-folder, labels beside."
        )
    labelled = [key for key in sorted(_labels(root)) if (root / key).is_file()]
    names = {key.rpartition("/")[0] for key in labelled}
    wanted = name or (folder.name if root != folder else None)
    chosen = wanted or max(sorted(names), key=lambda n: sum(k.startswith(f"{n}/") for k in labelled), default="")
    files = tuple(key for key in labelled if key.rpartition("/")[0] == chosen)
    if len(files) < 2:
        raise Missing(f"{data} has fewer than two labelled series in {chosen or 'any folder'}.", "Give at least two.")
    return Group(root, chosen, files)


def read_series(root: Path, name: str) -> Series:
    """A series and its labels. Raises `Missing` or `Malformed` with the line."""
    times, values = _rows(root / name, name)
    windows = tuple(_window(times, pair, name) for pair in _labels(root).get(name, []))
    return Series(name, times, values, windows)


def _labels(root: Path) -> dict[str, Any]:
    value = parse_json((root / LABELS).read_bytes(), str(LABELS))
    if not isinstance(value, dict) or not all(isinstance(windows, list) for windows in value.values()):
        raise Malformed(
            f"{LABELS} does not map files to lists of windows.", 'Write {"group/series.csv": [[from, to]]}.'
        )
    return value


def _rows(path: Path, name: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    try:
        lines = list(csv.reader(path.read_text("utf-8").splitlines()))
    except OSError as error:
        raise Missing(f"{name} cannot be read: {error.strerror}.", "Give the file its labels speak of.") from error
    if not lines or lines[0] != ["timestamp", "value"] or len(lines) < 2:
        raise Malformed(f"{name} does not begin with timestamp,value and rows.", "Write it in NAB's layout.")
    pairs = [_row(line, number, name) for number, line in enumerate(lines[1:], start=2)]
    return tuple(time for time, _ in pairs), tuple(value for _, value in pairs)


def _row(line: list[str], number: int, name: str) -> tuple[str, float]:
    try:
        time, value = line
        return str(datetime.fromisoformat(time)), float(value)
    except ValueError as error:
        raise Malformed(f"{name}, line {number}: not a time and a number.", "Write timestamp,value.") from error


def _window(times: tuple[str, ...], pair: Any, name: str) -> tuple[int, int]:
    try:
        first, last = (str(datetime.fromisoformat(moment).replace(microsecond=0)) for moment in pair)
    except (TypeError, ValueError) as error:
        raise Malformed(f"{LABELS}: {name} has a window that is not two times.", "Write [from, to].") from error
    inside = [row for row, time in enumerate(times) if first <= time <= last]
    return (inside[0], inside[-1] + 1) if inside else (0, 0)
