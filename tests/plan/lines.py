"""The lines of the deployment plan and the targets they apply to: a closed table."""

from dataclasses import dataclass
from typing import Final

#: How a line was verified on a target, strongest first.
HOW: Final = {
    "seen": "it ran for real in a test",
    "rehearsed": "the target's own files were run without the engine that reads them there",
    "rendered": "the target's own files were generated and checked, but nothing ran",
    "read": "it is documented, but no test ran it",
}
#: The text of a cell without a test.
NOT_THERE: Final = "not available"
NOT_ASKED: Final = "-"
NO_PROOF: Final = "not verified yet"

MACHINES: Final = {
    "hosts": "hosts with nginx, MariaDB or MySQL, Redis",
    "compose": "Docker Compose on one machine",
    "kubernetes": "any Kubernetes cluster",
    "aws": "AWS",
    "azure": "Azure",
    "google-cloud": "Google Cloud",
    "embedded": "the Procfile: `make up`, SQLite",
}
PIPELINES: Final = {"github": "GitHub Actions", "gitlab": "GitLab CI", "jenkins": "Jenkins"}
TARGETS: Final = MACHINES | PIPELINES


@dataclass(frozen=True, slots=True)
class Line:
    """One promise of the plan, and the targets it applies to."""

    says: str
    targets: tuple[str, ...] = tuple(MACHINES)


def _pipeline(says: str) -> Line:
    return Line(says, tuple(PIPELINES))


LINES: Final = {
    "development": Line("an environment for development"),
    "staging": Line("an environment for staging"),
    "production": Line("an environment for production"),
    "first-start": Line("starts as documented, and takes a reservation"),
    "secrets": Line("each process has its own secrets and no more"),
    "tls": Line("TLS 1.2 or later, with a certificate that is checked"),
    "certificates": Line("certificates are renewed before they expire"),
    "rolling": Line("a rolling release"),
    "canary": Line("a canary release, judged by the answers that guests get"),
    "blue-green": Line("a blue-green release"),
    "upgrade": Line("0 failed requests during a release"),
    "rollback": Line("rollback to the previous version, by command or automatic"),
    "backup-before-release": Line("a backup before a release"),
    "backup-full": Line("scheduled full backups"),
    "backup-log": Line("incremental backups, or the database's log is stored"),
    "backup-verified": Line("stored backups are verified, and damage is reported"),
    "backup-drilled": Line("scheduled restore and check of the newest backup"),
    "backup-restored": Line("restored by the documented commands"),
    "recovery-point": Line("recovery point under 5 minutes"),
    "recovery-time": Line("recovery time under 15 minutes"),
    "failover": Line("another database server takes over"),
    "second-region": Line("a second region takes over"),
    "logs": Line("logs are stored for 90 days"),
    "metrics": Line("metrics and dashboards"),
    "alerts": Line("immediate alerts that reach somebody"),
    "health": Line("readiness and liveness checks that report the true state"),
    "database-away": Line("recovery after the database is unavailable for 5 minutes"),
    "pipeline-tests": _pipeline("runs the tests before anything else"),
    "pipeline-scan": _pipeline("scans what it ships"),
    "pipeline-build": _pipeline("builds one image for all environments"),
    "pipeline-deploy": _pipeline("deploys, and rolls back when the smoke test fails"),
}

#: A cloud is managed Kubernetes: what works on a cluster works there.
CLOUDS: Final = ("aws", "azure", "google-cloud")
OF_THE_CLUSTER: Final = frozenset(LINES) - {"second-region", "failover", "logs"}

_ONE_MACHINE: Final = "one person's machine, without other callers; it is stopped and started"
#: Cells without a test: (line, target) -> (`read`, NOT_THERE or NOT_ASKED; where, or why).
DECLARED: Final[dict[tuple[str, str], tuple[str, str]]] = {
    (line, "embedded"): (NOT_ASKED, _ONE_MACHINE)
    for line in (
        "staging", "production", "secrets", "tls", "certificates", "rolling", "canary",
        "blue-green", "upgrade", "rollback", "backup-before-release", "failover",
    )
} | {
    ("second-region", cloud): ("read", f"docs/deploy/{cloud}.md, A second region")
    for cloud in CLOUDS
} | {
    ("failover", cloud): ("read", f"docs/deploy/{cloud}.md; the provider promotes its replica")
    for cloud in CLOUDS
} | {
    (line, "compose"): (NOT_THERE, "all callers move to the new version at the same time")
    for line in ("rolling", "canary")
} | {
    (line, "compose"): (NOT_ASKED, "one machine: it is restored elsewhere from its backups")
    for line in ("failover", "second-region")
} | {
    (line, "kubernetes"): ("read", where)
    for line, where in {
        "backup-restored": "docs/recovery.md, from the image",
        "recovery-time": "docs/recovery.md; measured on hosts",
        "failover": "docs/failover.md: the database is outside the cluster",
    }.items()
} | {
    ("staging", target): ("read", "a second installation with its own settings")
    for target in ("hosts", "compose")
} | {
    ("development", "hosts"): (NOT_ASKED, "development uses the Procfile"),
    ("second-region", "embedded"): (NOT_ASKED, "one file on one machine"),
    ("database-away", "embedded"): (NOT_ASKED, "the database is a file beside the processes"),
    ("alerts", "embedded"): (NOT_THERE, "no notification; /status/operators shows what is overdue"),
    ("logs", "embedded"): (NOT_THERE, "20 MB of each process, and the 20 MB before (docs/logs.md)"),
}  # fmt: skip


def check(line: str, target: str, how: str) -> None:
    """Raise ValueError unless the plan has that line for that target and knows the word `how`."""
    if line not in LINES:
        raise ValueError(f"the plan has no line {line!r}: {', '.join(LINES)}")
    if target not in LINES[line].targets:
        raise ValueError(f"{line!r} does not apply to {target!r}: {', '.join(LINES[line].targets)}")
    if how not in HOW:
        raise ValueError(f"unknown way of verifying {how!r}: {', '.join(HOW)}")
