"""The image's build context contains everything that the Dockerfile copies."""

import re
from fnmatch import fnmatch

from tests.architecture.tree import ROOT


def test_whatever_the_build_copies_is_let_into_it() -> None:
    text = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", "")
    copied = [
        source
        for words in re.findall(r"^COPY (.*)$", text, re.MULTILINE)
        if "--from=" not in words
        for source in words.split()[:-1]
    ]
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    kept = [line[1:] for line in lines if line.startswith("!")]
    assert "." in copied
    left_out = [path for path in copied if path != "." and not _is_kept(path, kept)]
    assert left_out == []


def _is_kept(path: str, kept: list[str]) -> bool:
    return any(fnmatch(path, each) or path.startswith(f"{each}/") for each in kept)
