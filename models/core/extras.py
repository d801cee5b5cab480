"""What the house runs without: modules whose libraries only some houses install."""

import importlib
from types import ModuleType

from models.core.errors import SettingsInvalid


def load_extra(module: str, *, install: str) -> ModuleType:
    """That module. Raises SettingsInvalid, saying what to install, where its library is missing."""
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise SettingsInvalid(f"a library is not installed: {install}") from missing
