"""An empty Debian machine: a root folder made by debootstrap, with its own systemd.

Everything on it is installed by its commands. It has its own namespaces for processes, mounts,
names, cgroups and the network: its servers are unreachable from outside, and it reaches the network
only by `outside`, which is for downloads.
"""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Final

import psutil

from tests.services.running.process import wait_until

SUITE: Final = "bookworm"
_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: The machine's first process, in the new namespaces; $0 is its root, $1 is readable there too.
_BOOT: Final = r"""
set -e
root=$0
mount --make-rprivate /
mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
if [ -d /sys/fs/cgroup/systemd ]; then
    mount -t tmpfs tmpfs "$root/sys/fs/cgroup"
    mkdir "$root/sys/fs/cgroup/systemd"
    mount -t cgroup -o none,name=systemd,xattr cgroup "$root/sys/fs/cgroup/systemd"
else
    mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
fi
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for name in null zero full random urandom tty; do
    touch "$root/dev/$name"
    mount --bind "/dev/$name" "$root/dev/$name"
done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=620 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs tmpfs "$root/dev/shm"
for given in $1; do
    mkdir -p "$root$given"
    mount --rbind "$given" "$root$given"
done
ip link set lo up
cd "$root"
mkdir -p .old
pivot_root . .old
umount -l /.old
cd /
# systemd shows each unit its own credentials by a mount
mount --make-rshared /
exec env -i container=runc PATH=/usr/sbin:/usr/bin:/sbin:/bin /sbin/init
"""


def debian(folder: Path) -> Path:
    """Download an empty Debian machine; return its root folder."""
    root = folder / "root"
    words = ["--variant=minbase", "--include=systemd-sysv,dbus,ca-certificates", SUITE, str(root)]
    with (folder / "debootstrap.log").open("wb") as log:
        subprocess.run(["debootstrap", *words], stdout=log, stderr=log, check=True, timeout=900)
    (root / "etc" / "machine-id").write_text("", encoding="ascii")
    shutil.copy("/etc/resolv.conf", root / "etc" / "resolv.conf")
    return root


class Machine:
    """A machine of this root. `named` are further names of its own address."""

    def __init__(self, root: Path, *, named: tuple[str, ...] = ()) -> None:
        self.root = root
        hosts = f"127.0.0.1 localhost {' '.join(named)}\n"
        (root / "etc" / "hosts").write_text(hosts, encoding="ascii")
        (root / "etc" / "hostname").write_text("machine\n", encoding="ascii")
        self._given = as_pip_here(root)
        self._cgroup = _own_cgroup(f"machine-{os.getpid()}")
        self._shell: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Boot it, and wait until all of its units have been started."""
        namespaces = ["--mount", "--pid", "--fork", "--uts", "--ipc", "--cgroup", "--net"]
        boot = ["unshare", *namespaces, "sh", "-c", _BOOT, str(self.root), " ".join(self._given)]
        join = 'echo $$ >"$0/cgroup.procs"; exec "$@"'
        with (self.root.parent / "machine.log").open("ab") as log:
            self._shell = subprocess.Popen(
                ["sh", "-c", join, str(self._cgroup), *boot],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(self._is_up, seconds=120, what="the machine is up", every=0.5)

    def stop(self) -> None:
        """Shut it down cleanly, as for a restart."""
        if self._shell is None:
            return
        if (first := self._first()) is not None:
            first.send_signal(signal.SIGRTMIN + 4)  # systemd's signal to power off
        try:
            self._shell.wait(90)
        except subprocess.TimeoutExpired:
            self.cut()
        self._shell = None

    def cut(self) -> None:
        """Kill it, as a power failure does."""
        if (first := self._first()) is not None:
            first.kill()
        if self._shell is not None:
            self._shell.wait(30)
            self._shell = None

    def leave(self) -> None:
        """Remove everything of it."""
        self.cut()
        for folder, _, _ in os.walk(self._cgroup, topdown=False):
            Path(folder).rmdir()

    def run(
        self, command: str, *, outside: bool = False, seconds: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run a root shell's command there; `outside`: with this process's network."""
        first = self._first()
        assert first is not None, "the machine is off"
        spaces = ["-m", "-p", "-u", "-i", "-C", *([] if outside else ["-n"])]
        env = ["env", "-i", f"PATH={_PATH}", "HOME=/root", "LANG=C.UTF-8"]
        argv = ["nsenter", "-t", str(first.pid), *spaces, "-w", *env, "sh", "-c", f"cd\n{command}"]
        return subprocess.run(
            argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds
        )

    def must(self, command: str, *, outside: bool = False, seconds: float = 300) -> str:
        """The same, but it must succeed; return the output."""
        done = self.run(command, outside=outside, seconds=seconds)
        assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def _is_up(self) -> bool:
        assert self._shell is not None and self._shell.poll() is None, "the machine ended"
        first = self._first()
        if first is None or "init" not in " ".join(first.cmdline()):
            return False
        said = self.run("systemctl is-system-running").stdout
        return "running" in said or "degraded" in said

    def _first(self) -> psutil.Process | None:
        """The pid of its first process, outside."""
        if self._shell is None or self._shell.poll() is not None:
            return None
        return next(iter(psutil.Process(self._shell.pid).children()), None)


def _own_cgroup(name: str) -> Path:
    base = Path("/sys/fs/cgroup")
    made = (base / "systemd" if (base / "systemd").is_dir() else base) / name
    made.mkdir(exist_ok=True)
    return made


def as_pip_here(root: Path) -> list[str]:
    """Give its pip this machine's index and certificates; return the folders that this needs."""
    said = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    pairs = [line.partition("=") for line in said.splitlines() if "=" in line]
    chosen = {key.rpartition(".")[2]: value.strip("'") for key, _, value in pairs}
    text = "".join(f"{key} = {value}\n" for key, value in chosen.items())
    (root / "etc" / "pip.conf").write_text(f"[global]\n{text}", encoding="utf-8")
    own = Path("/usr/local/share/ca-certificates")
    if own.is_dir():
        shutil.copytree(own, root / own.relative_to("/"), dirs_exist_ok=True)
    words = " ".join(chosen.values()).replace("file://", "").split()
    for path in filter(Path.is_file, map(Path, words)):
        (root / path.relative_to("/")).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, root / path.relative_to("/"))
    folders = [word for word in words if word.startswith("/") and Path(word).is_dir()]
    # a folder's index names files beside it
    return sorted({str(Path(*Path(word).parts[:3])) for word in folders})
