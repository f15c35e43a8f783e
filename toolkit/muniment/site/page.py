"""A file of the site, and a page before it is drawn."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Page:
    """A file of the built site: its path from the site's root, with `/`, and its bytes."""

    path: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Sheet:
    """A page before it is drawn: the page is a view of `facts`, which are published beside it as JSON.

    `path` ends in `.html`; paths inside `facts` are from the site's root.
    """

    path: str
    template: str
    facts: Mapping[str, Any]

    @property
    def facts_path(self) -> str:
        """Where the facts are published."""
        return self.path.removesuffix(".html") + ".json"
