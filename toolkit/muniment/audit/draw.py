"""Facts of a report to its page. The report's templates stand before the site's, whose macros they use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import jinja2
from markupsafe import Markup

from muniment.core.resources import resource_root
from muniment.site import paths, views
from muniment.site.text import visible, web_link

STYLES = "assets/report.css"
WIDEST = 8


class Press:
    """Draws reports with the templates of `templates/report`."""

    def __init__(self) -> None:
        root = resource_root("templates")
        self._jinja = jinja2.Environment(
            loader=jinja2.FileSystemLoader([str(root / "report"), str(root / "site")]),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=_finalize,
            auto_reload=False,
        )
        self._jinja.globals.update(web_link=web_link)
        self._jinja.filters.update(views.FILTERS | {"grid": grid})

    def html(self, template: str, path: str, facts: Mapping[str, Any], whole: bool) -> bytes:
        """A page at a path below the report's folder; `whole` is whether the registry's report lies beside it."""
        link = partial(paths.relative, page=path)
        registry = {"origin": facts["origin"], "title": facts["title"], "sandbox": facts["sandbox"]}
        page = self._jinja.get_template(template)
        return page.render(f=facts, registry=registry, path=path, link=link, whole=whole).encode("utf-8")


def grid(metrics: Sequence[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Metrics as a table of slices by names; None where that would be too wide, or would hide a number."""
    names = list(dict.fromkeys(m["metric"] for m in metrics))
    slices = list(dict.fromkeys(m["slice"] for m in metrics))
    found = {(m["slice"], m["metric"]): m for m in metrics}
    if len(names) > WIDEST or len(found) < len(metrics):
        return None
    return {"names": names, "rows": [{"slice": s, "cells": [found.get((s, n)) for n in names]} for s in slices]}


def _finalize(value: Any) -> Any:
    """Every expression of every template passes here: no template can forget to show hidden characters."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value
