"""One service of the compose file, run by runc with the file's own settings.

The root file system is an overlay of this machine's: its programs stand for the image's. `Image`
lists what the image adds (a user, folders, an environment). Limits of memory and CPU and the
seccomp profile are not rehearsed.
"""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.rehearsal.containers.network import RESOLVER, Network, run
from tests.services.running.process import NotReady, wait_until

CAPABILITIES = (
    "CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID",
    "SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE",
)  # fmt: skip
_SETS = ("bounding", "effective", "inheritable", "permitted")


@dataclass(frozen=True, slots=True)
class Image:
    """An image's additions to this machine's programs."""

    uid: int = 0
    env: dict[str, str] = field(default_factory=dict)
    entrypoint: tuple[str, ...] = ()
    command: tuple[str, ...] = ()
    cwd: str = "/"
    #: the image's own check, for services without one
    healthcheck: tuple[str, ...] = ()
    #: folder -> its owner and mode
    folders: dict[str, tuple[int, int]] = field(default_factory=dict)
    #: the image's own links: path -> target
    links: dict[str, str] = field(default_factory=dict)
    #: replacements for files of the image: path -> path of this machine
    files: dict[str, str] = field(default_factory=dict)
    #: folders of this machine's programs that it runs, also where a tmpfs would hide them
    programs: tuple[str, ...] = ()
    #: its root folder; by default this machine's replaces it
    root: str = "/"


