"""The Procfile: the command of each process."""

import re
from pathlib import Path
from typing import Final

_LINE: Final = re.compile(r"([A-Za-z0-9_-]+):\s*(\S.*)")


def commands_of(folder: Path) -> dict[str, str]:
    """Return name -> shell command of the Procfile in that folder, in its order."""
    lines = (folder / "Procfile").read_text(encoding="utf-8").splitlines()
    return {found[1]: found[2] for line in lines if (found := _LINE.fullmatch(line.strip()))}
