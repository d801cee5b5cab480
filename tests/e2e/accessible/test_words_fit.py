"""No word is cut, in any language, on a tablet held upright and on a phone."""

from collections.abc import Iterator
from typing import Final

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.accessible.reader import SLOW, Reader
from tests.e2e.browsers import PHONE, picture
from tests.e2e.stands import Evening

pytestmark = SLOW
LOCALES: Final = {"en": "en-GB", "de": "de-DE", "fr": "fr-FR", "es": "es-ES", "it": "it-IT"}
NARROW: Final = {"width": 1024, "height": 768}
in_each_language = pytest.mark.parametrize("language", LOCALES)
on_each_size = pytest.mark.parametrize("size", [NARROW, PHONE], ids=["1024", "390"])
#: names that a book of any language has
NAMES: Final = ("Wollstonecraft-Godwin", "Margarethe von Hohenlohe-Langenburg", "Ng")

#: Elements whose words need more room than they have. Left out: what scrolls, what only a screen
#: reader sees, and bars of the timeline, whose length is their time (their name is a label).
CUT: Final = """() => {
  const left = ".unseen, .unseen *, .tl-bar, .tl-bar *, .tl-block, .skip";
  const scrolls = (each) => /auto|scroll/.test(getComputedStyle(each).overflowX);
  const isShown = (each) => each.checkVisibility() && each.clientWidth > 0;
  const isCut = (each) => each.scrollWidth > each.clientWidth + 1
    || (getComputedStyle(each).overflowY === "hidden" && each.scrollHeight > each.clientHeight + 1);
  const isField = (each) => /INPUT|SELECT|TEXTAREA/.test(each.tagName);
  return [...document.body.querySelectorAll("*:not(svg, svg *)")]
    .filter((each) => each.textContent.trim() && !each.matches(left) && isShown(each))
    .filter((each) => !scrolls(each) && !isField(each) && isCut(each))
    .map((each) => `${each.tagName}.${each.className} “${each.textContent.trim().slice(0, 60)}”`
      + ` needs ${each.scrollWidth}, has ${each.clientWidth}`);
}"""


def cut(page: Page, where: str) -> list[str]:
    """Return the elements whose words do not fit."""
    return [f"{where}: {each}" for each in page.evaluate(CUT)]


def look(reader: Reader, where: str) -> None:
    """Keep what is cut, and whether all of it is wider than the screen."""
    picture(reader.page, f"words-{reader.name}-{where}")
    reader.found += cut(reader.page, where)
    if reader.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        reader.found.append(f"{where}: wider than the screen")


@pytest.fixture
def words(
    full_evening: Evening, language: str, size: dict[str, int]
) -> Iterator[tuple[Page, Reader]]:
    """A stand in that language, with long names and with all that a line can say."""
    facts = {
        "details": {"allergies": "Nuts", "occasion": "Birthday", "vip": True, "tags": ["regular"]},
        "staff_note": "A regular",
        "note": "By the window",
    }
    full_evening.book(NAMES[0], quarters=8, size=4, tables=["1", "2"], **facts)
    for name, guests in zip(NAMES[1:], (5, 2), strict=True):
        full_evening.book(name, quarters=8, size=guests, **facts)
    page = full_evening.stand(viewport=size, locale=LOCALES[language])
    expect(page.locator("html")).to_have_attribute("lang", language)
    yield page, Reader(page, f"{language}-{size['width']}")


@in_each_language
@on_each_size
def test_the_stand_in_each_language(words: tuple[Page, Reader]) -> None:
    page, reader = words
    base = page.url.partition("?")[0]
    reader.read("list")
    look(reader, "list")
    page.locator(".menu summary").click()
    look(reader, "menu")
    for view in ("timeline", "floor"):
        page.goto(f"{base}/{view}")
        expect(page.locator("html[data-ready]")).to_be_attached()
        look(reader, view)
    page.goto(f"{base}/guests")
    expect(page.locator("#search")).to_be_visible()
    look(reader, "guests")
    reader.finish()


@in_each_language
@on_each_size
def test_the_panels_in_each_language(words: tuple[Page, Reader]) -> None:
    page, reader = words
    page.locator(".row .party").filter(has_text=NAMES[0]).click()
    expect(page.locator("#panel[open] .party-facts")).to_be_visible()
    _unfolded(page, reader, "party")
    page.keyboard.press("Escape")
    for key, shown, name in (
        ("Alt+e", ".evening", "evening"),
        ("Alt+w", ".sizes", "walk-in"),
        ("Alt+b", ".sizes", "booking"),
    ):
        page.keyboard.press(key)
        expect(page.locator(f"#panel[open] {shown}")).to_be_visible()
        _unfolded(page, reader, name)
        page.keyboard.press("Escape")
    page.context.clear_cookies()
    page.goto(f"{page.url.partition('?')[0]}/sign-in")
    expect(page.locator("#password")).to_be_visible()
    look(reader, "sign-in")
    reader.finish()


def _unfolded(page: Page, reader: Reader, name: str) -> None:
    page.evaluate("document.querySelectorAll('#panel details').forEach(each => each.open = true)")
    look(reader, name)


@on_each_size
@pytest.mark.parametrize("language", ["en"])
def test_a_cut_word_is_found(words: tuple[Page, Reader]) -> None:
    page, _reader = words
    name, label = page.locator(".row .name").first, page.locator(".views a").first
    for what, style in (
        (name, "display: block; width: 2rem; white-space: nowrap; overflow: hidden"),
        (name, "display: block; height: 4px; overflow: hidden"),
        (label, "max-width: 1rem; padding: 0"),
    ):
        what.evaluate("(each, style) => { each.style.cssText = style; }", style)
        assert cut(page, "list"), style
        what.evaluate("(each) => { each.style.cssText = ''; }")