class Box:
    """A service of `docker compose config --format json`, its image, and its folder."""

    def __init__(
        self, name: str, service: dict[str, Any], image: Image, folder: Path, network: Network
    ) -> None:
        self.name, self._service, self._image = name, service, image
        self._folder, self._network = folder / name, network
        self._shared = folder
        self.log = folder / f"{name}.log"
        self.id = network.space(name)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Mount its root, write its bundle, and run it."""
        self._mount()
        config = self._config()
        (self._folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                ["runc", "run", "--bundle", str(self._folder), self.id],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    @property
    def exit_code(self) -> int | None:
        """The exit code; None while it runs."""
        assert self._process is not None
        return self._process.poll()

    def stop(self, seconds: int = 30) -> None:
        """SIGTERM, SIGKILL after `seconds`, then unmount its root."""
        if self._process is not None:
            for signal, patience in (("TERM", seconds), ("KILL", 10)):
                subprocess.run(["runc", "kill", self.id, signal], capture_output=True, check=False)
                try:
                    self._process.wait(patience)
                    break
                except subprocess.TimeoutExpired:
                    continue
            subprocess.run(["runc", "delete", "-f", self.id], capture_output=True, check=False)
            self._process = None
        for mounted in (self._folder / "m" / "root", self._folder / "m"):
            subprocess.run(["umount", mounted], capture_output=True, check=False)

    def await_well(self, *, seconds: float = 120) -> None:
        """Wait until its health check passes. Raises with its output when it ends before."""

        def is_well() -> bool:
            assert self.exit_code is None, f"{self.name} ended: {self.tail()}"
            return self.is_well()

        try:
            wait_until(is_well, seconds=seconds, what=f"{self.name} is well", every=0.5)
        except NotReady as silent:
            raise NotReady(f"{silent}\n{self.tail()}") from silent

    def await_end(self, *, seconds: float = 120) -> int:
        """Wait until it has ended; return its exit code."""
        wait_until(lambda: self.exit_code is not None, seconds=seconds, what=f"{self.name} ends")
        assert self.exit_code is not None
        return self.exit_code

    def is_well(self) -> bool:
        """Run its own health check within it."""
        test = self._service.get("healthcheck", {}).get("test")
        kind, *words = test or ["CMD", *self._image.healthcheck]
        # compose doubles each dollar
        words = [word.replace("$$", "$") for word in words]
        argv = ["sh", "-c", *words] if kind == "CMD-SHELL" else words
        return self.inside(*argv).returncode == 0

    def inside(self, *argv: str) -> subprocess.CompletedProcess[str]:
        """Run a command within it, as its user."""
        return subprocess.run(
            ["runc", "exec", self.id, *argv], capture_output=True, text=True, timeout=120
        )

    def tail(self) -> str:
        """The end of its output."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:])

    def _mount(self) -> None:
        place = self._folder / "m"
        place.mkdir(parents=True, exist_ok=True)
        run("mount", "-t", "tmpfs", "tmpfs", place)
        for name in ("upper", "work", "root"):
            (place / name).mkdir()
        layers = f"lowerdir={self._image.root},upperdir={place}/upper,workdir={place}/work"
        run("mount", "-t", "overlay", "overlay", "-o", layers, place / "root")
        root = place / "root"
        # an interpreter below a private home is the image's, which every user may run
        (root / "root").chmod(0o755)
        for path, (owner, mode) in self._image.folders.items():
            made = root / path.lstrip("/")
            made.mkdir(parents=True, exist_ok=True)
            os.chown(made, owner, owner)
            made.chmod(mode)
        for path, target in self._image.links.items():
            link = root / path.lstrip("/")
            link.unlink(missing_ok=True)
            link.symlink_to(target)

    def _config(self) -> dict[str, Any]:
        service, image = self._service, self._image
        entrypoint = service.get("entrypoint") or image.entrypoint
        words = [*entrypoint, *(service.get("command") or image.command)]
        words = [word.replace("$$", "$") for word in words]  # compose doubles each dollar
        env = image.env | {key: str(value) for key, value in service.get("environment", {}).items()}
        allowed = set(CAPABILITIES) if "ALL" not in service.get("cap_drop", ()) else set()
        allowed |= set(service.get("cap_add", ()))
        # a user other than root keeps no capability at the start
        held = sorted(f"CAP_{one}" for one in allowed) if image.uid == 0 else []
        return {
            "ociVersion": "1.0.2",
            "process": {
                "terminal": False,
                "user": {"uid": image.uid, "gid": image.uid},
                "args": words,
                "env": [f"{key}={value}" for key, value in env.items()],
                "cwd": image.cwd,
                "capabilities": dict.fromkeys(_SETS, held),
                "noNewPrivileges": "no-new-privileges:true" in service.get("security_opt", ()),
            },
            "root": {"path": "m/root", "readonly": bool(service.get("read_only"))},
            "hostname": self.name,
            "mounts": [*_of_the_engine(), *self._names(), *self._tmpfs(), *self._given()],
            "linux": {
                "namespaces": [
                    *({"type": kind} for kind in ("pid", "ipc", "uts", "mount")),
                    {"type": "network", "path": self._network.path(self.name)},
                ],
            },
        }

    def _names(self) -> list[dict[str, Any]]:
        known = self._folder / "resolv.conf"
        known.write_text(f"nameserver {RESOLVER}\n", encoding="utf-8")
        hosts = self._folder / "hosts"
        hosts.write_text(f"127.0.0.1 localhost {self.name}\n", encoding="utf-8")
        return [_bind(known, "/etc/resolv.conf"), _bind(hosts, "/etc/hosts")]

    def _tmpfs(self) -> list[dict[str, Any]]:
        found = []
        for said in self._service.get("tmpfs", ()):
            path, _, options = said.partition(":")
            more = [each for each in options.split(",") if each]
            found.append(
                {
                    "destination": path,
                    "type": "tmpfs",
                    "source": "tmpfs",
                    "options": ["nosuid", "nodev", *more],
                }
            )
        return found

    def _given(self) -> list[dict[str, Any]]:
        """Mounts of programs, volumes, secrets and replaced files."""
        found = [_bind(Path(folder), folder, True) for folder in sorted(self._image.programs)]
        found += [_bind(Path(here), path) for path, here in self._image.files.items()]
        for volume in self._service.get("volumes", ()):
            if volume["type"] == "volume":
                source = self._volume(volume["source"], volume["target"])
            else:
                source = Path(volume["source"])
            found.append(_bind(source, volume["target"], bool(volume.get("read_only"))))
        for secret in self._service.get("secrets", ()):
            target = secret.get("target") or f"/run/secrets/{secret['source']}"
            found.append(_bind(self._shared / "secrets" / secret["source"], target, True))
        return found

    def _volume(self, name: str, target: str) -> Path:
        """A named volume: created once, with the owner and mode of the image's folder there."""
        made = self._shared / "volumes" / name
        if not made.exists():
            made.mkdir(parents=True)
            owner, mode = self._image.folders.get(target, (0, 0o755))
            os.chown(made, owner, owner)
            made.chmod(mode)
        return made


def _bind(source: Path, target: str, read_only: bool = False) -> dict[str, Any]:
    options = ["rbind", "ro" if read_only else "rw"]
    return {"destination": target, "type": "bind", "source": str(source), "options": options}


def _of_the_engine() -> list[dict[str, Any]]:
    """The mounts of every container."""
    own = ["nosuid", "noexec", "nodev"]
    tmpfs = {"type": "tmpfs", "source": "tmpfs"}
    return [
        {"destination": "/proc", "type": "proc", "source": "proc"},
        tmpfs | {"destination": "/dev", "options": ["nosuid", "strictatime", "mode=755"]},
        {
            "destination": "/dev/pts",
            "type": "devpts",
            "source": "devpts",
            "options": [*own[:2], "newinstance", "ptmxmode=0666", "mode=0620"],
        },
        tmpfs | {"destination": "/dev/shm", "options": [*own, "mode=1777"]},
        {"destination": "/sys", "type": "sysfs", "source": "sysfs", "options": [*own, "ro"]},
    ]
