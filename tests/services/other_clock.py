"""Processes with a wrong clock: a preloaded library that reads the offset from a file."""

import struct
import subprocess
from pathlib import Path

from tests.services.missing import require_program

_SOURCE = """
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static volatile double *ahead;

__attribute__((constructor)) static void begin(void) {
    const char *name = getenv("OTHER_CLOCK");
    int file = name ? open(name, O_RDONLY) : -1;
    void *found = file < 0 ? MAP_FAILED : mmap(0, sizeof(double), PROT_READ, MAP_SHARED, file, 0);
    if (found != MAP_FAILED) ahead = found;
}

int clock_gettime(clockid_t clock, struct timespec *out) {
    int code = syscall(SYS_clock_gettime, clock, out);
    if (!code && ahead && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
        out->tv_sec += (long)*ahead;
    return code;
}

time_t time(time_t *out) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *out, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    out->tv_sec = now.tv_sec;
    out->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


class OtherClock:
    """`env` gives a process this clock; `set_ahead` changes it, also while the process runs."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "ahead"
        self.set_ahead(0)
        source, library = folder / "clock.c", folder / "clock.so"
        source.write_text(_SOURCE, encoding="ascii")
        compiler = require_program("gcc")
        subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, source], check=True)
        self.env = {"LD_PRELOAD": str(library), "OTHER_CLOCK": str(self._file)}

    def set_ahead(self, seconds: int) -> None:
        """Seconds ahead of the machine's clock; negative: behind."""
        with self._file.open("r+b" if self._file.exists() else "w+b") as file:
            file.write(struct.pack("d", seconds))
