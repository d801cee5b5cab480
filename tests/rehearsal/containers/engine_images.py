"""Images with this machine's programs: they have folders and users, and bind /usr."""

import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any, Final

from tests.rehearsal.containers import images
from tests.rehearsal.containers.box import Image
from tests.rehearsal.containers.engine import Engine

#: Links into /usr that every image has. Not /sbin: the engine puts its own init there.
_LINKS: Final = ("bin", "lib", "lib32", "lib64")
#: The engine writes these itself, or nobody else may read them.
_NOT_OURS: Final = ("hosts", "resolv.conf", "hostname", "mtab", "shadow", "gshadow", "ssl/private")


def mounts(code: Path) -> list[str]:
    """Mount this machine's programs and the versions in `code` into every service."""
    places = {"/usr", sys.prefix, sys.base_prefix, str(code)}
    places |= {str(found.parent)} if (found := images.mysqld()) else set()
    inside = {one for one in places if one != "/usr" and one.startswith("/usr/")}
    return [f"{place}:{place}:ro" for place in sorted(places - inside)]


def make(engine: Engine, name: str, image: Image, **env: str) -> None:
    """Import the image into the engine under that name."""
    words = {"ENTRYPOINT": image.entrypoint, "CMD": image.command}
    said = [f"ENV {key}={value}" for key, value in (image.env | env).items()]
    said += [f"{key} {json.dumps(value)}" for key, value in words.items() if value]
    said += [f"WORKDIR {image.cwd}", f"USER {image.uid}"]
    argv = ["docker", "import", *(part for one in said for part in ("--change", one)), "-", name]
    done = subprocess.run(argv, env=engine.env, input=_tar(image), capture_output=True, timeout=120)
    assert done.returncode == 0, done.stderr.decode()


def _tar(image: Image) -> bytes:
    """Its root: this machine's /etc, the image's own folders, links and files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for link in _LINKS:
            if Path(f"/{link}").is_symlink():
                tar.add(f"/{link}", link)
        tar.add("/etc", "etc", filter=_etc)
        folders = {
            "/tmp": (0, 0o1777),
            "/run": (0, 0o755),
            "/sbin": (0, 0o755),
            "/usr": (0, 0o755),
        } | image.folders  # nosec
        for path, (owner, mode) in folders.items():
            _put(tar, path, tarfile.DIRTYPE, uid=owner, gid=owner, mode=mode)
        for path, target in image.links.items():
            _put(tar, path, tarfile.SYMTYPE, linkname=target)
        for path, here in image.files.items():
            tar.add(here, path.lstrip("/"))
    return out.getvalue()


def _etc(member: tarfile.TarInfo) -> tarfile.TarInfo | None:
    return None if member.name.removeprefix("etc/").startswith(_NOT_OURS) else member


def _put(tar: tarfile.TarFile, path: str, kind: bytes, **facts: Any) -> None:
    member = tarfile.TarInfo(path.lstrip("/"))
    member.type = kind
    for name, value in facts.items():
        setattr(member, name, value)
    tar.addfile(member)
