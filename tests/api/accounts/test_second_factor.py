"""Second factor: begun, confirmed, required at each sign-in; each code can be used once."""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pyotp
import pytest
from apiflask import APIFlask
from sqlalchemy import Engine, select, text, update

from models.core import clock
from models.core.database.transactions import reading, transaction
from models.entities.accounts import Account, RecoveryCode, SecondFactor
from models.operations.accounts import second_factors
from tests.api.conftest import PASSWORD, Client
from tests.deploy.cli.test_cli import run
from tests.services.running import surroundings

MakeAccount = Callable[..., int]
EMAIL = "host@example.com"
AUTH = "/api/v1/auth"


class Time:
    """Maitred's clock, controlled by the test."""

    def __init__(self) -> None:
        self.now = clock.now()

    def move(self, seconds: int) -> None:
        self.now += timedelta(seconds=seconds)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Time:
    made = Time()
    monkeypatch.setattr(clock, "now", made)
    return made


def ask(client: Client, path: str, *, status: int, password: str = PASSWORD, **more: Any) -> Any:
    body = {"email": EMAIL, "password": password, **more}
    answer = client.post(AUTH + path, json=body)
    assert answer.status_code == status, answer.text
    return answer.json


def set_up(client: Client, hands: Time) -> tuple[pyotp.TOTP, list[str]]:
    """Set up a second factor. Return the TOTP app and the recovery codes."""
    begun = ask(client, "/second-factor", status=200)
    app = pyotp.parse_uri(begun["uri"])
    assert isinstance(app, pyotp.TOTP)
    assert app.secret == begun["secret"]
    assert (app.name, app.issuer) == (EMAIL, "Maitred")
    done = ask(client, "/second-factor/confirm", status=200, code=app.at(hands.now))
    hands.move(30)
    return app, done["recovery_codes"]


@pytest.mark.both
def test_an_account_with_a_second_factor_is_asked_for_it(
    client: Client, make_account: MakeAccount, hands: Time
) -> None:
    make_account(EMAIL)
    begun = ask(client, "/second-factor", status=200)
    ask(client, "/sign-in", status=200)  # no code is required until it is confirmed
    again = ask(client, "/second-factor", status=200)
    assert again["secret"] != begun["secret"]
    old = pyotp.TOTP(begun["secret"]).at(hands.now)
    wrong = ask(client, "/second-factor/confirm", status=422, code=old)
    assert wrong["errors"][0]["field"] == "code"
    app, _codes = set_up(client, hands)
    assert ask(client, "/sign-in", status=401)["code"] == "second-factor-needed"
    assert ask(client, "/sign-in", status=401, code="000000")["code"] == "sign-in-failed"
    assert "access_token" in ask(client, "/sign-in", status=200, code=app.at(hands.now))
    ask(client, "/second-factor", status=409)
    ask(client, "/second-factor/confirm", status=409, code=app.at(hands.now))


def test_a_code_counts_once_and_for_a_minute(
    client: Client, make_account: MakeAccount, hands: Time
) -> None:
    make_account(EMAIL)
    app, _codes = set_up(client, hands)
    first = app.at(hands.now)
    assert ask(client, "/sign-in", status=200, code=f" {first[:3]} {first[3:]}")
    ask(client, "/sign-in", status=401, code=first)
    hands.move(120)
    ask(client, "/sign-in", status=401, code=app.at(hands.now - timedelta(seconds=60)))
    ask(client, "/sign-in", status=401, code=app.at(hands.now + timedelta(seconds=60)))
    ahead = app.at(hands.now + timedelta(seconds=30))
    ask(client, "/sign-in", status=200, code=ahead)
    ask(client, "/sign-in", status=401, code=app.at(hands.now))  # earlier codes are no longer valid


@pytest.mark.both
def test_a_recovery_code_stands_in_once(
    client: Client, make_account: MakeAccount, hands: Time
) -> None:
    make_account(EMAIL)
    make_account("other@example.com")
    _app, codes = set_up(client, hands)
    assert len(set(codes)) == second_factors.RECOVERY_CODES
    assert all(len(code.replace("-", "")) == 16 for code in codes)
    ask(client, "/sign-in", status=200, code=codes[0])
    ask(client, "/sign-in", status=401, code=codes[0])
    ask(client, "/sign-in", status=200, code=codes[1].replace("-", "").upper())
    ask(client, "/second-factor/remove", status=204, code=codes[2])
    ask(client, "/sign-in", status=200)
    with reading() as session:
        assert session.scalars(select(RecoveryCode)).all() == []


def test_nothing_readable_lies_in_the_database(
    client: Client, make_account: MakeAccount, hands: Time, db: Engine
) -> None:
    number, other = make_account(EMAIL), make_account("other@example.com")
    app, codes = set_up(client, hands)
    with db.connect() as connection:
        rows = [
            *connection.execute(text("SELECT * FROM second_factors")),
            *connection.execute(text("SELECT * FROM recovery_codes")),
        ]
    said = repr(rows)
    assert app.secret not in said
    assert not any(code in said or code.replace("-", "") in said for code in codes)
    # moved to another account it cannot be decrypted
    with transaction() as session:
        sealed = session.get_one(SecondFactor, number).secret_sealed
        session.add(
            SecondFactor(
                account_id=other, secret_sealed=sealed, created_at=clock.now(),
                confirmed_at=clock.now(), last_step=0,
            )
        )  # fmt: skip
    body = {"email": "other@example.com", "password": PASSWORD, "code": app.at(hands.now)}
    assert client.post(AUTH + "/sign-in", json=body).status_code == 500


