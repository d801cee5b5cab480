"""The lines of the deployment plan and the targets they apply to: a closed table."""

from dataclasses import dataclass
from typing import Final

#: How a line was verified on a target, strongest first.
HOW: Final = {
    "seen": "it ran for real in a test",
    "rehearsed": "the target's own files were run without the engine that reads them there",
    "rendered": "the target's own files were made and checked, and nothing ran",
    "read": "it is written down, and nothing checked it by running it",
}
#: The text of a cell without a test.
NOT_THERE: Final = "not there"
NOT_ASKED: Final = "-"
NO_PROOF: Final = "no proof"

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
    "first-start": Line("starts as its page says, and takes a reservation"),
    "secrets": Line("each process has its own secrets and no more"),
    "tls": Line("TLS 1.2 or later, with a certificate that is checked"),
    "certificates": Line("certificates are renewed before they end"),
    "rolling": Line("a rolling release"),
    "canary": Line("a canary release, judged by what guests get"),
    "blue-green": Line("a blue-green release"),
    "upgrade": Line("0 failed requests while a release is put in place"),
    "rollback": Line("back to the version before, by command or by itself"),
    "backup-before-release": Line("a backup before a release"),
    "backup-full": Line("full backups by the clock"),
    "backup-log": Line("incremental backups, or the log followed"),
    "backup-verified": Line("what is stored is verified, and damage is named"),
    "backup-drilled": Line("the newest backup is brought back and checked by the clock"),
    "backup-restored": Line("restored by the page's commands"),
    "recovery-point": Line("recovery point under 5 minutes"),
    "recovery-time": Line("recovery time under 15 minutes"),
    "failover": Line("another database server takes over"),
    "second-region": Line("a second region takes over"),
    "logs": Line("logs are kept for 90 days"),
    "metrics": Line("metrics, and dashboards of them"),
    "alerts": Line("alerts at once, to somebody who is reached"),
    "health": Line("readiness and liveness, and none of them lies"),
    "database-away": Line("the database is away for 5 minutes, and all goes on afterwards"),
    "pipeline-tests": _pipeline("runs the tests before anything else"),
    "pipeline-scan": _pipeline("scans what it ships"),
    "pipeline-build": _pipeline("builds one image for all environments"),
    "pipeline-deploy": _pipeline("puts it in place, and back when the smoke test fails"),
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
    ("development", "hosts"): (NOT_ASKED, "the Procfile is what one develops with"),
    ("second-region", "embedded"): (NOT_ASKED, "one file on one machine"),
    ("database-away", "embedded"): (NOT_ASKED, "the database is a file beside the processes"),
    ("alerts", "embedded"): (NOT_THERE, "nobody is told; /status/operators shows what is late"),
    ("logs", "embedded"): (NOT_THERE, "20 MB of each process, and the 20 MB before (docs/logs.md)"),
}  # fmt: skip


def check(line: str, target: str, how: str) -> None:
    """Raise ValueError unless the plan has that line for that target and knows the word `how`."""
    if line not in LINES:
        raise ValueError(f"the plan has no line {line!r}: {', '.join(LINES)}")
    if target not in LINES[line].targets:
        raise ValueError(f"{line!r} is not asked of {target!r}: {', '.join(LINES[line].targets)}")
    if how not in HOW:
        raise ValueError(f"nothing is proved by {how!r}: {', '.join(HOW)}")
