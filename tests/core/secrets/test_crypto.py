"""Manage links cannot be forged; guests are found by a key that reveals no contact."""

import hashlib
import hmac

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from itsdangerous import Signer

from models.core.errors import SignInFailed
from models.core.redis import counters
from models.core.secrets.signing import (
    LINK_SECRET_BYTES,
    REFERENCE_LENGTH,
    ManageToken,
    contact_key,
    manage_token,
    nameless,
    new_link_secret,
    new_reference,
    read_manage_token,
)
from tests.services.running.surroundings import SECRET

pytestmark = pytest.mark.usefixtures("service_env")
ANY_TEST = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(st.integers(1, 2**63 - 1), st.none() | st.binary(min_size=8, max_size=8))
@ANY_TEST
def test_a_token_says_its_reservation_and_its_secret(
    service_env: dict[str, str], number: int, secret: bytes | None
) -> None:
    assert read_manage_token(manage_token(number, secret)) == ManageToken(number, secret)


def test_a_token_is_no_longer_than_those_of_before_and_tells_no_secret_key() -> None:
    assert len(manage_token(123456, new_link_secret())) <= len(manage_token(123456, None))
    assert new_link_secret() != new_link_secret()
    assert len(new_link_secret()) == LINK_SECRET_BYTES


def test_what_the_database_holds_makes_no_token() -> None:
    """A database row and a token of another row do not yield that row's token."""
    number, secret, signature = manage_token(7, b"eight by").split(".")
    foreign = manage_token(8, b"eight by").split(".")
    legacy = manage_token(7, None).split(".")
    for forged in (
        f"{number}.{secret}",
        f"{number}.{secret}.",
        f"{number}.{secret}.{foreign[2]}",
        f"{number}.{secret}.{legacy[1]}",
        f"{foreign[0]}.{secret}.{signature}",
        f"{number}..{signature}",
        f"{number}.{secret}.{signature}.{signature}",
        f"0{number}.{secret}.{signature}",
        f"{number}.{secret}=.{signature}",
    ):
        with pytest.raises(SignInFailed):
            read_manage_token(forged)


@given(st.text(max_size=60))
@ANY_TEST
def test_nothing_else_opens_one(service_env: dict[str, str], text: str) -> None:
    with pytest.raises(SignInFailed):
        read_manage_token(text)


@pytest.mark.parametrize("secret", [None, b"eight by"])
@given(data=st.data())
@ANY_TEST
def test_a_token_with_one_letter_changed_is_refused(
    service_env: dict[str, str], secret: bytes | None, data: st.DataObject
) -> None:
    token = manage_token(7, secret)
    # the last letter of the signature has unused bits
    place = data.draw(st.integers(0, len(token) - 2))
    letter = data.draw(st.sampled_from("abcXYZ019-_."))
    forged = token[:place] + letter + token[place + 1 :]
    if forged != token:
        with pytest.raises(SignInFailed):
            read_manage_token(forged)


@pytest.mark.parametrize("value", ["", "seven", "7.5", "0x7"])
def test_a_signed_something_else_is_refused(value: str) -> None:
    token = Signer(SECRET, salt="manage", digest_method=hashlib.sha256).sign(value)
    with pytest.raises(SignInFailed):
        read_manage_token(token.decode())


def test_a_token_of_another_restaurant_is_refused() -> None:
    with pytest.raises(SignInFailed):
        read_manage_token(Signer("x" * 40, salt="manage").sign("7").decode())


def test_a_contact_is_the_same_however_it_is_written() -> None:
    key = contact_key("ada@example.com")
    assert key == contact_key("  ADA@Example.com\n")
    assert key != contact_key("bo@example.com")
    assert key is not None
    assert len(key) == 16
    assert b"ada" not in key
    assert (contact_key(None), contact_key("")) == (None, None)


def test_a_reference_can_be_read_out() -> None:
    references = {new_reference() for _ in range(2_000)}
    assert len(references) == 2_000
    assert {len(each) for each in references} == {REFERENCE_LENGTH}
    assert set("".join(references)) == set("ABCDEFGHJKLMNPQRSTUVWXYZ23456789")


def test_a_guest_has_another_name_in_each_place() -> None:
    """The key in Redis or in a log cannot be matched with the key in the database."""
    who = "ada@example.com"
    names = {nameless(who, place="redis"), nameless(who, place="logs")}
    key = contact_key(who)
    assert key is not None
    assert len(names | {key.hex()}) == 3
    assert nameless(" ADA@example.com", place="redis") in names
    assert counters.nameless(who) == nameless(who, place="redis")


def test_guests_are_found_by_what_was_written_before() -> None:
    """The index in the database is unchanged: the same key, the same form."""
    secret = hmac.new(SECRET.encode(), b"contact-index", hashlib.sha256).digest()
    was = hmac.new(secret, b"ada@example.com", hashlib.sha256).digest()[:16]
    assert contact_key("ada@example.com") == was
