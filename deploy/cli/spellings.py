"""Former spellings of commands, from before `maitred NOUN VERB`, and what each is called now.

A former spelling is refused with its new one, before anything is done. A few still work, because a
file of another version calls them.
"""

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Final

import click

from deploy.cli.errors import PlainGroup

_HELP: Final = frozenset({"-h", "--help"})
#: Former spelling -> new one; the first that fits is named. A second word is an option or a command
#: among the arguments; FOLDER is any argument.
FORMER: Final = {
    "backups verify": "backup verify",
    "backups check-store": "backup check-store",
    "backups rewrap": "backup rewrap",
    "backups undelete": "backup undelete",
    "backups": "backup list",
    "backup --full": "backup create --full",
    "restore": "backup restore",
    "drill": "backup drill",
    "failover --check": "failover check",
    "failover --compare": "failover compare",
    "failover": "failover promote",
    "failback --rejoin-only": "failover rejoin",
    "failback": "failover return",
    "releases": "release list",
    "rollback": "release rollback",
    "release FOLDER": "release start",
    "workers": "workers list",
}


def still_understood(words: Sequence[str]) -> list[str] | None:
    """Return the new spelling of a former one that works, because another version calls it.

    For one release: afterwards its callers know, and use, the new spelling. Returns None for any
    other command.
    """
    match list(words):
        case ["backup"]:
            # A release on a machine is conducted by the live version, which calls this in the new
            # version's folder (deploy/release/steps.py). On containers the files of the new version
            # call it in the live version (deploy/upgrade.sh, deploy/k8s/release.sh)
            return ["backup", "create"]
        case ["releases", "--start"]:
            # maitred.service, installed by any version, calls the live version (deploy/systemd)
            return ["release", "start-live"]
        case ["failover", *options] if "--watch" in options:
            # an operator's own service: without its watcher the installation would not fail over
            return ["failover", "watch", *(word for word in options if word != "--watch")]
    return None


def renamed(words: Sequence[str], verbs: Collection[str]) -> str:
    """Return what these words are called now, or "" if they are no former spelling.

    `verbs`: today's commands of the first word; none if that is no noun.
    """
    first, *rest = words
    if rest and not rest[0].startswith("-") and get_close_matches(rest[0], verbs):
        return ""  # one of them, or a mistyped one
    for former, new in FORMER.items():
        noun, *more = former.split()
        if noun == first and _fits(more, rest, is_noun=bool(verbs)):
            return new
    return ""


def _fits(more: Sequence[str], rest: Sequence[str], *, is_noun: bool) -> bool:
    if not more:
        # the former command took options alone
        return not is_noun or not rest or rest[0].startswith("-")
    given = {word.partition("=")[0] if word.startswith("-") else word for word in rest}
    return bool(rest) if more[0] == "FOLDER" else more[0] in given


class MainGroup(PlainGroup):
    """The command `maitred`: refuses a former spelling, and names the new one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command. Raises click's UsageError for a former spelling."""
        if ctx.resilient_parsing:  # completion in a shell
            return super().resolve_command(ctx, args)
        words = still_understood(args) or args
        noun = self.get_command(ctx, words[0])
        verbs = noun.commands if isinstance(noun, click.Group) else {}
        asks_help = noun is not None and not _HELP.isdisjoint(words)
        if new := "" if asks_help else renamed(words, verbs):
            ctx.fail(f"this command has a new name: use `maitred {new}`")
        return super().resolve_command(ctx, words)
