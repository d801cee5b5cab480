"""A master key in a cloud KMS: used at the start, never per guest; errors name an absent one."""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine

from deploy.cli.main import main
from deploy.database import migrate
from models.core.errors import KeyServiceUnavailable, SettingsInvalid
from models.core.secrets import encryption, kms_aws
from models.core.settings import settings
from tests.architecture.tree import ROOT
from tests.services.ports import free_port
from tests.services.running.surroundings import KEYSET, settle
from tests.services.servers.key_service import ENVIRONMENT, KeyService

GCP = "gcp-kms://projects/p/locations/l/keyRings/r/cryptoKeys/k"
RestaurantSpec = Callable[..., Path]


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeyService]:
    server = KeyService(tmp_path_factory.mktemp("kms"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def restaurant(
    service: KeyService,
    service_env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> RestaurantSpec:
    """`restaurant(master)` sets that master key; returns the keyset file, absent at first."""
    path = tmp_path / "keyset.json"

    def give(master: str, *, endpoint: str = service.endpoint) -> Path:
        aws = ENVIRONMENT | {"AWS_ENDPOINT_URL": endpoint}
        values = service_env | aws | {"MASTER_KEY": master, "KEYSET_FILE": str(path)}
        settle(monkeypatch, values)
        return path

    return give


@pytest.fixture
def nowhere() -> str:
    """An endpoint without a listener."""
    return f"http://127.0.0.1:{free_port()}"


def test_a_keyset_sealed_by_the_service_opens_with_one_call_and_no_guest_costs_one(
    restaurant: RestaurantSpec, service: KeyService
) -> None:
    master = service.new_key()
    restaurant(master)
    assert encryption.ensure_keyset()
    restaurant(master)  # another process
    before = service.calls()
    sealed = [encryption.seal(b"Ada", about=str(number)) for number in range(200)]
    for number, value in enumerate(sealed):
        assert encryption.unseal(value, about=str(number)) == b"Ada"
    assert service.calls() - before == 1


def test_keys_rotate_and_a_large_keyset_still_fits(
    restaurant: RestaurantSpec, service: KeyService
) -> None:
    restaurant(service.new_key())
    encryption.ensure_keyset()
    old = encryption.seal(b"x", about="a")
    for _ in range(45):  # the service encrypts at most 4 kB
        encryption.add_key()
    assert encryption.keyring().keyset.ByteSize() > 4096
    assert encryption.unseal(old, about="a") == b"x"
    encryption.drop_keys(set(encryption.keyring().ids) - {encryption.key_of(old)})
    assert encryption.unseal(old, about="a") == b"x"


def test_another_key_opens_nothing_and_is_named(
    restaurant: RestaurantSpec, service: KeyService
) -> None:
    restaurant(service.new_key())
    encryption.ensure_keyset()
    other = service.new_key()
    restaurant(other)
    with pytest.raises(SettingsInvalid, match=f"MASTER_KEY.*{other}"):
        encryption.read_keyring()


def test_a_key_that_the_service_does_not_have_is_named(
    restaurant: RestaurantSpec, service: KeyService
) -> None:
    gone = service.new_key()[:-12] + "0" * 12
    path = restaurant(gone)
    with pytest.raises(
        KeyServiceUnavailable, match=f"MASTER_KEY: {gone} cannot be used: .*NotFound"
    ):
        encryption.ensure_keyset()
    assert not path.exists()


def test_a_file_sealed_by_a_secret_is_not_taken_for_one_of_the_service(
    restaurant: RestaurantSpec, service: KeyService
) -> None:
    path = restaurant(service.new_key())
    shutil.copyfile(KEYSET, path)
    with pytest.raises(SettingsInvalid, match="MASTER_KEY does not decrypt"):
        encryption.read_keyring()


def test_while_the_service_is_away_nothing_begins_and_nothing_is_left(
    restaurant: RestaurantSpec, service: KeyService, db: Engine, nowhere: str
) -> None:
    master = service.new_key()
    path = restaurant(master, endpoint=nowhere)
    with pytest.raises(KeyServiceUnavailable, match=f"{master} cannot be used: Could not connect"):
        migrate()
    assert not any(path.parent.glob("*keyset.json*"))


@pytest.mark.slow
@pytest.mark.parametrize(
    "argv",
    [
        ("-c", "import web.wsgi"),
        ("-m", "celery", "-A", "workers.entry:app", "worker", "--pool", "solo"),
    ],
)
def test_no_process_starts_while_the_service_is_away(
    restaurant: RestaurantSpec, service: KeyService, nowhere: str, argv: tuple[str, ...]
) -> None:
    master = service.new_key()
    restaurant(master)
    encryption.ensure_keyset()
    restaurant(master, endpoint=nowhere)
    ended = subprocess.run(
        [sys.executable, *argv], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode != 0
    assert f"maitred: MASTER_KEY: {master} cannot be used: Could not connect" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_running_process_goes_on_while_the_key_service_is_away(
    restaurant: RestaurantSpec, service: KeyService, nowhere: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    master = service.new_key()
    path = restaurant(master)
    encryption.ensure_keyset()
    old = encryption.seal(b"x", about="a")
    mine, known = encryption._held(), encryption.keyring().primary
    encryption._held.cache_clear()  # as if another process made the key
    encryption.add_key()
    restaurant(master, endpoint=nowhere)
    monkeypatch.setattr(encryption, "_held", lambda: mine)
    mine.read_at = 0.0
    assert encryption.unseal(old, about="a") == b"x"
    assert encryption.keyring().primary == known
    monkeypatch.setattr(
        encryption, "read_keyring", lambda: pytest.fail("it was asked again at once")
    )
    assert encryption.keyring(now=True).primary == known
    monkeypatch.undo()
    restaurant(master)
    mine.away_until = 0.0
    monkeypatch.setattr(encryption, "_held", lambda: mine)
    assert encryption.keyring(now=True).primary != known
    assert path.exists()


def test_a_restaurant_moves_its_keys_into_the_service(
    restaurant: RestaurantSpec,
    service: KeyService,
    service_env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settle(monkeypatch, ENVIRONMENT | {"AWS_ENDPOINT_URL": service.endpoint} | service_env)
    sealed, master, new = encryption.seal(b"x", about="a"), service.new_key(), tmp_path / "new.json"
    before = KEYSET.read_bytes()
    said = CliRunner().invoke(main, ["keys", "move", master, "--into", str(new)])
    assert (said.exit_code, f"{new} is encrypted with {master}" in said.output) == (0, True)
    assert KEYSET.read_bytes() == before
    again = CliRunner().invoke(main, ["keys", "move", master, "--into", str(new)])
    assert again.exit_code == 2
    secret = CliRunner().invoke(main, ["keys", "move", "s" * 40, "--into", f"{new}2"])
    assert (secret.exit_code, "not a key of a KMS" in secret.output) == (2, True)
    settle(monkeypatch, service_env | {"MASTER_KEY": master, "KEYSET_FILE": str(new)})
    assert encryption.unseal(sealed, about="a") == b"x"


@pytest.mark.parametrize(
    "wrong", ["aws-kms:/arn:aws:kms:eu:1:key/abcdefghijkl", "gcp-kms://projects/p/locations/l/k"]
)
def test_a_key_that_is_not_named_in_full_is_refused_and_not_repeated(
    restaurant: RestaurantSpec, wrong: str
) -> None:
    with pytest.raises(SettingsInvalid, match="MASTER_KEY") as refused:
        restaurant(wrong)
        settings()
    assert wrong not in refused.value.message


def test_google_without_its_library_is_said_and_leaves_nothing(restaurant: RestaurantSpec) -> None:
    path = restaurant(GCP)
    with pytest.raises(SettingsInvalid, match=r"gcp-kms:// needs the extra `google-kms`"):
        encryption.ensure_keyset()
    assert not path.exists()


def test_nobody_waits_long_for_a_service_that_says_nothing() -> None:
    waits = kms_aws.ATTEMPTS * (kms_aws.CONNECT_SECONDS + kms_aws.READ_SECONDS)
    assert waits <= 20


def test_a_configuration_that_cannot_be_read_is_named(
    restaurant: RestaurantSpec, service: KeyService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = service.new_key()
    restaurant(key)
    broken = tmp_path / "config"
    broken.write_text("no section\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(broken))
    with pytest.raises(
        KeyServiceUnavailable, match=f"MASTER_KEY: {key} cannot be used: .*{broken}"
    ):
        encryption.ensure_keyset()
