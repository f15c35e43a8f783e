"""Reads a page as a browser would, as far as the tests need it."""

from __future__ import annotations

import posixpath
from html.parser import HTMLParser
from urllib.parse import unquote, urlsplit


class Reading(HTMLParser):
    """Elements with their attributes, ids, links, and the text that is shown."""

    def __init__(self, data: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(data.decode("utf-8"))
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text.append(data)

    @property
    def shown(self) -> str:
        return " ".join(" ".join(self.text).split())

    @property
    def ids(self) -> set[str]:
        return {a["id"] for _, a in self.elements if a.get("id")}

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [a for t, a in self.elements if t == tag]

    def links(self) -> list[str]:
        """Every address the page names: followed or loaded."""
        return [a[k] for _, a in self.elements for k in ("href", "src") if a.get(k)]

    def loads(self) -> list[str]:
        """Every address that the browser fetches by itself."""
        pulled = [a["src"] for _, a in self.elements if a.get("src")]
        return pulled + [a["href"] for a in self.all("link") if a.get("rel") in ("stylesheet", "icon")]


def resolve(link: str, page: str) -> tuple[str, str]:
    """Path from the site's root and fragment of a relative link."""
    parts = urlsplit(link)
    path = posixpath.normpath(posixpath.join(posixpath.dirname(page), unquote(parts.path))) if parts.path else page
    return path, parts.fragment
