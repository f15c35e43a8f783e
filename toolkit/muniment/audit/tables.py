"""Populations as CSV (RFC 4180, UTF-8): for spreadsheets, so no cell may begin as a formula does."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from muniment.site.text import visible

Facts = dict[str, Any]
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
ENTRY_COLUMNS = (
    *("entry", "kind", "admittedAt", "signedAt", "version", "deed", "environment", "reason", "incident"),
    *("person", "signer", "issuer", "broughtInBy", "approvals", "statement", "bundle"),
)
VERSION_COLUMNS = ("version", "kind", "standing", "environments", "releasedAt", "person", "signer", "entry", "digests")


def entries_csv(facts: Facts) -> bytes:
    """Every line of the log."""
    rows = []
    for item in facts["entries"]:
        who = item.get("signer", {})
        approvals = " ".join(f"#{a}" for a in item.get("approvals", ()))
        row = item | {"person": who.get("person"), "signer": who.get("subject"), "issuer": who.get("issuer")}
        row |= {"broughtInBy": item.get("broughtInBy", {}).get("subject")}
        rows.append([row.get(c) if c != "approvals" else approvals for c in ENTRY_COLUMNS])
    return _table(facts, ENTRY_COLUMNS, rows)


def versions_csv(facts: Facts) -> bytes:
    """Every version."""
    rows = []
    for item in facts["versions"]:
        row = item | {
            "version": item["id"],
            "standing": item["standing"]["standing"],
            "environments": " ".join(item["standing"]["environments"]),
            "person": item["signer"]["person"],
            "signer": item["signer"]["subject"],
            "digests": " ".join(a["digest"] for a in item["artifacts"]),
        }
        rows.append([row[c] for c in VERSION_COLUMNS])
    return _table(facts, VERSION_COLUMNS, rows)


def guarded(value: Any) -> str:
    """A cell; text that a spreadsheet would compute gets an apostrophe in front."""
    text = "" if value is None else visible(str(value))
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA) else text


def _table(facts: Facts, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> bytes:
    """Every row says of which registry it is, and whether that is a sandbox: rows leave their table."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([*columns, "registry", "sandbox"])
    about = [facts["origin"], "yes" if facts["sandbox"] else "no"]
    writer.writerows([guarded(cell) for cell in (*row, *about)] for row in rows)
    return out.getvalue().encode("utf-8")
