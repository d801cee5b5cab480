"""Settings from the `.env` file of a folder, in the format of Docker Compose and honcho."""

import os
import re
from pathlib import Path
from typing import Final

from deploy.embedded.folder import VAR

NAME: Final = ".env"
_LINE: Final = re.compile(r"(?:export\s+)?([A-Za-z_]\w*)\s*=\s*(.*)")
_QUOTED: Final = re.compile(r"""(?P<quote>['"])(?P<text>.*)(?P=quote)\s*(?:#.*)?""")


def read_env_file(path: Path) -> dict[str, str]:
    """Return names and values of lines `NAME=value`. ` #` ends an unquoted value."""
    found = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if named := _LINE.fullmatch(line.strip()):
            name, value = named.groups()
            quoted = _QUOTED.fullmatch(value)
            found[name] = quoted["text"] if quoted else re.split(r"(?:^|\s)#", value)[0].strip()
    return found


def join_env_file(folder: Path = Path()) -> None:
    """Set the variables of the folder's `.env` that the environment does not set.

    Does nothing next to an installation that `maitred up` runs there, which has its own settings.
    """
    file = folder / NAME
    if (folder / VAR / "ports.json").exists() or not file.is_file():
        return
    for name, value in read_env_file(file).items():
        os.environ.setdefault(name, value)
