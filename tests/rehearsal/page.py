"""The commands of docs/deploy/compose.md in order; tracks that all were typed."""

import re
from dataclasses import dataclass, field

from tests.architecture.tree import ROOT
from tests.rehearsal.site import PATIENT, Site

PAGE = ROOT / "docs" / "deploy" / "compose.md"


def commands() -> dict[str, list[str]]:
    """Heading -> the lines of its `sh` blocks."""
    found: dict[str, list[str]] = {}
    for part in re.split(r"^## ", PAGE.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]:
        blocks = re.findall(r"```sh\n(.*?)```", part, re.DOTALL)
        found[part.partition("\n")[0]] = [line for block in blocks for line in block.splitlines()]
    return {heading: lines for heading, lines in found.items() if lines}


@dataclass
class Page:
    """The untyped rest of the page."""

    left: dict[str, list[str]] = field(default_factory=commands)

    def next(self, heading: str) -> str:
        """The next untyped command below that heading."""
        line = self.left[heading].pop(0)
        if not self.left[heading]:
            del self.left[heading]
        return line

    def type(self, place: Site, heading: str, count: int = 0, **words: str) -> str:
        """Type the next `count` commands below that heading (default: the rest); return the output.

        `words` replaces words of the page, such as `image="maitred:2"` for the registry's.
        """
        said = ""
        for _ in range(count or len(self.left[heading])):
            line = self.next(heading)
            for name, value in words.items():
                line = re.sub(_WORDS[name], value, line)
            patient = " ".join(f"{name}={value}" for name, value in PATIENT.items())
            said += place.must("sh", "-c", f"export {patient}; {line}")
        return said


_WORDS = {"image": r"registry\.example/maitred:\S+"}
