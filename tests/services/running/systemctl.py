"""A fake systemctl for machines without systemd, which starts units as their files define.

`python systemctl.py start maitred@blue.target`, with MACHINE naming a folder that represents the
machine's root. It honours what a process can observe without root: a unit's environment,
credentials, folder, command, Restart= and TimeoutStopSec=. Nothing of the caller's own environment
reaches a unit.
"""

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

MACHINE: Final = Path(os.environ.get("MACHINE", "/nonexistent"))
RUN: Final = MACHINE / "run-systemd"


class Unit:
    """A unit by name, as installed on the machine."""

    def __init__(self, name: str) -> None:
        self.name = name
        before, _, after = name.partition("@")
        slot, _, kind = after.rpartition(".")
        file = f"{before}@.{kind}" if after else name
        text = (MACHINE / "etc/systemd/system" / file).read_text(encoding="utf-8")
        self._credentials = RUN / "credentials" / name
        self._text = text.replace("%i", slot).replace("%d", str(self._credentials))

    def values(self, key: str) -> list[str]:
        """Every value of this key, in order."""
        return re.findall(rf"^{key}=(.*)$", self._text, re.MULTILINE)

    @property
    def pid_file(self) -> Path:
        """The file with the pid of the unit's supervisor, while started."""
        return RUN / f"{self.name}.pid"

    @property
    def restarts(self) -> Path:
        """The number of restarts."""
        return RUN / f"{self.name}.restarts"

    def environment(self) -> dict[str, str]:
        """The environment of its process: systemd's own variables and the unit's."""
        env = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}
        env |= {"CREDENTIALS_DIRECTORY": str(self._credentials)}
        for line in self.values("Environment"):
            env |= dict(word.split("=", 1) for word in line.split())
        for name in self.values("EnvironmentFile"):
            lines = re.findall(r"^(\w+)=(.*)$", _there(name).read_text("utf-8"), re.MULTILINE)
            env |= {key: value.strip('"') for key, value in lines}
        return env

    def load_credentials(self) -> None:
        """Copy its credentials. Raises FileNotFoundError, as systemd refuses."""
        shutil.rmtree(self._credentials, ignore_errors=True)
        self._credentials.mkdir(parents=True)
        for line in self.values("LoadCredential"):
            name, _, source = line.partition(":")
            shutil.copy(_there(source), self._credentials / name)

    def look_after(self) -> None:
        """Supervise it until SIGTERM; restart it when it ends."""
        ends: list[int] = []
        signal.signal(signal.SIGTERM, lambda *_: ends.append(1))
        while not ends:
            self.load_credentials()
            child = self._begin()
            while child.poll() is None and not ends:
                time.sleep(0.05)
            if not ends:
                self.restarts.write_text(str(_number(self.restarts) + 1))
                time.sleep(0.5)
        child.terminate()
        try:
            child.wait(float(self.values("TimeoutStopSec")[0]))
        except subprocess.TimeoutExpired:
            child.kill()
        self.pid_file.unlink()

    def _begin(self) -> subprocess.Popen[bytes]:
        command = [str(_there(word)) for word in self.values("ExecStart")[0].split()]
        (folder,) = self.values("WorkingDirectory")
        with (RUN / f"{self.name}.log").open("ab") as log:
            return subprocess.Popen(
                command, cwd=_there(folder), env=self.environment(), stdout=log, stderr=log
            )


def _there(path: str) -> Path:
    """A path of the machine, mapped below its folder; other words are unchanged."""
    ours = path.startswith(("/etc/maitred", "/var/lib/maitred", "/run/maitred"))
    return MACHINE / path[1:] if ours else Path(path)


def _number(path: Path) -> int:
    return int(path.read_text()) if path.exists() else 0


def start(name: str) -> None:
    """Start a target's units, or one unit."""
    if name.endswith(".target"):
        (RUN / name).touch()
        for wanted in " ".join(Unit(name).values("Wants")).split():
            start(wanted)
        return
    unit = Unit(name)
    unit.restarts.unlink(missing_ok=True)
    keeper = subprocess.Popen(
        [sys.executable, __file__, "look-after", name],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    unit.pid_file.write_text(str(keeper.pid))


def stop(names: list[str]) -> None:
    """Stop all of these and wait; each process stops before those that it was started after."""
    for name in [name for name in names if name.endswith(".target")]:
        (RUN / name).unlink(missing_ok=True)
    units = [Unit(name) for name in names if not name.endswith(".target")]
    web = [unit for unit in units if not any("maitred-web" in v for v in unit.values("After"))]
    for some in ([unit for unit in units if unit not in web], web):
        running = [unit for unit in some if unit.pid_file.exists()]
        for unit in running:
            os.kill(int(unit.pid_file.read_text()), signal.SIGTERM)
        while any(unit.pid_file.exists() for unit in running):
            time.sleep(0.05)


def main(words: list[str]) -> int:
    """Handle the commands that `maitred release` gives to systemctl; refuse any other."""
    RUN.mkdir(exist_ok=True)
    verb, *names = [word for word in words if not word.startswith("--")]
    if verb == "is-active":
        return 0 if (RUN / names[0]).exists() else 3
    if verb == "show":
        for name in names:
            sys.stdout.write(f"NRestarts={_number(Unit(name).restarts)}\n\n")
    elif verb == "start":
        start(names[0])
    elif verb == "stop":
        stop(names)
    elif verb == "look-after":
        Unit(names[0]).look_after()
    elif verb != "try-restart":  # for Flower, which no test here runs
        raise SystemExit(f"no such verb: {verb}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
