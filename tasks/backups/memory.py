"""Available memory: the machine's, or its container's where that is less."""

from pathlib import Path
from typing import Final

#: Linux's facts about the machine, and about this process's control group (version 2, then 1).
PROC: Final = Path("/proc")
GROUPS: Final = Path("/sys/fs/cgroup")


def free_memory(proc: Path = PROC, groups: Path = GROUPS) -> int | None:
    """Return the bytes that are available now; None where that is unknown."""
    found = [
        left for left in (_machine(proc), _group(groups), _old_group(groups)) if left is not None
    ]
    return min(found, default=None)


def _machine(proc: Path) -> int | None:
    kilobytes = _named(proc / "meminfo", "MemAvailable:")
    return None if kilobytes is None else kilobytes * 1024


def _group(groups: Path) -> int | None:
    """Return what is left of the limit. Inactive cached files can be evicted, so do not count."""
    limit, used = _number(groups / "memory.max"), _number(groups / "memory.current")
    if limit is None or used is None:
        return None
    return max(0, limit - used + (_named(groups / "memory.stat", "inactive_file") or 0))


def _old_group(groups: Path) -> int | None:
    folder = groups / "memory"
    limit = _number(folder / "memory.limit_in_bytes")
    used = _number(folder / "memory.usage_in_bytes")
    if limit is None or used is None:
        return None
    return max(0, limit - used + (_named(folder / "memory.stat", "total_inactive_file") or 0))


def _number(path: Path) -> int | None:
    try:
        return int(path.read_text(encoding="ascii"))
    except (OSError, ValueError):  # `max`: no limit
        return None


def _named(path: Path, name: str) -> int | None:
    """Return the number after this word at the beginning of a line."""
    try:
        lines = [line.split() for line in path.read_text(encoding="ascii").splitlines()]
        return next((int(words[1]) for words in lines if words and words[0] == name), None)
    except (OSError, ValueError, IndexError):
        return None
