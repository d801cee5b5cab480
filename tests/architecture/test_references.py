"""Every path and dotted name in a page, a docstring or a comment exists."""

import importlib
import re
from functools import lru_cache
from pathlib import PurePath

from tests.architecture.tree import PACKAGES, ROOT, prose, tracked

_TOPS = (*PACKAGES, "tests", "docs", "examples", "requirements", ".ci")
#: A path from the root: a known folder, a slash, and no placeholder in it.
_PATH = re.compile(rf"(?<![\w./<-])(?:{'|'.join(map(re.escape, _TOPS))})/[\w./-]*\w/?(?![\w*<{{$])")
_DOTTED = re.compile(rf"`((?:{'|'.join(PACKAGES)})(?:\.\w+)+)(?:\(\))?`")
#: Made when the program or its tests run, so not in the repository.
_MADE = ("deploy/k8s/overlays/.release", "tests/plan/plan")


@lru_cache(maxsize=1)
def _there() -> frozenset[str]:
    files = tracked()
    folders = {str(parent) for path in files for parent in PurePath(path).parents}
    return frozenset(files) | folders


def _is_there(where: str, path: str) -> bool:
    """Whether the path exists, from the root or from the file that names it."""
    plain = path.rstrip("/")
    beside = str(PurePath(where).parent / plain)
    return plain in _there() or beside in _there() or path.startswith(_MADE)


def _is_defined(name: str) -> bool:
    """Whether it is a module, or an attribute of one."""
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        file = ROOT.joinpath(*parts[:cut])
        if file.with_suffix(".py").is_file() or (file / "__init__.py").is_file():
            found = importlib.import_module(".".join(parts[:cut]))
            for attribute in parts[cut:]:
                if not hasattr(found, attribute):
                    return attribute in getattr(found, "__annotations__", {})
                found = getattr(found, attribute)
            return True
    return False


def test_every_path_that_is_named_is_there() -> None:
    found = {(where, path) for where, text in prose() for path in _PATH.findall(text)}
    assert not sorted(one for one in found if not _is_there(*one))


def test_every_dotted_name_is_defined() -> None:
    found = {(where, name) for where, text in prose() for name in _DOTTED.findall(text)}
    assert not sorted(one for one in found if not _is_defined(one[1]))
