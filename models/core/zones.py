"""One source of time zones: the package `tzdata` that this release is pinned to.

Python looks at the machine's own first. Two machines with different ones disagree about when an
evening begins: offered by one, declined as closed by the other.
"""

import os
import zoneinfo
from importlib.metadata import version


def use_pinned_zones() -> None:
    """For this process and its children, whatever PYTHONTZPATH says."""
    os.environ["PYTHONTZPATH"] = ""
    zoneinfo.reset_tzpath(())
    zoneinfo.ZoneInfo.clear_cache()


def zone_data() -> str:
    """The version of the zone data, as `2026.3`."""
    return version("tzdata")
