"""Sheets to pages: Jinja2 with autoescape, hidden characters shown, links relative to the page."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, partial
from typing import Any

import jinja2
from markupsafe import Markup

from muniment.core.canonical import format_json
from muniment.core.resources import resource_root
from muniment.site import paths, views
from muniment.site.page import Page, Sheet
from muniment.site.text import visible, web_link


class Pen:
    """Draws sheets with `templates/site`; `common` are the facts of every page: title, origin, sandbox."""

    def __init__(self, common: Mapping[str, Any]) -> None:
        self._common = dict(common)
        self._jinja = _environment()

    def draw(self, sheet: Sheet) -> Iterator[Page]:
        """The page and its facts."""
        yield Page(sheet.path, self.html(sheet))
        yield Page(sheet.facts_path, format_json({"registry": self._common, **sheet.facts}))

    def html(self, sheet: Sheet) -> bytes:
        """The page alone."""
        template = self._jinja.get_template(sheet.template)
        link = partial(paths.relative, page=sheet.path)
        facts_link = link(sheet.facts_path)
        text = template.render(f=sheet.facts, registry=self._common, path=sheet.path, link=link, facts_link=facts_link)
        return text.encode("utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(resource_root("templates") / "site")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_finalize,
        auto_reload=False,
    )
    environment.globals.update(web_link=web_link, section_links=views.SECTION_LINKS)
    environment.filters.update(views.FILTERS)
    return environment


def _finalize(value: Any) -> Any:
    """Every expression of every template passes here: no template can forget to show hidden characters."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    return value
