"""A hand at a stand: by touch, mouse or keyboard; and how soon another stand sees its acts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from playwright.sync_api import Locator, Page, Response, expect

#: a finger holds so long before it drags
HOLD_MS = 400
#: no element of a view or panel is further from another
_MOST_TABS = 250


@dataclass(slots=True)
class Hand:
    """Does the acts at one stand by touch, by mouse or by keyboard."""

    page: Page
    how: str

    def press(self, what: Locator) -> None:
        if self.how == "touch":
            what.tap()
        elif self.how == "mouse":
            what.click()
        else:
            self.reach(what)
            self.page.keyboard.press("Enter")

    def reach(self, what: Locator) -> None:
        """Move the focus there by Tab alone."""
        expect(what).to_be_visible()
        for _step in range(_MOST_TABS):
            if what.evaluate("(each) => each === document.activeElement"):
                return
            self.page.keyboard.press("Tab")
        raise AssertionError(f"no Tab leads to {what}")

    def check(self, box: Locator) -> None:
        if self.how == "keyboard":
            self.reach(box)
            self.page.keyboard.press("Space")
        else:
            self.press(box)
        expect(box).to_be_checked()

    def choose(self, field: Locator, value: str) -> None:
        """Choose from a list; by keyboard with the arrow keys."""
        if self.how != "keyboard":
            field.select_option(value)
            return
        self.reach(field)
        for _step in range(field.locator("option").count()):
            if field.input_value() == value:
                return
            self.page.keyboard.press("ArrowDown")
        expect(field).to_have_value(value)

    def write(self, field: Locator, text: str) -> None:
        if self.how == "keyboard":
            self.reach(field)
        else:
            self.press(field)
        self.page.keyboard.type(text)

    def unfold(self, summary: Locator) -> None:
        """Open what is folded, unless it is open."""
        if summary.evaluate("(each) => !each.parentElement.open"):
            self.press(summary)

    def go(self, view: str, key: str) -> None:
        """Change the view: by its link, or by its key."""
        if self.how == "keyboard":
            self.page.keyboard.press(key)
        else:
            self.press(self.page.get_by_role("link", name=view))
        expect(self.page.locator("html[data-ready]")).to_be_attached()
        expect(self.page.locator(f"a[aria-current]:text-is('{view}')")).to_be_visible()

    def open(self, name: str, key: str) -> None:
        if self.how == "keyboard":
            self.page.keyboard.press(key)
        else:
            self.press(self.page.get_by_role("button", name=name, exact=True))

    def drag(self, begin: tuple[float, float], end: tuple[float, float]) -> None:
        """Drag from a point to another, in steps."""
        if self.how == "mouse":
            self.page.mouse.move(*begin)
            self.page.mouse.down()
            self.page.mouse.move(*end, steps=6)
            self.page.mouse.up()
            return
        client = self.page.context.new_cdp_session(self.page)

        def touch(kind: str, *points: tuple[float, float]) -> None:
            where = [{"x": x, "y": y} for x, y in points]
            client.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": where})

        touch("touchStart", begin)
        self.page.wait_for_timeout(HOLD_MS)
        for step in range(1, 7):
            touch("touchMove", _between(begin, end, step / 6))
        touch("touchEnd")
        client.detach()


def _between(one: tuple[float, float], other: tuple[float, float], part: float) -> Any:
    return tuple(a + (b - a) * part for a, b in zip(one, other, strict=True))


def middle(what: Locator) -> tuple[float, float]:
    """The middle of an element on the screen."""
    what.scroll_into_view_if_needed()
    box = what.bounding_box()
    assert box is not None
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


#: keeps when the condition is first true, and marks the page, so that a reload is noticed
_WATCH: Final = """() => { window.isSame = true; window.seenAt = new Promise((done, fail) => {
  const look = () => (CONDITION) ? done(Date.now()) : setTimeout(look, 5);
  look();
  setTimeout(() => fail(new Error("never seen: CONDITION")), 60_000);
}); }"""


@contextmanager
def seen(hand: Hand, other: Page, what: str, condition: str) -> Iterator[None]:
    """After the act in this block, the other stand shows it without reloading; print how soon."""
    answers: list[Response] = []

    def keep(answer: Response) -> None:
        is_act = answer.request.method != "GET" and "/api/" in answer.url
        if is_act and '"preview":true' not in (answer.request.post_data or ""):
            answers.append(answer)

    other.evaluate(_WATCH.replace("CONDITION", condition))
    hand.page.on("response", keep)
    yield
    shown_at = other.evaluate("() => window.seenAt")
    hand.page.remove_listener("response", keep)
    assert other.evaluate("() => window.isSame"), "the page was loaded again"
    assert answers and answers[-1].ok, what
    timing = answers[-1].request.timing
    answered_at = timing["startTime"] + timing["responseStart"]
    print(f"{what} by {hand.how}: seen {shown_at - answered_at:.0f} ms after the answer")
