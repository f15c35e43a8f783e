"""Rolling-window features of a series, each row of them computed from that row and the rows before it only.

Windows are counted in rows and derive from one number, `span`: the median length of a labelled window in the training
series. The long window (6 spans) says what is usual; values are measured in units of its spread, so one detector
serves series of any scale. The first `span` rows of a series are warm-up: they feed windows and are neither trained
on nor scored.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from muniment.demo.nab import Series
from muniment.demo.recipes import FEATURES

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Table:
    """Feature rows of several series, in order.

    `x` is rows by `FEATURES`; `anomaly` is 1 inside a labelled window; `risk` is 1 where a window starts within the
    next `horizon` rows, 0 where none does, -1 inside a window; `part` indexes `series` and `families`.
    """

    x: NDArray[np.float32]
    anomaly: NDArray[np.int8]
    risk: NDArray[np.int8]
    part: NDArray[np.int16]
    series: tuple[str, ...]
    families: tuple[str, ...]
    windows: tuple[int, ...]
    span: int
    horizon: int


def span_of(series: Sequence[Series]) -> int:
    """The median length, in rows, of a labelled window, kept within 8 to 200; 32 when nothing is labelled."""
    lengths = [last - first for one in series for first, last in one.windows if last > first]
    return int(np.clip(np.median(lengths), 8, 200)) if lengths else 32


def build_table(series: Sequence[Series], span: int) -> Table:
    """Features and labels of the series, without their warm-up rows."""
    horizon = max(5, 3 * span // 4)
    kept = [one for one in series if len(one.values) > span]
    labels = [_labels(one, horizon) for one in kept]
    return Table(
        np.concatenate([features(np.array(one.values), span)[span:] for one in kept]),
        np.concatenate([anomaly[span:] for anomaly, _ in labels]),
        np.concatenate([risk[span:] for _, risk in labels]),
        np.concatenate([np.full(len(one.values) - span, i, np.int16) for i, one in enumerate(kept)]),
        tuple(one.name for one in kept),
        tuple(one.family for one in kept),
        tuple(sum(last > max(first, span) for first, last in one.windows) for one in kept),
        span,
        horizon,
    )


def _labels(series: Series, horizon: int) -> tuple[NDArray[np.int8], NDArray[np.int8]]:
    anomaly, risk = np.zeros(len(series.values), np.int8), np.zeros(len(series.values), np.int8)
    for first, last in series.windows:
        risk[max(0, first - horizon) : first] = 1
        anomaly[first:last] = 1
    risk[anomaly == 1] = -1
    return anomaly, risk


def features(values: Floats, span: int) -> NDArray[np.float32]:
    """The rows by `FEATURES` matrix of one series; every feature is signed-log compressed."""
    median, scale, points = _points(values, span)
    columns = points | _recent(points, span) | _levels(values, median, scale, span)
    matrix = np.stack([columns[name] for name in FEATURES], axis=1)
    return np.asarray(np.sign(matrix) * np.log1p(np.abs(matrix)), np.float32)


def _points(values: Floats, span: int) -> tuple[Floats, Floats, dict[str, Floats]]:
    """What is usual (long median and spread), and the features of each row against it."""
    usual = _windows(values, 6 * span, span)
    low, lower, median, upper, high = np.quantile(usual, [0.02, 0.25, 0.5, 0.75, 0.98], axis=1)
    scale = np.maximum((upper - lower) / 1.35, 0.2 * usual.std(1)) + 1e-3 * np.abs(median) + 1e-9
    return (
        median,
        scale,
        {
            "distance": np.abs(values - median) / scale,
            "above": np.maximum(0, values - high) / scale,
            "below": np.maximum(0, low - values) / scale,
            "surprise": _surprise(values, usual),
            "step": np.abs(np.diff(values, prepend=values[0])) / scale,
        },
    )


def _surprise(values: Floats, usual: Floats) -> Floats:
    below, at_most = (usual < values[:, None]).mean(1), (usual <= values[:, None]).mean(1)
    return np.asarray(-np.log10(np.minimum(at_most, 1 - below) + 1 / usual.shape[1]), np.float64)


def _recent(points: dict[str, Floats], span: int) -> dict[str, Floats]:
    """The point features over the last half span."""
    half = max(3, span // 2)
    outside = _windows(points["above"] + points["below"], half, span)
    surprise = _windows(points["surprise"], half, span)
    return {
        "distance-max": _windows(points["distance"], half, span).max(1),
        "outside-max": outside.max(1),
        "outside-mean": outside.mean(1),
        "surprise-mean": surprise.mean(1),
        "surprise-max": surprise.max(1),
        "step-max": _windows(points["step"], half, span).max(1),
        "roughness": _log_ratio(points["step"], 0.05, max(3, span // 4), span),
    }


def _levels(values: Floats, median: Floats, scale: Floats, span: int) -> dict[str, Floats]:
    """Changes of level and of spread in the last half and quarter span."""
    half, short = max(3, span // 2), max(3, span // 4)
    recent = _windows(values, short, span)
    volatility = np.abs(_log_ratio(recent.std(1), 0.05 * scale, 1, span))
    return {
        "shift": np.abs(_windows(values, half, span).mean(1) - median) / scale,
        "shift-short": np.abs(recent.mean(1) - median) / scale,
        "volatility": volatility,
        "volatility-max": _windows(volatility, half, span).max(1),
    }


def _log_ratio(values: Floats, floor: Floats | float, short: int, span: int) -> Floats:
    """Log of the short mean over the long mean, both raised by a floor."""
    above, under = _windows(values, short, span).mean(1) + floor, _windows(values, 6 * span, span).mean(1) + floor
    return np.asarray(np.log(above / under), np.float64)


def _windows(values: Floats, length: int, span: int) -> Floats:
    """Rows by `length`: the window that ends at each row; before the start, the first `span` rows are repeated."""
    head = values[:span]
    before = np.tile(head, length // len(head) + 1)[: length - 1]
    return sliding_window_view(np.concatenate([before, values]), length)


def write_table(table: Table, path: Path) -> None:
    """Writes a table as an uncompressed .npz without pickles; equal tables give equal bytes."""
    facts = {"series": table.series, "families": table.families, "windows": table.windows, "features": list(FEATURES)}
    text = json.dumps(facts | {"span": table.span, "horizon": table.horizon}, sort_keys=True).encode()
    with path.open("wb") as file:
        facts_bytes = np.frombuffer(text, np.uint8)
        np.savez(file, facts=facts_bytes, x=table.x, anomaly=table.anomaly, risk=table.risk, part=table.part)


def read_table(path: Path) -> Table:
    """The table that `write_table` wrote."""
    with np.load(path, allow_pickle=False) as file:
        facts = json.loads(file["facts"].tobytes())
        names = (tuple(facts["series"]), tuple(facts["families"]), tuple(facts["windows"]))
        return Table(file["x"], file["anomaly"], file["risk"], file["part"], *names, facts["span"], facts["horizon"])
