"""What the browser tests share: the browser, sizes of screens, pictures."""

import os
from pathlib import Path

from playwright.sync_api import Page

CHROMIUM = Path("/usr/bin/chromium")
#: set it to a folder to save screenshots there
PICTURES = os.environ.get("PAGE_PICTURES")
#: milliseconds until an expectation fails: the API's page draws 150 operations
SLOW_MACHINE = 60_000
PHONE = {"width": 390, "height": 844}
TABLET = {"width": 1280, "height": 800}


def picture(page: Page, name: str) -> None:
    if PICTURES:
        page.screenshot(path=Path(PICTURES) / f"{name}.png", full_page=True)