def test_guessing_codes_is_stopped_though_the_address_changes(
    app: APIFlask, client: Client, make_account: MakeAccount, hands: Time
) -> None:
    make_account(EMAIL)
    totp, _codes = set_up(client, hands)
    body = {"email": EMAIL, "password": PASSWORD, "code": "000000"}
    statuses = [
        client.post(
            AUTH + "/sign-in", json=body, environ_base={"REMOTE_ADDR": f"192.0.2.{number}"}
        ).status_code
        for number in range(12)
    ]
    assert statuses == [401] * 10 + [429] * 2
    late = {**body, "code": totp.at(hands.now)}
    answer = client.post(AUTH + "/sign-in", json=late, environ_base={"REMOTE_ADDR": "192.0.2.99"})
    assert answer.status_code == 429


def test_without_the_password_nothing_is_said_of_it(
    client: Client, make_account: MakeAccount, hands: Time
) -> None:
    make_account(EMAIL)
    app, _codes = set_up(client, hands)
    code = app.at(hands.now)
    for path in ("/sign-in", "/second-factor/confirm", "/second-factor/remove"):
        said = ask(client, path, status=401, password="not the password", code=code)
        assert said["code"] == "sign-in-failed"
    assert ask(client, "/second-factor", status=401, password="no")["code"] == "sign-in-failed"
    ask(client, "/sign-in", status=200, code=code)  # it was not spent


@pytest.mark.both
def test_one_code_sent_by_many_at_once_counts_once(
    app: APIFlask,
    client: Client,
    make_account: MakeAccount,
    hands: Time,
    monkeypatch: pytest.MonkeyPatch,
    service_env: dict[str, str],
) -> None:
    # each password is checked: none is refused because of other hashes
    surroundings.settle(monkeypatch, service_env | {"HASHES_MAX": "6"})
    make_account(EMAIL)
    totp, _codes = set_up(client, hands)
    body = {"email": EMAIL, "password": PASSWORD, "code": totp.at(hands.now)}
    statuses: list[int] = []

    def sign_in() -> None:
        statuses.append(app.test_client().post(AUTH + "/sign-in", json=body).status_code)

    threads = [threading.Thread(target=sign_in) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200] + [401] * 5


