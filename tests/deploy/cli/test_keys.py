"""`maitred keys`: rotation during operation, and retirement of unused keys."""

import shutil
from pathlib import Path

import pyotp
import pytest
from click.testing import CliRunner, Result
from sqlalchemy import Engine, delete, func, select
from sqlalchemy.orm import Session

from deploy.cli.main import main
from deploy.database import migrate
from models.core import clock
from models.core.database.transactions import transaction
from models.core.errors import SettingsInvalid
from models.core.secrets import encryption
from models.entities.reservations import Reservation
from models.operations.accounts import second_factors
from models.operations.accounts.accounts import create_account
from tests.operations.evenings import a_stand
from tests.services.running.surroundings import KEYSET, settle


@pytest.fixture
def keyset(service_env: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A keyset file that the test may change."""
    path = tmp_path / "keyset.json"
    shutil.copyfile(KEYSET, path)
    settle(monkeypatch, service_env | {"KEYSET_FILE": str(path)})
    return path


def run(*args: str, ends: int = 0) -> Result:
    result = CliRunner().invoke(main, ["keys", *args])
    assert result.exit_code == ends, result.output
    return result


@pytest.mark.both
def test_a_rotation_seals_every_guest_again(keyset: Path, db: Engine) -> None:
    stand = a_stand(db)
    numbers = [stand.request(note="nuts") for _ in range(7)]
    old = encryption.keyring().primary
    assert "7 guests re-encrypted" in run("rotate").output
    new = encryption.keyring(now=True).primary
    listed = run("list").output
    assert f"{new:08x}  7" in listed
    assert f"{old:08x}  0" in listed
    refused = run("retire", ends=2)
    assert f"{old:08x}" in refused.output
    assert old in encryption.keyring(now=True).ids
    run("retire", "--yes")
    assert encryption.keyring(now=True).ids == (new,)
    assert [stand.row(number).guest.note for number in numbers] == ["nuts"] * 7


@pytest.mark.both
def test_second_factors_are_sealed_again_too(keyset: Path, db: Engine) -> None:
    with transaction() as session:
        number = create_account(
            session, "host@example.com", name="", password_hash="-", now=clock.now()
        )
        secret = second_factors.begin(session, number, now=clock.now())
    old = encryption.keyring().primary
    encryption.add_key()
    assert f"{old:08x} stays: 1 values are encrypted with it" in run("retire", "--yes").output
    assert "0 guests and 1 second factors re-encrypted" in run("reseal").output
    run("retire", "--yes")
    assert old not in encryption.keyring(now=True).ids
    code = pyotp.TOTP(secret).at(clock.now())
    with transaction() as session:
        assert second_factors.confirm(session, number, code, now=clock.now())


def test_a_key_in_use_is_never_forgotten(keyset: Path, db: Engine) -> None:
    stand = a_stand(db)
    number = stand.request()
    old = encryption.keyring().primary
    encryption.add_key()
    assert f"{old:08x} stays: 1 values are encrypted with it" in run("retire", "--yes").output
    assert stand.row(number).guest.name
    assert "1 guests re-encrypted" in run("reseal").output
    assert "0 guests re-encrypted" in run("reseal").output


def test_a_lost_keyset_is_not_made_anew_over_sealed_guests(keyset: Path, db: Engine) -> None:
    a_stand(db).request()
    keyset.unlink()
    with pytest.raises(SettingsInvalid, match="is missing; it is needed to decrypt the guests"):
        migrate()
    assert not keyset.exists()
    with transaction() as session:
        session.execute(delete(Reservation))
    with Session(db) as session:
        assert session.scalar(select(func.count()).select_from(Reservation)) == 0
