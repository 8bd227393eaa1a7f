"""Pages opened in a real browser: Debian's Chromium."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]


@dataclass
class Opened:
    """A page as the browser shows it."""

    page: "Page"
    messages: list[str]
    """Console messages and uncaught errors."""
    requests: list[str]
    """Addresses asked for, but the file itself and data: ones."""

    @property
    def overflow(self) -> int:
        """Pixels by which the page is wider than its window."""
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")


OpenPage = Callable[[Path, int], Opened]


@pytest.fixture(scope="session")
def browser() -> "Iterator[Browser]":
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: "Browser") -> Iterator[OpenPage]:
    """Opens a file in a window of the given width in pixels."""
    context = browser.new_context()

    def open_at(path: Path, width: int) -> Opened:
        page = context.new_page()
        opened = Opened(page, [], [])
        page.set_viewport_size({"width": width, "height": 900})
        page.on("console", lambda message: opened.messages.append(message.text))
        page.on("pageerror", lambda error: opened.messages.append(str(error)))
        page.on("request", lambda request: opened.requests.append(request.url))
        page.goto(path.as_uri(), wait_until="load")
        own = {path.as_uri()}
        opened.requests = [url for url in opened.requests if url not in own and not url.startswith("data:")]
        return opened

    yield open_at
    context.close()
