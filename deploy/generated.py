"""Writing of generated files, which the repository contains."""

import sys
from collections.abc import Mapping
from pathlib import Path


def write_files(files: Mapping[Path, str], *, below: Path) -> None:
    """Write each file with its text, and print its path below that folder."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(below)}\n")
