"""One process of a slot: `python -m deploy.release.line NAME [SLOT]`, in a version's folder.

It is replaced by the command in the version's own Procfile. The units of deploy/systemd start it
this way; the keeper starts its children with the same commands and environment.
"""

import os
import sys
from pathlib import Path
from typing import Final

from deploy.procfile import commands_of
from deploy.release.place import Place, Slot
from deploy.release.processes import PROCESSES, served_by
from models.core.errors import SettingsInvalid
from models.core.secrets.by_process import given_to
from models.core.settings import settings

#: EX_CONFIG of sysexits.h: a restart would not help.
NO_SUCH_LINE: Final = 78


def python_of(folder: Path) -> Path:
    """Return the version's own Python, or the current one if it has none."""
    own = folder / ".venv" / "bin" / "python"
    return own if own.exists() else Path(sys.executable)


def environment(folder: Path) -> dict[str, str]:
    """Return the environment of a version's processes: ours, with its code and programs first."""
    programs = f"{python_of(folder).parent}{os.pathsep}{os.environ.get('PATH', '')}"
    return dict(os.environ) | {"PATH": programs, "PYTHONPATH": str(folder)}


def shared(place: Place, slot: Slot, folder: Path) -> dict[str, str]:
    """Return the additional variables of all processes of a slot."""
    state, metrics = place.state.absolute(), str(place.metrics(slot).absolute())
    return {
        "RELEASE_NAME": folder.name,
        "GRANIAN_UDS": str(place.socket(slot).absolute()),
        "GRANIAN_UDS_PERMISSIONS": os.environ.get("GRANIAN_UDS_PERMISSIONS") or "0o660",
        "METRICS_DIR": metrics,
        "PROMETHEUS_MULTIPROC_DIR": metrics,
        "LOG_SPOOL": str(state / f"{slot}.spool"),
    }


def commands() -> dict[str, str]:
    """Return the commands of the Procfile in the current folder, the version's."""
    return commands_of(Path())


def as_slots(command: str, slot: str) -> str:
    """Return the command for a slot.

    Its workers get node names of their own, so each can be pinged.
    """
    return command.replace("@%h", f"-{slot}@%h")


def life_file(state: Path, slot: str, name: str) -> Path:
    """Return the file that the slot's worker of this name touches once it listens."""
    return state / f"{slot}-{name}.life"


def clear_after(state: Path, slot: str, name: str, socket: Path) -> None:
    """Remove leftovers of the previous process: its sign of life, and the socket of a killed web
    process, on which nothing listens and which would keep a new one from binding.
    """
    life_file(state, slot, name).unlink(missing_ok=True)
    if name == "web":
        socket.unlink(missing_ok=True)


def own(state: Path, slot: str, name: str) -> dict[str, str]:
    """Return the variables of one process of a slot: its sign of life, and its own port for metrics
    if workers serve them.
    """
    given = {"WORKER_SIGN_OF_LIFE": str(life_file(state, slot, name))}
    first = int(os.environ.get("METRICS_PORT") or 0)
    if first:
        offset = PROCESSES.index(name) + (10 if slot == "green" else 0)
        given["METRICS_PORT"] = str(first + offset)
    return given


def become(name: str, slot: Slot | None) -> None:
    """Replace this process by the named one. Raises SystemExit where that is impossible."""
    folder = Path.cwd().resolve()
    os.environ["PROCESS"] = ",".join(served_by(name))
    try:
        chosen = settings()
    except SettingsInvalid as refused:
        sys.exit(f"maitred: {refused.message}")
    if (command := commands().get(name)) is None:
        sys.stderr.write(f"maitred: {folder}/Procfile has no process {name}\n")
        sys.exit(NO_SUCH_LINE)
    env = environment(folder) | {"RELEASE_NAME": folder.name}
    if slot is not None:
        place = Place(chosen.release_folder.absolute(), chosen.release_sockets.absolute())
        clear_after(place.state, slot, name, place.socket(slot))
        env |= shared(place, slot, folder) | own(place.state, slot, name)
        command = as_slots(command, slot)
    env = given_to(served_by(name), env)
    # a Procfile line is shell; `exec` replaces the shell by the process
    os.execve("/bin/sh", ["sh", "-c", f"exec {command}"], env)  # noqa: S606  # nosec B606


if __name__ == "__main__":
    _slot: dict[str, Slot] = {"blue": "blue", "green": "green"}
    become(sys.argv[1], _slot[sys.argv[2]] if sys.argv[2:] else None)
