"""Which release this process is of: in reports, traces and metrics the same word."""

from functools import lru_cache
from importlib.metadata import version

from models.core.settings import settings


@lru_cache(maxsize=1)
def release_name() -> str:
    """RELEASE_NAME, as whoever put the release in place calls it; else the package's version."""
    return settings().release_name or version("maitred")
