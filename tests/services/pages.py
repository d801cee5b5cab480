"""The blocks of docs/, run as an operator would, in a shell with an empty environment."""

import re
import subprocess
import sys
from collections.abc import Collection, Mapping
from pathlib import Path

from tests.architecture.tree import ROOT

_BLOCK = re.compile(r"^ *```(?P<kind>\w+)\n(?P<text>.*?)^ *```", re.MULTILINE | re.DOTALL)


def sections(page: str) -> dict[str, str]:
    """The text below each heading `## ...` of a page of docs/; "" is the text before the first."""
    parts = re.split(r"^## (.*)\n", (ROOT / "docs" / page).read_text(encoding="utf-8"), flags=re.M)
    return {"": parts[0]} | dict(zip(parts[1::2], parts[2::2], strict=True))


def blocks(text: str, kind: str = "sh") -> list[str]:
    """The blocks of one kind in a page's text, in order."""
    return [found["text"] for found in _BLOCK.finditer(text) if found["kind"] == kind]


def commands(text: str) -> list[str]:
    """Each line of the shell blocks."""
    return [line.strip() for block in blocks(text) for line in block.splitlines()]


class Machine:
    """A machine with Maitred and an empty environment: a folder with a file `.env`."""

    def __init__(self, folder: Path, settings: Mapping[str, str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.set(settings)

    def set(self, settings: Mapping[str, str]) -> None:
        """Rewrite `.env`."""
        lines = [f"{name}={value}\n" for name, value in settings.items()]
        (self.folder / ".env").write_text("".join(lines), encoding="utf-8")

    def run(self, block: str, *, ends: int | Collection[int] = 0) -> str:
        """Run a block of a page up to its first failing command; return the output."""
        fine = {ends} if isinstance(ends, int) else ends
        bare = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            # the packages of this checkout, as if they were installed
            "PYTHONPATH": str(ROOT),
            "LANG": "C.UTF-8",
        }
        done = subprocess.run(
            ["/bin/bash", "-euo", "pipefail", "-c", block],
            cwd=self.folder,
            env=bare,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        said = done.stdout + done.stderr
        assert done.returncode in fine, f"{block}\nended with {done.returncode}:\n{said}"
        return said
