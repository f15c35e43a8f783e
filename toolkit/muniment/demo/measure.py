"""What a detector's scores are worth on labelled rows: measured over all rows and over each slice of them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, precision_recall_curve, roc_auc_score

from muniment.demo.features import Table

Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Scored:
    """Rows with their score (larger is more alarming) and truth; `rows` indexes the table they come from."""

    scores: NDArray[np.float64]
    truth: Bools
    rows: NDArray[np.intp]

    def where(self, mask: Bools) -> Scored:
        """The rows for which the mask is true."""
        return Scored(self.scores[mask], self.truth[mask], self.rows[mask])


@dataclass(frozen=True, slots=True)
class Measure:
    """One number: `slice` is empty for all rows; `samples` counts the rows, or the windows for window-recall."""

    metric: str
    value: float
    samples: int
    slice: str = ""


def best_threshold(scored: Scored) -> float:
    """The score above or at which an alarm gives the largest F1 on these rows."""
    precision, recall, thresholds = precision_recall_curve(scored.truth, scored.scores)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    return float(thresholds[int(np.argmax(f1[: len(thresholds)]))])


def measure(scored: Scored, threshold: float, table: Table) -> tuple[Measure, ...]:
    """Every metric over all rows, then over each family of series in order of name."""
    measures = _measure(scored, threshold, table, "")
    families = np.array(table.families)[table.part[scored.rows]]
    for family in sorted(set(table.families)):
        measures += _measure(scored.where(families == family), threshold, table, family)
    return tuple(measures)


def _measure(scored: Scored, threshold: float, table: Table, part: str) -> list[Measure]:
    if not len(scored.rows):
        return []
    samples = len(scored.rows)
    values = _pointwise(scored.truth, scored.scores >= threshold)
    if scored.truth.any() and not scored.truth.all():  # a ranking needs both kinds of rows
        values["roc-auc"] = float(roc_auc_score(scored.truth, scored.scores))
        values["average-precision"] = float(average_precision_score(scored.truth, scored.scores))
    measures = [Measure(name, round(value, 6), samples, part) for name, value in values.items()]
    found = _windows_found(scored, threshold, table)
    if found:
        measures.append(Measure("window-recall", round(sum(found) / len(found), 6), len(found), part))
    return measures


def _pointwise(truth: Bools, alarms: Bools) -> dict[str, float]:
    """Precision, recall, F1 and false-alarm rate, counted row by row; 0 where nothing can be counted."""
    hits, false, missed = int((alarms & truth).sum()), int((alarms & ~truth).sum()), int((~alarms & truth).sum())
    return {
        "precision": hits / max(hits + false, 1),
        "recall": hits / max(hits + missed, 1),
        "f1": 2 * hits / max(2 * hits + false + missed, 1),
        "false-alarm-rate": false / max(int((~truth).sum()), 1),
    }


def _windows_found(scored: Scored, threshold: float, table: Table) -> list[bool]:
    """For every run of true rows in one series: was any row of it an alarm."""
    key = table.part[scored.rows]
    begins = scored.truth & np.concatenate([[True], ~scored.truth[:-1] | (key[1:] != key[:-1])])
    runs = np.cumsum(begins)[scored.truth]
    alarms = (scored.scores >= threshold)[scored.truth]
    return [bool(alarms[runs == run].any()) for run in np.unique(runs)]
