"""Data as a classic script, which pages load also where they are files: `muniment.shard(path, value)`."""

from __future__ import annotations

from muniment.core.canonical import format_json
from muniment.site.page import Page


def shard(path: str, value: object) -> Page:
    """`<path>.js` with a JSON value. JSON is JavaScript but for two line ends, which are escaped."""
    body = format_json(value).replace(b"\xe2\x80\xa8", b"\\u2028").replace(b"\xe2\x80\xa9", b"\\u2029")
    return Page(f"{path}.js", b'muniment.shard("' + path.encode() + b'",' + body + b");\n")
