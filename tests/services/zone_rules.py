"""Zone rules of another release: a compiled zone replaces the pinned one in this process."""

import struct
import zoneinfo
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from models.core.zones import use_pinned_zones
from models.queries.floor.load import forget_restaurants
from models.rules.restaurant import sittings


@contextmanager
def other_rules(folder: Path, *, zone: str = "Europe/Berlin", hours: int) -> Iterator[None]:
    """Simulate other zone data: the zone is so many hours ahead of UTC all year."""
    header = struct.pack(">4sc15x6l", b"TZif", b"2", 0, 0, 0, 0, 1, 4)
    body = struct.pack(">lbb4s", hours * 3600, 0, 0, b"XXX\0")
    path = folder / "zoneinfo" / zone
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(header + body + header + body + f"\nXXX{-hours}\n".encode())
    zoneinfo.reset_tzpath((folder / "zoneinfo",))
    _forget()
    try:
        yield
    finally:
        use_pinned_zones()
        _forget()


def _forget() -> None:
    """Clear the caches that a restart of the process would clear."""
    zoneinfo.ZoneInfo.clear_cache()
    forget_restaurants()
    sittings._last_quarter_of.cache_clear()
