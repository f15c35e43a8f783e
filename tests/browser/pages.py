"""Every page of a demo in Chromium: light and dark, desktop and phone, served and from the disk, without scripts too.

Run by `make browser`, which names the demo's folder in MUNIMENT_DEMO; not part of the ordinary suite, as it needs a
browser. MUNIMENT_SHOTS names a folder for screenshots.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from playwright.sync_api import Browser, Page

from tests.browser.chromium import watched
from tests.web import served

DEMO = Path(os.environ["MUNIMENT_DEMO"]).resolve()
SHOTS = os.environ.get("MUNIMENT_SHOTS")
PAGES = sorted(str(path.relative_to(DEMO)) for part in ("site", "audit") for path in (DEMO / part).rglob("*.html"))
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 844}
MODES = {
    "light": {"viewport": DESKTOP, "color_scheme": "light"},
    "dark": {"viewport": DESKTOP, "color_scheme": "dark"},
    "phone": {"viewport": PHONE, "color_scheme": "light", "is_mobile": True, "has_touch": True},
    "phone-dark": {"viewport": PHONE, "color_scheme": "dark", "is_mobile": True, "has_touch": True},
}
# Luminance of what is behind the text, from 0 (black) to 1.
BACKGROUND = """() => {
  const parse = (e) => getComputedStyle(e).backgroundColor.match(/[\\d.]+/g).map(Number);
  const [r, g, b, a = 1] = parse(document.body);
  const [R, G, B] = a === 0 ? parse(document.documentElement) : [r, g, b];
  return (0.2126 * R + 0.7152 * G + 0.0722 * B) / 255;
}"""
# Elements wider than the window that are not inside something that scrolls by itself.
WIDE = """() => {
  const wide = document.documentElement.clientWidth + 1;
  if (document.documentElement.scrollWidth <= wide) return [];
  return [...document.querySelectorAll('body *')].filter((e) => e.getBoundingClientRect().right > wide)
    .map((e) => `${e.tagName}.${e.className} ${e.textContent.trim().slice(0, 40)}`).slice(0, 5);
}"""

ADDRESSES = "all => all.map((e) => new URL(e.getAttribute('href') ?? e.getAttribute('src'), e.baseURI).href)"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    with served(DEMO) as address:
        yield address


@pytest.fixture(scope="session", params=MODES)
def mode(request: pytest.FixtureRequest, browser: Browser) -> Iterator[tuple[str, Page, list[str]]]:
    """A page in one mode, and what went wrong on it: console errors, refused policies, requests to elsewhere."""
    context = browser.new_context(**MODES[request.param])
    page = context.new_page()
    wrong = watched(page)
    yield request.param, page, wrong
    context.close()


def test_there_are_pages():
    assert len(PAGES) > 20


@pytest.mark.parametrize("path", PAGES)
def test_a_page(mode: tuple[str, Page, list[str]], server: str, path: str):
    name, page, wrong = mode
    wrong.clear()
    page.goto(f"{server}/{path}", wait_until="load")
    assert wrong == []
    assert page.evaluate(WIDE) == []
    assert page.locator("h1").count() == 1
    assert page.locator("h1").is_visible()
    assert page.title().strip()
    assert page.locator("img:not([alt])").count() == 0
    luminance = page.evaluate(BACKGROUND)
    assert luminance < 0.25 if "dark" in name else luminance > 0.75
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=f"{SHOTS}/{path.replace('/', '_').removesuffix('.html')}.{name}.png", full_page=True)


@pytest.mark.parametrize("path", PAGES)
def test_links_from_the_disk_lead_somewhere(path: str, browser: Browser, disk: Page):
    disk.goto((DEMO / path).as_uri(), wait_until="load")
    hrefs = disk.eval_on_selector_all("a[href], link[href], script[src]", ADDRESSES)
    local = {urlsplit(href).path for href in hrefs if href.startswith("file://")}
    assert local
    assert [path for path in sorted(local) if not Path(unquote(path)).is_file()] == []


@pytest.fixture(scope="session")
def disk(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport=DESKTOP)
    yield context.new_page()
    context.close()


def test_from_the_disk_without_scripts_one_can_click_to_a_version(browser: Browser):
    context = browser.new_context(viewport=DESKTOP, java_script_enabled=False)
    page = context.new_page()
    page.goto((DEMO / "site" / "index.html").as_uri(), wait_until="load")
    for part in ("models/", "/1.0.0/index.html"):
        link = page.locator(f"main a[href*='{part}']").first
        link.click()
        page.wait_for_load_state("load")
    assert "1.0.0" in page.locator("h1").inner_text()
    context.close()
