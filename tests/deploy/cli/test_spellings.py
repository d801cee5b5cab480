"""The grammar `maitred NOUN VERB`: help, former spellings, and what another version may call."""

import re
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from deploy.cli.main import main
from deploy.cli.spellings import FORMER, still_understood
from tests.architecture.tree import ROOT, tracked
from tests.deploy.cli.test_cli import run
from tests.services.pages import blocks
from tests.services.running import surroundings

#: The commands that belong to no noun: processes of an installation, and checks.
ALONE = {"up", "follow", "migrate", "check", "health", "demo"}


def tree(
    group: click.Group = main, *before: str
) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command below the group, with its words."""
    for name, command in group.commands.items():
        yield (*before, name), command
        if isinstance(command, click.Group):
            yield from tree(command, *before, name)


def flat(text: str) -> str:
    """The text on one line; a line may end at a hyphen."""
    return " ".join(re.sub(r"-\n\s+", "-", text).split())


def test_each_command_is_a_noun_with_verbs_or_belongs_to_no_noun() -> None:
    nouns = {name for name, command in main.commands.items() if isinstance(command, click.Group)}
    assert main.commands.keys() - nouns == ALONE
    assert {len(words) for words, _command in tree()} == {1, 2}


def test_each_command_has_one_sentence_which_its_group_shows() -> None:
    shown = {"": flat(run("--help").stdout)}
    for words, command in tree():
        *group, name = words
        sentence = command.get_short_help_str(1000)
        assert re.fullmatch(r"[A-Z][^.]+\.", sentence), (words, sentence)
        page = shown.setdefault(" ".join(group), flat(run(*group, "--help").stdout))
        assert f" {name} {sentence}" in page, words


@pytest.mark.parametrize(("former", "new"), FORMER.items())
def test_a_former_spelling_names_the_new_one_and_changes_nothing(
    former: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    values = surroundings.environment(tmp_path, database_url=f"sqlite:///{tmp_path}/here.db")
    stores = {"BACKUP_STORE": str(tmp_path / "kept"), "BACKUP_KEY": "only for tests, " * 4}
    folders = {"RELEASE_FOLDER": str(tmp_path / "r"), "RELEASE_SOCKETS": str(tmp_path / "s")}
    surroundings.settle(monkeypatch, values | stores | folders)
    before = set(tmp_path.rglob("*"))
    words = former.replace("FOLDER", str(tmp_path)).split()
    said = run(*words, ends=2)
    assert f"use `maitred {new}`" in said.stderr
    assert said.stdout == ""
    # with a value after its option, and with any of its options, too
    if words[-1].startswith("--"):
        assert f"use `maitred {new}`" in run(*words[:-1], f"{words[-1]}=one:3306", ends=2).stderr
    assert f"use `maitred {new}`" in run(*words, "--to", "there", ends=2).stderr
    assert set(tmp_path.rglob("*")) == before
    surroundings.forget_everything()
    assert tuple(new.split()[:2]) in dict(tree()), "the new one is a command"


def named(path: Path) -> Iterator[list[str]]:
    """The words after `maitred` in a file's inline code, and in the shell blocks of a page."""
    text = path.read_text(encoding="utf-8")
    found = re.findall(r"`maitred ([a-z-][^`]*)`", text)
    if path.suffix == ".md":
        for block in blocks(text):
            found += re.findall(r"(?:^|exec \S+ |-- |')maitred (.+)", block, re.MULTILINE)
    yield from (words.split() for words in found)


def test_every_command_that_a_page_or_a_message_names_exists() -> None:
    kinds = (".md", ".py", ".sh", ".yaml", ".yml", ".example", ".rules", "")
    paths = [Path(path) for path in tracked() if not path.startswith("tests/")]
    commands, count = dict(tree()), 0
    for path in (path for path in paths if path.suffix in kinds):
        if path.name in ("CHANGELOG.md", "spellings.py"):
            continue
        for noun, *more in named(ROOT / path):
            count += 1
            if not noun.startswith("-"):
                assert (noun,) in commands, (path, noun)
            if more and isinstance(commands.get((noun,)), click.Group):
                for verb in more[0].split("|"):
                    assert (noun, verb) in commands or verb == "...", (path, noun, verb)
    assert count > 100, "of these there are many"


@pytest.mark.parametrize(
    "words", ["failover promot", "release rolback", "workers lst", "backup creat"]
)
def test_a_mistyped_verb_is_no_former_spelling(words: str) -> None:
    said = run(*words.split(), ends=2).stderr
    assert "No such command" in said
    assert "new name" not in said


@pytest.mark.parametrize("noun", ["backup", "failover", "release", "workers"])
def test_a_noun_with_a_former_meaning_explains_itself(noun: str) -> None:
    assert "Commands:" in run(noun, "--help").stdout
    assert "Commands:" in run(noun, "-h").stdout


def test_calls_of_another_version_are_understood_and_nothing_else() -> None:
    assert still_understood(["backup"]) == ["backup", "create"]
    assert still_understood(["releases", "--start"]) == ["release", "start-live"]
    watched = still_understood(["failover", "--fence", "off", "--watch", "--accept-loss"])
    assert watched == ["failover", "watch", "--fence", "off", "--accept-loss"]
    for words in ("backup --full", "backup create", "releases", "failover", "failover watch"):
        assert still_understood(words.split()) is None


@pytest.mark.parametrize(
    ("file", "call"),
    [
        ("deploy/systemd/units/maitred.service", r"/maitred (releases --start)$"),
        ("deploy/upgrade.sh", r"exec -T worker-backups maitred (backup) \|\|"),
        ("deploy/k8s/release.sh", r"deployment/worker-backups -- maitred (backup) \|\|"),
        ("deploy/release/steps.py", r'"deploy\.cli", "(backup)", seconds'),
    ],
)
def test_a_file_that_calls_another_version_uses_what_that_one_understands(
    file: str, call: str
) -> None:
    """The release before knows the former spelling alone, and this one understands it."""
    text = (ROOT / file).read_text(encoding="utf-8")
    (words,) = re.findall(call, text, re.MULTILINE)
    assert still_understood(words.split())
