"""The scratch server takes a share of its container's memory limit, not of the whole machine."""

from pathlib import Path

import pytest

from tasks.backups.memory import free_memory

GB = 1 << 30


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="ascii")
    return folder


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A machine with 16 GB available."""
    return write(tmp_path / "proc", {"meminfo": f"MemTotal: 1 kB\nMemAvailable: {16 << 20} kB\n"})


def test_without_a_limit_it_is_what_the_machine_has(machine: Path, tmp_path: Path) -> None:
    groups = write(tmp_path / "groups", {"memory.max": "max\n", "memory.current": "5\n"})
    assert free_memory(machine, groups) == 16 * GB
    assert free_memory(machine, tmp_path / "nothing") == 16 * GB


def test_a_container_has_what_is_left_of_its_limit(machine: Path, tmp_path: Path) -> None:
    said = {
        "memory.max": f"{2 * GB}\n",
        "memory.current": f"{GB + GB // 2}\n",
        "memory.stat": f"anon 7\ninactive_file {GB // 2}\n",
    }
    assert free_memory(machine, write(tmp_path / "groups", said)) == GB


def test_so_it_is_with_the_first_version_of_control_groups(machine: Path, tmp_path: Path) -> None:
    said = {
        "memory/memory.limit_in_bytes": f"{2 * GB}\n",
        "memory/memory.usage_in_bytes": f"{GB}\n",
        "memory/memory.stat": f"total_inactive_file {GB // 4}\n",
    }
    assert free_memory(machine, write(tmp_path / "groups", said)) == GB + GB // 4


def test_a_group_beyond_its_limit_has_nothing(machine: Path, tmp_path: Path) -> None:
    said = {"memory.max": "5\n", "memory.current": "9\n"}
    assert free_memory(machine, write(tmp_path / "groups", said)) == 0


def test_where_nothing_says_so_it_is_not_known(tmp_path: Path) -> None:
    assert free_memory(tmp_path, tmp_path) is None
    write(tmp_path, {"meminfo": "nonsense\n", "memory.max": "x"})
    assert free_memory(tmp_path, tmp_path) is None
