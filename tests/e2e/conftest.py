"""The browser, and an evening with its stands."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tests.e2e.browsers import CHROMIUM, SLOW_MACHINE, TABLET
from tests.e2e.hands import Hand
from tests.e2e.stands import Evening
from tests.services.missing import go_without
from tests.services.running.stack import Stack


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if not CHROMIUM.exists():
        go_without("Chromium")
    expect.set_options(timeout=SLOW_MACHINE)
    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def evening(browser: Browser, stack: Stack) -> Iterator[Evening]:
    opened = Evening(browser, stack)
    yield opened
    for context in opened.contexts:
        context.close()


@pytest.fixture(params=["touch", "mouse", "keyboard"])
def stands(evening: Evening, request: pytest.FixtureRequest) -> tuple[Hand, Page]:
    """The stand that acts, and the one that looks."""
    first = evening.stand(viewport=TABLET, has_touch=request.param == "touch")
    return Hand(first, request.param), evening.stand()
