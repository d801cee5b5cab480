"""Reads pages with axe-core, and keeps what is wrong with them."""

import pytest
from playwright.sync_api import Page

from tests.e2e.accessible.axe import faults
from tests.e2e.browsers import PHONE, TABLET, picture

SCHEMES = ("light", "dark")
SLOW = pytest.mark.slow
# the views of the stand once in `make test`; all other pages, the phone and the dark are slow
SIZES = pytest.mark.parametrize(
    "size", [pytest.param(TABLET, id="tablet"), pytest.param(PHONE, id="phone", marks=SLOW)]
)
by_scheme = pytest.mark.parametrize(
    "scheme", [SCHEMES[0], *(pytest.param(each, marks=SLOW) for each in SCHEMES[1:])]
)


class Reader:
    """Reads each page that it is shown with axe-core, and keeps the findings."""

    def __init__(self, page: Page, name: str) -> None:
        self.page, self.name = page, name
        self.found: list[str] = []

    def read(self, where: str) -> None:
        picture(self.page, f"axe-{self.name}-{where.replace(' ', '-')}")
        self.found += faults(self.page, where)
        if self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            self.found.append(f"{where}: wider than the screen")
        if "object at 0x" in self.page.content():
            self.found.append(f"{where}: shows an object of the program")

    def finish(self) -> None:
        assert not self.found, "\n".join(self.found)

    def go(self, path: str, where: str) -> None:
        self.page.goto(path)
        self.read(where)
