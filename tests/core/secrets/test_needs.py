"""Which process requires which secrets; docs/security.md lists the same."""

import re

import pytest

from models.core.errors import SettingsInvalid
from models.core.secrets.by_process import NEEDS, REQUIRED, SECRETS, given_to, needed_by
from models.core.settings import Settings, load_settings
from tasks.queues import QUEUES
from tests.architecture.tree import ROOT

#: every secret, each with a valid value
ALL = {name: f"{name.lower()}-{'x' * 32}" for name in SECRETS} | {
    "DATABASE_URL": "sqlite:////nowhere/at/all.db",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "FAILOVER_URL": "sqlite:////nowhere/at/all.db",
}
#: settings that are no secret but make one required
ASKS = {"BACKUP_STORE": "/backups", "SMS_CHANNEL": "twilio", "TWILIO_ACCOUNT_SID": "AC1"}


def settings_of(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    """Read the settings of a process that has these variables and no other of Maitred's."""
    for name in (*Settings.model_fields, *(f"{name}_file" for name in Settings.model_fields)):
        monkeypatch.delenv(name.upper(), raising=False)
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    return load_settings()


def test_every_secret_is_a_setting_and_every_queue_a_process() -> None:
    assert {name.lower() for name in SECRETS} <= Settings.model_fields.keys()
    assert set(QUEUES) <= NEEDS.keys()
    assert needed_by("") == SECRETS
    assert needed_by("messages, maintenance") == NEEDS["messages"] | NEEDS["maintenance"]


@pytest.mark.parametrize("process", NEEDS)
def test_a_process_starts_with_its_own_secrets_alone(
    process: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = given_to([process], ALL)
    assert given.keys() == needed_by(process) | {"PROCESS"}
    read = settings_of(monkeypatch, **given, **ASKS)
    for name in SECRETS - needed_by(process) - {"SMTP_URL"}:  # it has a default, without a secret
        with pytest.raises(SettingsInvalid, match=f"{name}: the process {process} does not get"):
            read.secret(name.lower())


@pytest.mark.parametrize("process", ["", *NEEDS])
def test_a_process_does_not_start_without_what_it_needs(
    process: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    needed = needed_by(process)
    asked = needed & {*REQUIRED, "BACKUP_KEY", "TWILIO_AUTH_TOKEN"}
    for name in asked:
        given = {other: value for other, value in ALL.items() if other in needed - {name}}
        with pytest.raises(SettingsInvalid, match=name):
            settings_of(monkeypatch, PROCESS=process, **given, **ASKS)


def test_a_process_that_there_is_not_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsInvalid, match="unknown process kitchen; known processes: web"):
        settings_of(monkeypatch, **ALL, PROCESS="kitchen")


def test_files_of_secrets_go_as_the_secrets_do() -> None:
    given = given_to(["flower"], {"BACKUP_KEY_FILE": "/x", "REDIS_URL_FILE": "/y", "LANES": "4"})
    assert given == {"REDIS_URL_FILE": "/y", "LANES": "4", "PROCESS": "flower"}


def test_the_page_of_security_shows_the_table() -> None:
    page = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    (head, rows) = re.findall(
        r"^\| process \| (.*) \|\n\|[-|]+\|\n((?:\| .*\n)+)", page, re.MULTILINE
    )[0]
    names = [cell.strip(" `") for cell in head.split("|")]
    shown = {}
    for row in rows.splitlines():
        process, *cells = [cell.strip() for cell in row.strip("|").split("|")]
        shown[process] = {
            each.strip(" `")
            for name, cell in zip(names, cells, strict=True)
            if cell
            for each in name.split(", ")
        }
    assert {process: {each.strip("`") for each in found} for process, found in shown.items()} == {
        process: set(needs) for process, needs in NEEDS.items()
    }
