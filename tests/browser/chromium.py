"""What goes wrong on a page, for the tests in Chromium."""

from __future__ import annotations

from playwright.sync_api import Page, Request


def watched(page: Page) -> list[str]:
    """What goes wrong on a page from now on: console errors, refused policies, requests to elsewhere."""
    wrong: list[str] = []
    own = ("http://127.0.0.1:", "file://", "blob:")

    def failed(asked: Request) -> None:
        # What the browser asked for a page that was left for the next one, such as its icon, is given up, not refused.
        if asked.failure != "net::ERR_ABORTED":
            wrong.append(f"failed: {asked.url}: {asked.failure}")

    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("requestfailed", failed)
    page.on("response", lambda got: wrong.append(f"{got.status}: {got.url}") if got.status >= 400 else None)
    page.on("request", lambda asked: None if asked.url.startswith(own) else wrong.append(asked.url))
    return wrong
