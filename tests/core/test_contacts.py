"""Contacts: pasted spellings are parsed and normalized, unreachable contacts are refused."""

import unicodedata

import phonenumbers
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from models.core.contacts import lookup_contact, normal_email, rate_limit_key
from models.core.phones import clean_phone, normal_phone

BERLIN, NEW_YORK, NOWHERE = "+49 30 901820", "+1 212 555 0100", ""
DASHES = "-\u2010\u2011\u2012\u2013\u2014\u2212\uff0d"
BLANKS = " \u00a0\u202f\u2009\u3000\t"
DOTS = ".\u00b7\u2022\u30fb"
HIDDEN = "\u202a\u202b\u202c\u200b\u200e\u200f\u2060\ufeff\u00ad\u2066\u2069"
ZEROES = "0\uff10\u0660\u06f0\u0966"
#: numbers of some countries, as they are stored
REAL = [
    phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    for region in ("DE", "US", "GB", "FR", "ES", "IT", "MX", "AR", "JP", "IN", "AE", "SM", "CI")
    if (number := phonenumbers.example_number(region)) is not None
]


@pytest.mark.parametrize(
    ("restaurant", "local", "reason"),
    [
        (NEW_YORK, "5550142", "needs its area code"),
        (BERLIN, "5550142", "needs its area code"),
        (NEW_YORK, "110", "too short"),
        (BERLIN, "110", "needs its area code"),
        (NEW_YORK, "0000000", "needs its area code"),
        (BERLIN, "0000000", "not a phone number"),
        (NEW_YORK, "1234567", "needs its area code"),
        (BERLIN, "1234567", r"not a phone number of \+49"),
        (BERLIN, "212-555-0142 x123", "country code"),
        (BERLIN, "49 171 1234567", "country code"),
        (NEW_YORK, "+1 212 555 0142 99", "too long"),
        (NEW_YORK, "+49 1", "not a phone number"),
        (NEW_YORK, "+49 11", "needs its area code"),
        (NEW_YORK, "+49 171 123456789012", "too long"),
        (BERLIN, "0171 12345678901234", "not a phone number of|too long"),
        (NEW_YORK, "+999 1234567", "country code that does not exist"),
        (NOWHERE, "030 901820", "country code, such as"),
    ],
)
def test_a_number_that_reaches_nobody_is_refused_with_its_reason(
    restaurant: str, local: str, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        normal_phone(local, restaurant)


@pytest.mark.parametrize(
    "pasted",
    [
        "+49\u00a0171\u202f1234567",
        "+49\u2011171\u20131234567",
        "+49\u00b7171\u00b71234567",
        "\u202a+49 171 1234567\u202c",
        "\uff0b\uff14\uff19\uff11\uff17\uff11\uff11\uff12\uff13\uff14\uff15\uff16\uff17",
        "+\u0664\u0669 \u0661\u0667\u0661 \u0661\u0662\u0663\u0664\u0665\u0666\u0667",
        "(+49) 171 1234567",
        "+49 (0)171 1234567",
        "tel:+49-171-1234567",
        "TEL:+49-171-1234567;ext=12;isub=3",
        "0049 171 1234567",
        "0171/1234567",
        "171 1234567",
        "  +49 171 1234567  ",
    ],
)
def test_a_pasted_number_is_understood(pasted: str) -> None:
    assert normal_phone(pasted, BERLIN) == "+491711234567"


@pytest.mark.parametrize("extension", [" x123", " ext. 123", "x123", " #123", ";ext=123"])
def test_an_extension_is_no_part_of_the_number(extension: str) -> None:
    assert normal_phone(f"212-555-0142{extension}", NEW_YORK) == "+12125550142"
    assert rate_limit_key(f"212-555-0142{extension}") == rate_limit_key("+12125550142")


def test_a_mobile_number_of_mexico_is_the_same_with_and_without_its_old_1() -> None:
    assert normal_phone("+52 1 55 1234 5678", BERLIN) == "+525512345678"
    assert normal_phone("+52 55 1234 5678", BERLIN) == "+525512345678"


@given(st.sampled_from(REAL), st.data())
def test_a_number_is_one_however_it_is_pasted(number: str, data: st.DataObject) -> None:
    pieces = []
    for letter in number:
        zero = data.draw(st.sampled_from(ZEROES))
        pieces.append(chr(ord(zero) + int(letter)) if letter.isdecimal() else letter)
        filling = st.text(st.sampled_from(DASHES + BLANKS + DOTS + HIDDEN), max_size=1)
        pieces.append(data.draw(filling) if letter != "+" else data.draw(st.sampled_from(HIDDEN)))
    pasted = data.draw(st.sampled_from(["", "tel:", " \u202a"])) + "".join(pieces)
    assume(len(pasted) <= 64 and sum(not c.isdecimal() for c in pasted) < 24)
    assert normal_phone(pasted, BERLIN) == number
    assert rate_limit_key(pasted) == rate_limit_key(number)


@given(st.sampled_from(REAL), st.sampled_from([BERLIN, NEW_YORK, NOWHERE]))
def test_what_was_kept_stays_what_it_is(number: str, restaurant: str) -> None:
    assert normal_phone(number, restaurant) == lookup_contact(number, restaurant) == number


@given(st.text(max_size=40), st.sampled_from([BERLIN, NEW_YORK, NOWHERE]))
def test_a_number_is_refused_or_normal_for_good(text: str, restaurant: str) -> None:
    try:
        found = normal_phone(text, restaurant)
    except ValueError:
        return
    assert normal_phone(found, restaurant) == found
    assert found.startswith("+") and found[1:].isdecimal() and found.isascii()


def test_a_guest_kept_under_a_number_refused_today_is_still_found() -> None:
    assert lookup_contact("5550142", NEW_YORK) == "+15550142"
    assert lookup_contact("1234567", BERLIN) == "+491234567"
    assert lookup_contact("+49171123456789012", NEW_YORK) == "+49171123456789012"
    assert lookup_contact(f"{'a' * 65}@example.com") == f"{'a' * 65}@example.com"
    with pytest.raises(ValueError, match="must be a phone number"):
        lookup_contact("ada", BERLIN)


@pytest.mark.parametrize(
    "pasted",
    [
        " ada@example.com",
        "ada@example.com\u00a0",
        "\u202aada@example.com\u202c",
        "ada@exa\u200bmple.com",
        "\uff41\uff44\uff41\uff20\uff45\uff58\uff41\uff4d\uff50\uff4c\uff45\uff0e\uff43\uff4f\uff4d",
        "ada@EXAMPLE.com",
    ],
)
def test_a_pasted_address_is_understood(pasted: str) -> None:
    assert normal_email(pasted) == "ada@example.com"


def test_an_address_keeps_to_the_lengths_of_rfc_5321() -> None:
    assert normal_email(f"{'a' * 64}@example.com") == f"{'a' * 64}@example.com"
    with pytest.raises(ValueError, match="at most 64 characters are allowed before the @"):
        normal_email(f"{'a' * 65}@example.com")
    with pytest.raises(ValueError, match=r"is not an e-mail|at most"):
        normal_email(f"ada@{'.'.join(['a' * 60] * 4)}.example.com")


def test_joiners_of_a_domain_are_letters_of_it() -> None:
    """U+200C changes the name that is queried in the DNS; dropping it would address another one."""
    with pytest.raises(ValueError, match="NON-JOINER"):
        normal_email("ada@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com")


def test_all_spellings_of_an_address_count_as_one() -> None:
    spellings = (
        "ada@m\u00fcnchen.de",
        "ada+tag@xn--mnchen-3ya.de",
        "ADA+x@M\u00dcNCHEN.DE",
        "\uff41da@mu\u0308nchen.de",
        " a\u200bda@m\u00fcnchen.de",
    )
    assert {rate_limit_key(each) for each in spellings} == {"ada@xn--mnchen-3ya.de"}
    assert rate_limit_key("bob@xn--mnchen-3ya.de") != rate_limit_key("ada@xn--mnchen-3ya.de")


@given(st.from_regex(r"[a-z]{1,8}(\.[a-z]{1,8})?@[a-z]{1,8}\.(com|de)", fullmatch=True), st.data())
def test_counting_knows_no_spelling(address: str, data: st.DataObject) -> None:
    local, _, domain = address.partition("@")
    tag = data.draw(st.from_regex(r"(\+[a-z0-9]{1,6})?", fullmatch=True))
    spelled = f"{local}{tag}@{domain}"
    if data.draw(st.booleans()):
        spelled = spelled.upper()
    if data.draw(st.booleans()):
        spelled = "".join(chr(ord(c) + 0xFEE0) if c.isalpha() else c for c in spelled)
    place = data.draw(st.integers(0, len(spelled)))
    spelled = spelled[:place] + data.draw(st.sampled_from(["", *HIDDEN])) + spelled[place:]
    assert rate_limit_key(spelled) == rate_limit_key(address)


@given(st.text(max_size=50))
def test_counting_takes_anything(text: str) -> None:
    assert isinstance(rate_limit_key(text), str)
    assert rate_limit_key(unicodedata.normalize("NFC", text)) == rate_limit_key(text)


@given(st.text(max_size=50))
def test_cleaning_a_number_twice_is_once(text: str) -> None:
    try:
        found = clean_phone(text)
    except ValueError:
        return
    assert clean_phone(found) == found
