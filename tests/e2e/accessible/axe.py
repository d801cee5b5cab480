"""axe-core's findings about a page, as lines."""

from typing import Any, Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

#: WCAG 2.2 at the levels A and AA, and what axe-core recommends beyond it
_TAGS: Final = (
    "wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa", "best-practice",
)  # fmt: skip
_OPTIONS: Final[dict[str, Any]] = {
    "runOnly": {"type": "tag", "values": _TAGS},
    "rules": {"target-size": {"enabled": True}},  # off by default, as all rules of 2.2
    "resultTypes": ["violations"],
}


def faults(page: Page, where: str) -> list[str]:
    """Return what is not accessible on the page as it is shown now."""
    page.evaluate("document.getAnimations().forEach((each) => each.finish())")
    found = Axe().run(page, options=_OPTIONS).response
    assert len(found["passes"]) > 5, f"{where}: not read"
    return [
        f"{where}: {rule['id']} at {node['target']}: {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]
