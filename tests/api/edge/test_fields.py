"""Property tests of the field types of requests."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.core import contacts
from models.core.contacts import normal_email
from models.core.errors import Invalid
from web.schemas import fields

OFFSETS = st.integers(-14 * 4, 14 * 4).map(
    lambda quarters: timezone(timedelta(minutes=15 * quarters))
)
QUARTERS = st.integers(
    int(datetime(2001, 1, 1, tzinfo=UTC).timestamp()) // 900,
    int(datetime(2198, 1, 1, tzinfo=UTC).timestamp()) // 900,
)


@given(st.from_regex(contacts._PLAIN_EMAIL, fullmatch=True))
def test_a_plain_address_is_one_that_the_full_check_leaves_as_it_is(text: str) -> None:
    if contacts.is_plain_email(text):
        assert normal_email(text) == text
    else:
        with pytest.raises(ValueError, match="special-use"):
            normal_email(text)


@given(st.text(max_size=60))
def test_an_address_is_refused_or_stays_an_address(text: str) -> None:
    try:
        found = fields.parse_email(text)
    except ValueError:
        return
    assert fields.parse_email(found) == found
    assert found.isascii()
    assert found.count("@") == 1


@given(QUARTERS, OFFSETS)
def test_a_start_is_the_same_moment_in_any_offset(quarter: int, offset: timezone) -> None:
    moment = datetime.fromtimestamp(quarter * 900, UTC)
    assert fields.parse_start(moment.astimezone(offset).isoformat()) == moment
    assert fields.parse_start(moment.strftime("%Y-%m-%dT%H:%M:%SZ")) == moment


@given(st.text(alphabet="0123456789-+:TZt. ", max_size=35))
def test_a_start_is_refused_or_lies_on_the_grid(text: str) -> None:
    try:
        found = fields.parse_start(text)
    except ValueError:
        return
    assert found.tzinfo is UTC
    assert found.timestamp() % 900 == 0


@given(st.text(max_size=40))
def test_a_name_is_refused_or_safe_to_print(text: str) -> None:
    try:
        clean = fields.one_line(text)
    except ValueError:
        return
    assert clean == clean.strip()
    assert not set(clean) & set("\x00\r\n\t\x1b\u202e\u2028")


def test_names_of_the_world_are_names() -> None:
    for name in ("Łukasz Żółć", "سارة", "山田 太郎", "Zoë 🦊", "O'Neill-Smith, Jr.", "नमस्ते"):
        assert fields.one_line(name) == name


def test_a_phone_number_is_read_as_the_restaurants_country_reads_it() -> None:
    restaurant = "+49 30 901820"
    assert fields.to_e164("030 123456", restaurant) == "+4930123456"
    assert fields.to_e164("+44 20 7946 0958", restaurant) == "+442079460958"
    assert fields.to_e164("+1 (500) 555-0006", "") == "+15005550006"
    for wrong in ("030 123456", "+49 1", "+999 1234567"):
        with pytest.raises(Invalid) as refused:
            fields.to_e164(wrong, "")
        assert refused.value.fields[0].field == "guest.phone"
