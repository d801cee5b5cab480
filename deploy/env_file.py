"""The settings of a folder: its file `.env`, as Docker Compose and honcho read it too."""

import os
import re
from pathlib import Path
from typing import Final

from deploy.embedded.folder import VAR

NAME: Final = ".env"
_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)")
_QUOTED: Final = re.compile(r"""(?P<quote>['"])(?P<text>.*)(?P=quote)\s*(?:#.*)?""")


def read_env_file(path: Path) -> dict[str, str]:
    """Names and values of its lines `NAME=value`. Of an unquoted value ` #` is the end."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if named := _LINE.fullmatch(line.strip()):
            name, value = named.groups()
            quoted = _QUOTED.fullmatch(value)
            found[name] = quoted["text"] if quoted else re.split(r"(?:^|\s)#", value)[0].strip()
    return found


def join_env_file(folder: Path = Path()) -> None:
    """Take from the folder's `.env` what the environment does not say.

    Not beside an installation that `maitred up` runs there: that one has settings of its own.
    """
    file = folder / NAME
    if (folder / VAR / "ports.json").exists() or not file.is_file():
        return
    for name, value in read_env_file(file).items():
        os.environ.setdefault(name, value)
