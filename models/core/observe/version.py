"""The release of this process, the same in reports, traces and metrics."""

from functools import lru_cache
from importlib.metadata import version

from models.core.settings import settings


@lru_cache(maxsize=1)
def release_name() -> str:
    """RELEASE_NAME, as set by the deployment; else the package's version."""
    return settings().release_name or version("maitred")
