"""Release commands for Kubernetes, which run the scripts of deploy/k8s."""

import subprocess
from pathlib import Path
from typing import Final

from deploy.cli.errors import Refused

_SCRIPTS: Final = Path(__file__).parents[1] / "k8s"
_COLUMNS: Final = ",".join(
    (
        "WHEN:.metadata.creationTimestamp",
        "VERSION:.spec.template.spec.containers[0].image",
        "BY:.metadata.ownerReferences[0].kind",
        "PODS:.status.readyReplicas",
    )
)


def release_there(environment: str, image: str, strategy: str) -> None:
    """Deploy an image to an environment. Raises Refused when it failed and was rolled back."""
    _run("sh", str(_SCRIPTS / "release.sh"), environment, image, strategy)


def rollback_there(environment: str) -> None:
    """Roll back every process of the environment to the previous version. Raises Refused."""
    _run("sh", str(_SCRIPTS / "rollback.sh"), environment)


def list_there(environment: str) -> None:
    """Print the web process's versions in the environment, the newest last. Raises Refused."""
    _run(
        "kubectl", "-n", f"maitred-{environment}", "get", "replicasets",
        "-l", "app.kubernetes.io/name=web", "--sort-by=.metadata.creationTimestamp",
        "-o", f"custom-columns={_COLUMNS}",
    )  # fmt: skip


def _run(*argv: str) -> None:
    """Run one command with its output on the terminal. Raises Refused when it fails."""
    try:
        code = subprocess.run(argv, check=False).returncode  # nosec B603 - our own scripts
    except FileNotFoundError as error:
        raise Refused(f"{argv[0]} is not installed") from error
    if code:
        raise Refused(f"{Path(argv[1]).name if argv[0] == 'sh' else argv[0]} ended with {code}")
