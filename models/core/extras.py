"""Optional modules, whose libraries not every installation has."""

import importlib
from types import ModuleType

from models.core.errors import SettingsInvalid


def load_extra(module: str, *, install: str) -> ModuleType:
    """Import that module. Raises SettingsInvalid, naming what to install, if that fails."""
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        raise SettingsInvalid(f"a library is not installed: {install}") from missing
