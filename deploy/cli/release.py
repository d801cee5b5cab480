"""`maitred release start | list | rollback | start-live`: versions, here or on Kubernetes."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from deploy.cli.errors import PlainGroup, Refused
from deploy.embedded.folder import join
from deploy.release.cluster import list_there, release_there, rollback_there
from deploy.release.conduct import STRATEGIES, here
from deploy.release.conduct import release as start_release
from deploy.release.conduct import rollback as roll_back
from deploy.release.conduct import start_live as start_live_version
from deploy.release.errors import ReleaseFailed
from deploy.release.journal import Release

_THERE = click.option(
    "--kubernetes",
    metavar="ENVIRONMENT",
    help="in this environment (staging, production), with deploy/k8s",
)


@click.group(cls=PlainGroup)
def release() -> None:
    """Releases of versions, on this machine or on Kubernetes."""


@release.command()
@click.argument("version")
@click.option(
    "--strategy",
    type=click.Choice(STRATEGIES),
    help="default: blue-green; on Kubernetes: rolling (the others need Argo Rollouts)",
)
@_THERE
def start(version: str, strategy: str | None, kubernetes: str | None) -> None:
    """Deploy VERSION without interrupting requests; roll back automatically on failure.

    VERSION is a folder on this machine, or an image on Kubernetes. An interrupted release resumes
    when the command is run again.
    """
    if kubernetes:
        release_there(kubernetes, version, strategy or "rolling")
        return
    if not Path(version).is_dir():
        raise click.BadParameter(f"{version} is not a folder", param_hint="VERSION")
    join()
    _tell(start_release(Path(version), strategy or "blue-green", click.echo), wanted="done")


@release.command()
@_THERE
def rollback(kubernetes: str | None) -> None:
    """Roll back the release under way, or redeploy the previous version. The schema stays."""
    if kubernetes:
        rollback_there(kubernetes)
        return
    join()
    done = roll_back(click.echo)
    _tell(done, wanted="done" if done.strategy == "rollback" else "rolled back")


@release.command("list")
@_THERE
def list_releases(kubernetes: str | None) -> None:
    """List this machine's releases with their outcomes, newest last, and mark the live one."""
    if kubernetes:
        list_there(kubernetes)
        return
    join()
    _show()


@release.command("start-live")
def start_live() -> None:
    """Start this machine's live version if it does not run, as after a reboot; then list all."""
    join()
    try:
        if not start_live_version(click.echo):
            raise Refused("there is no live version: `maitred release start FOLDER` deploys one")
    except ReleaseFailed as problem:
        raise Refused(str(problem)) from problem
    _show()


def _show() -> None:
    _place, journal = here()
    live = journal.live()
    table = Table("", "when (UTC)", "version", "how", "slot", "seconds", "outcome", box=None)
    for one in journal.all():
        mark = "live" if live and one.number == live.number else str(one.number)
        began = datetime.fromtimestamp(one.began, UTC).strftime("%Y-%m-%d %H:%M:%S")
        took = f"{one.ended - one.began:.0f}" if one.ended else ""
        said = ": ".join(word for word in (one.outcome or "interrupted", one.why) if word)
        table.add_row(mark, began, one.folder, one.strategy, one.slot, took, said)
    Console(width=160, soft_wrap=True).print(table)


def _tell(done: Release, *, wanted: str) -> None:
    seconds = done.ended - done.began
    click.echo(f"release {done.number}: {done.outcome} after {seconds:.0f} s")
    if done.outcome != wanted:
        raise Refused(done.why)
    if done.why and done.outcome == "done":
        click.echo(f"warning: {done.why}", err=True)
