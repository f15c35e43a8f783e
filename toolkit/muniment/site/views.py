"""What templates call: short forms of digests, times and numbers; words for kinds; drawings."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from muniment.site.graph import drawing
from muniment.site.paths import entry_anchor, proof_file
from muniment.site.text import visible

SECTION_LINKS = (
    ("Catalog", "index.html"),
    ("Models", "models/index.html"),
    ("Datasets", "datasets/index.html"),
    ("Lineage", "lineage/index.html"),
    ("Log", "log/index.html"),
    ("Rules", "policy/index.html"),
    ("Access", "access/index.html"),
    ("Past", "versions/index.html"),
)
TITLES = {
    "provenance": "Training provenance",
    "link": "Pipeline step",
    "bom": "ML-BOM",
    "signature": "Model signature",
    "test-result": "Test gate",
    "vulns": "Vulnerability scan",
    "dataset": "Dataset record",
    "evaluation": "Evaluation",
    "privacy-review": "Privacy review",
    "security-review": "Security review",
    "scan": "File-safety scan",
    "reproduction": "Reproduction",
    "configure": "Configuration",
    "rotate-key": "Key rotation",
    "release": "Release",
    "approve": "Approval",
    "revoke": "Revocation",
    "waive": "Waiver",
    "incident": "Incident",
    "access-review": "Access review",
    "promote": "Promotion",
    "rollback": "Rollback",
    "deploy": "Deployment",
    "observe": "Observation",
    "retire": "Retirement",
    "vsa": "Verification summary",
    "policy-decision": "Policy decision",
    "request-deletion": "Deletion request",
    "redact": "Redaction",
    "third-party": "Statement signed elsewhere",
    "state": "End of batch",
}
STANDINGS = {"retired": "Retired", "rolled-back": "Rolled back", "in-force": "In force", "released": "Released"}
_NO_MARKUP = {ord(c): f"\\u{ord(c):04x}" for c in "<>&'"}
STATUSES = {"pass": "Pass", "warn": "Warning", "fail": "Fail", "waived": "Waived", "not-applicable": "Not applicable"}


def short(digest: str) -> str:
    """`sha256:0123456789ab…` of a full digest."""
    algorithm, mark, value = digest.partition(":")
    return f"{algorithm}{mark}{value[:12]}…" if len(value) > 16 else digest


def when(instant: str | None) -> str:
    """`2026-01-31 08:05:00 UTC` of an RFC 3339 time; other text as it is."""
    if instant and len(instant) == 20 and instant.endswith("Z"):
        return f"{instant[:10]} {instant[11:19]} UTC"
    return instant or ""


def day(instant: str) -> str:
    """The date of an RFC 3339 time."""
    return instant[:10]


def figure(value: float | None) -> str:
    """A number to four significant digits, an integer whole."""
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) else f"{value:.4g}"


def count(number: int, noun: str) -> str:
    """`1 model`, `2 models`."""
    plural = f"{noun[:-1]}ies" if noun.endswith(("ry", "ty")) else f"{noun}s"
    return f"{number:,} {noun if number == 1 else plural}"


def spark(points: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """A line of values in a box of 120 by 28: `line` for a polyline, `x` and `y` of its last point."""
    values = [float(p["value"]) for p in points]
    least, most = min(values), max(values)
    step, span = 112 / max(1, len(values) - 1), (most - least) or 1.0
    spots = [(round(4 + n * step, 1), round(24 - 20 * (v - least) / span, 1)) for n, v in enumerate(values)]
    return {"line": " ".join(f"{x},{y}" for x, y in spots), "x": spots[-1][0], "y": spots[-1][1]}


def block(value: Any) -> Markup:
    """A JSON value for a data block: ASCII alone, and nothing in it that could end the block or an attribute."""
    text = json.dumps(value, separators=(",", ":"), sort_keys=True).translate(_NO_MARKUP)
    return Markup(text)  # noqa: S704 - nothing of HTML is left in it


FILTERS: dict[str, Callable[..., Any]] = {
    "short": short,
    "when": when,
    "day": day,
    "figure": figure,
    "count": count,
    "drawing": drawing,
    "anchor": entry_anchor,
    "proof_file": proof_file,
    "block": block,
    "hides": lambda text: visible(text) != text,
    "spark": spark,
    "shell": shlex.quote,
    "kind_title": lambda kind: TITLES.get(kind, kind),
    "standing_title": lambda word: STANDINGS.get(word, word),
    "status_title": lambda word: STATUSES.get(word, word),
}
