"""The database's own programs: found, fed, read, and their failures told in one line."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from tasks.backups.faults import BackupFailed

#: Where Debian keeps servers.
_PLACES: Final = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/libexec")
_SAID: Final = 300


def find_tool(*names: str) -> str:
    """The path of the first of these programs. Raises BackupFailed when none is installed."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_PLACES))
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    raise BackupFailed(f"{names[0]} is not installed here")


@contextmanager
def output_of(argv: Sequence[str]) -> Iterator[BinaryIO]:
    """What a program writes. Raises BackupFailed at the end when it did not end well."""
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=said
        ) as child,
    ):
        try:
            if child.stdout is None:
                raise AssertionError("a pipe was asked for")
            with child.stdout as stream:
                yield _as_binary(stream)
            code = child.wait()
        finally:
            child.kill()
        if code:
            raise BackupFailed(f"{Path(argv[0]).name} failed ({code}): {last_words(said)}")


def feed(argv: Sequence[str], blocks: Iterable[bytes], *, quiet: bool = False) -> None:
    """Run a program on these blocks. Raises BackupFailed; what the blocks raise comes through.

    `quiet`: what it said stays out of the error, since it may repeat what it was fed.
    """
    with (
        tempfile.TemporaryFile() as said,
        subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=said
        ) as child,
    ):
        try:
            if child.stdin is None:
                raise AssertionError("a pipe was asked for")
            try:
                for block in blocks:
                    child.stdin.write(block)
                child.stdin.close()
            except BrokenPipeError:
                pass  # it ended before its input did; its exit code says more
            code = child.wait()
        finally:
            child.kill()
        if code:
            words = "" if quiet else f": {last_words(said)}"
            raise BackupFailed(f"{Path(argv[0]).name} failed ({code}){words}")


def run_tool(argv: Sequence[str]) -> None:
    """Run a program to its end. Raises BackupFailed with its last words."""
    feed(argv, ())


def _as_binary(stream: object) -> BinaryIO:
    return stream  # type: ignore[return-value]


def last_words(said: BinaryIO) -> str:
    """The end of what a program wrote, on one line."""
    said.seek(0)
    lines = said.read().decode("utf-8", "replace").strip().splitlines()
    return " | ".join(line.strip() for line in lines[-3:])[-_SAID:]
