"""Runs the database's own programs; reports a failure in one line."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, cast

from tasks.backups.faults import BackupFailed

#: Folders besides PATH: Debian installs servers there.
_PLACES: Final = ("/usr/sbin", "/usr/local/sbin", "/usr/libexec", "/usr/local/libexec")
_MAX_CHARACTERS: Final = 300


def find_tool(*names: str) -> str:
    """Return the path of the first of these programs found. Raises BackupFailed without any."""
    path = os.pathsep.join((os.environ.get("PATH", os.defpath), *_PLACES))
    for name in names:
        if found := shutil.which(name, path=path):
            return found
    raise BackupFailed(f"{names[0]} is not installed here")


@contextmanager
def output_of(argv: Sequence[str]) -> Iterator[BinaryIO]:
    """Yield the output of a program. Raises BackupFailed at the end if it failed."""
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors
        ) as child,
    ):
        try:
            if child.stdout is None:
                raise AssertionError("the process was started without a pipe")
            with child.stdout as stream:
                yield _as_binary(stream)
            code = child.wait()
        finally:
            child.kill()
        if code:
            raise BackupFailed(f"{Path(argv[0]).name} failed ({code}): {last_words(errors)}")


def feed(argv: Sequence[str], blocks: Iterable[bytes], *, quiet: bool = False) -> None:
    """Run a program with these blocks as input. Raises BackupFailed, and the errors of `blocks`.

    `quiet`: its output is left out of the error, since it may repeat the input.
    """
    with (
        tempfile.TemporaryFile() as errors,
        subprocess.Popen(
            argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors
        ) as child,
    ):
        try:
            if child.stdin is None:
                raise AssertionError("the process was started without a pipe")
            try:
                for block in blocks:
                    child.stdin.write(block)
                child.stdin.close()
            except BrokenPipeError:
                pass  # the program ended early; its exit code tells the reason
            code = child.wait()
        finally:
            child.kill()
        if code:
            words = "" if quiet else f": {last_words(errors)}"
            raise BackupFailed(f"{Path(argv[0]).name} failed ({code}){words}")


def run_tool(argv: Sequence[str]) -> None:
    """Run a program to its end. Raises BackupFailed with the end of its error output."""
    feed(argv, ())


def _as_binary(stream: object) -> BinaryIO:
    return cast("BinaryIO", stream)


def last_words(errors: BinaryIO) -> str:
    """Return the end of a program's error output, on one line."""
    errors.seek(0)
    lines = errors.read().decode("utf-8", "replace").strip().splitlines()
    return " | ".join(line.strip() for line in lines[-3:])[-_MAX_CHARACTERS:]