def test_a_restaurant_may_want_one_of_everybody(
    client: Client,
    make_account: MakeAccount,
    hands: Time,
    service_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_account(EMAIL)
    surroundings.settle(monkeypatch, service_env | {"SECOND_FACTOR": "required"})
    monkeypatch.setattr(clock, "now", hands)
    assert ask(client, "/sign-in", status=401)["code"] == "second-factor-missing"
    app, _codes = set_up(client, hands)
    ask(client, "/sign-in", status=200, code=app.at(hands.now))


def test_the_operator_can_remove_a_lost_second_factor(
    client: Client, make_account: MakeAccount, hands: Time
) -> None:
    make_account(EMAIL)
    set_up(client, hands)
    assert "the password is enough" in run("account", "forget-factor", EMAIL).stdout
    ask(client, "/sign-in", status=200)
    assert "no such account" in run("account", "forget-factor", "who@example.com", ends=1).stderr


# --- initial passwords, and the account's own sign-ins


def test_a_password_that_was_made_up_is_good_for_choosing_another(
    client: Client, make_account: MakeAccount, hands: Time
) -> None:
    number = make_account(EMAIL)
    with transaction() as session:
        until = hands.now + timedelta(days=3)
        session.execute(update(Account).where(Account.id == number).values(first_until=until))
    assert ask(client, "/sign-in", status=401)["code"] == "first-password"
    new = "violet tram under the bridge"
    first = {"email": EMAIL, "current": PASSWORD, "password": new}
    weak = client.post(AUTH + "/password/first", json=first | {"password": "hosthosthost"})
    assert (weak.status_code, weak.json["errors"][0]["field"]) == (422, "password")
    wrong = client.post(AUTH + "/password/first", json=first | {"current": "not it at all"})
    assert wrong.status_code == 401
    assert client.post(AUTH + "/password/first", json=first).status_code == 204
    ask(client, "/sign-in", status=200, password=new)
    again = first | {"current": new, "password": "another tram over the bridge"}
    assert client.post(AUTH + "/password/first", json=again).status_code == 401


def test_its_time_is_over_one_day(client: Client, make_account: MakeAccount, hands: Time) -> None:
    number = make_account(EMAIL)
    with transaction() as session:
        session.execute(update(Account).where(Account.id == number).values(first_until=hands.now))
    said = ask(client, "/sign-in", status=401)
    assert (said["code"], "has expired" in said["detail"]) == ("sign-in-failed", True)
    first = {"email": EMAIL, "current": PASSWORD, "password": "violet tram under the bridge"}
    assert client.post(AUTH + "/password/first", json=first).status_code == 401


@pytest.mark.parametrize(("days", "said"), [(3, "first-password"), (-1, "sign-in-failed")])
def test_a_password_that_was_made_up_sets_up_no_second_factor(
    client: Client, make_account: MakeAccount, hands: Time, days: int, said: str
) -> None:
    number = make_account(EMAIL)
    until = hands.now + timedelta(days=days)
    with transaction() as session:
        session.execute(update(Account).where(Account.id == number).values(first_until=until))
    assert ask(client, "/second-factor", status=401)["code"] == said
    with transaction() as session:  # begun before the operator set a new initial password
        secret = second_factors.begin(session, number, now=hands.now)
    code = pyotp.TOTP(secret).at(hands.now)
    for path in ("/second-factor/confirm", "/second-factor/remove"):
        assert ask(client, path, status=401, code=code)["code"] == said
    with reading() as session:
        assert session.get_one(SecondFactor, number).confirmed_at is None


@pytest.mark.both
@pytest.mark.parametrize("change", ["set up", "removed", "forgotten"])
def test_a_second_factor_that_comes_or_goes_ends_every_sign_in(
    client: Client, make_account: MakeAccount, hands: Time, change: str
) -> None:
    make_account(EMAIL)
    code: dict[str, str] = {}
    if change != "set up":
        app, codes = set_up(client, hands)
        code = {"code": app.at(hands.now)}
    tokens = ask(client, "/sign-in", status=200, **code)
    if change == "set up":
        set_up(client, hands)
    elif change == "removed":
        ask(client, "/second-factor/remove", status=204, code=codes[0])
    else:
        run("account", "forget-factor", EMAIL)
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    assert client.get(AUTH + "/me", headers=header).status_code == 401
    spent = {"refresh_token": tokens["refresh_token"]}
    assert client.post(AUTH + "/refresh", json=spent).status_code == 401


@pytest.mark.both
def test_where_one_is_required_sign_ins_without_it_are_worth_nothing(
    client: Client,
    make_account: MakeAccount,
    hands: Time,
    service_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make_account(EMAIL)
    make_account("other@example.com")
    tokens = ask(client, "/sign-in", status=200)
    header = {"Authorization": f"Bearer {tokens['access_token']}"}
    surroundings.settle(monkeypatch, service_env | {"SECOND_FACTOR": "required"})
    monkeypatch.setattr(clock, "now", hands)
    refused = client.get(AUTH + "/me", headers=header)
    assert (refused.status_code, refused.json["code"]) == (401, "second-factor-missing")
    spent = {"refresh_token": tokens["refresh_token"]}
    assert client.post(AUTH + "/refresh", json=spent).status_code == 401
    surroundings.settle(monkeypatch, service_env | {"SECOND_FACTOR": "offered"})
    monkeypatch.setattr(clock, "now", hands)
    assert client.get(AUTH + "/me", headers=header).status_code == 401  # the refresh ended it
    app, _codes = set_up(client, hands)
    with_code = ask(client, "/sign-in", status=200, code=app.at(hands.now))
    surroundings.settle(monkeypatch, service_env | {"SECOND_FACTOR": "required"})
    monkeypatch.setattr(clock, "now", hands)
    header = {"Authorization": f"Bearer {with_code['access_token']}"}
    assert client.get(AUTH + "/me", headers=header).status_code == 200
    spent = {"refresh_token": with_code["refresh_token"]}
    assert client.post(AUTH + "/refresh", json=spent).status_code == 200


def test_ones_own_sign_ins_are_seen_and_ended(client: Client, make_account: MakeAccount) -> None:
    make_account(EMAIL)
    make_account("other@example.com")
    other = client.post(
        AUTH + "/sign-in", json={"email": "other@example.com", "password": PASSWORD}
    ).json
    tokens = [ask(client, "/sign-in", status=200) for _ in range(3)]
    headers = [{"Authorization": f"Bearer {each['access_token']}"} for each in tokens]
    listed = client.get(AUTH + "/sign-ins", headers=headers[2]).json["sign_ins"]
    assert [each["is_this"] for each in listed] == [True, False, False]
    first = f"{AUTH}/sign-ins/{listed[2]['id']}/end"
    foreign = {"Authorization": f"Bearer {other['access_token']}"}
    assert client.post(first, headers=foreign).status_code == 404
    assert client.get(AUTH + "/me", headers=headers[0]).status_code == 200
    assert client.post(first, headers=headers[2]).status_code == 204
    assert client.post(first, headers=headers[2]).status_code == 204
    assert client.get(AUTH + "/me", headers=headers[0]).status_code == 401
    assert client.get(AUTH + "/me", headers=headers[1]).status_code == 200
    left = client.get(AUTH + "/sign-ins", headers=headers[1]).json["sign_ins"]
    assert len(left) == 2
