"""The report in a real browser: it renders, fetches nothing, runs nothing, and fits a phone and a wide screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from cluster.browser import find
from tests.unit.report.samples import page as report

CHROMIUM = find()

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here: python -m cluster browser")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        # Chromium's sandbox refuses to run as root, and what is shown here is written by ourselves.
        launched = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(report())
    return file


class Watched:
    """A page with all its trials opened, and what it asked for and complained of."""

    def __init__(self, browser: Browser, file: Path, width: int, scheme: str) -> None:
        self.page: Page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)  # type: ignore[arg-type]
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("console", lambda message: self.complaints.append(message.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))
        self.page.goto(file.as_uri())
        for summary in self.page.locator("summary").all():
            summary.click()


@pytest.fixture(params=[(400, "dark"), (1600, "light")], ids=["phone", "wide screen"])
def watched(browser: Browser, file: Path, request: pytest.FixtureRequest) -> Iterator[Watched]:
    opened = Watched(browser, file, *request.param)
    yield opened
    opened.page.close()


def test_it_renders_and_asks_for_nothing_but_itself(watched: Watched, file: Path) -> None:
    assert watched.requests == [file.as_uri()]
    assert watched.complaints == []
    assert watched.page.locator("figure svg path").count() > 5
    assert watched.page.locator(".conclusion").first.is_visible()


def test_a_script_that_others_wrote_stays_text(watched: Watched) -> None:
    assert watched.page.title().startswith("What ")
    assert watched.page.locator("script, img").count() == 0
    assert watched.page.get_by_text("document.title = 'taken'").first.is_visible()


def test_nothing_is_wider_than_the_window(watched: Watched) -> None:
    wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert watched.page.evaluate(wide) == 0


def test_text_can_be_told_from_its_paper(watched: Watched) -> None:
    colours = "(() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; })()"
    ink, paper = (sum(map(int, colour[4:-1].split(", "))) for colour in watched.page.evaluate(colours))
    assert abs(ink - paper) > 3 * 150


def test_the_figures_words_take_the_colour_of_the_page(watched: Watched) -> None:
    fill = "getComputedStyle(document.querySelector('figure svg text')).fill === getComputedStyle(document.body).color"
    assert watched.page.evaluate(fill)
