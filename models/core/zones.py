"""The only source of time zones: the package `tzdata` in the version pinned by this release.

Python prefers the machine's own zone data. Two machines with different data disagree about when an
evening begins: one offers a start that the other declines as closed.
"""

import os
import zoneinfo
from importlib.metadata import version


def use_pinned_zones() -> None:
    """Use the package's zone data in this process and its children, whatever PYTHONTZPATH says."""
    os.environ["PYTHONTZPATH"] = ""
    zoneinfo.reset_tzpath(())
    zoneinfo.ZoneInfo.clear_cache()


def zone_data() -> str:
    """The version of the zone data, such as `2026.3`."""
    return version("tzdata")
