"""Wording by language: phrases from `phrases/`, and dates and times in the format of the locale."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_skeleton, format_time
from pydantic import BaseModel, ConfigDict

from models.rules.deciding.board import Reason
from models.rules.messages.notifying import Kind

_FOLDER = Path(__file__).parent / "phrases"
LANGUAGES = ("en", "de", "fr", "es", "it")
_LAST_RESORT = "en"
_SMS_SPARES = re.compile(r",|(?<=[^\W\d])\.")


class KindPhrases(BaseModel):
    """The phrases of one kind of message."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str
    title: str
    lead: str
    sms: str
    sms_others: str = ""


class Phrases(BaseModel):
    """All phrases of one language. A file with a phrase missing does not load."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    party_one: str
    party_other: str
    when: str
    greeting: str
    greeting_unnamed: str
    reference: str
    when_label: str
    party_label: str
    area_label: str
    note_label: str
    restaurant_label: str
    others: str
    manage: str
    book: str
    plans: str
    footer: str
    event: str
    kinds: Mapping[Kind, KindPhrases]
    reasons: Mapping[Reason, str]
    #: replaces the kind's phrases while the table is held until {until} for a confirmation by link
    to_confirm: KindPhrases
    confirm: str
    #: replaces the phrases of `waitlisted` and `link` for a party on the list at the door
    at_door: KindPhrases
    place: str


@dataclass(frozen=True, slots=True)
class Wording:
    """A language's phrases, and the locale for dates and times."""

    language: str
    locale: Locale
    phrases: Phrases

    def party(self, size: int) -> str:
        """`1 guest`, `4 guests`."""
        phrase = self.phrases.party_one if size == 1 else self.phrases.party_other
        return phrase.format(n=size)

    def date(self, moment: datetime) -> str:
        """`Friday, September 12, 2025`. Here and below `moment` is in the restaurant's zone."""
        return format_date(moment, "full", locale=self.locale)

    def time(self, moment: datetime) -> str:
        """`8:00 PM`; with the UTC offset in the hour that a clock change repeats."""
        text = format_time(moment, "short", locale=self.locale).replace("\u202f", "\u00a0")
        return f"{text} ({_offset(moment)})" if _is_repeated(moment) else text

    def when(self, moment: datetime) -> str:
        """`Friday, September 12, 2025 at 8:00 PM`."""
        return self.phrases.when.format(date=self.date(moment), time=self.time(moment))

    def short_date(self, moment: datetime) -> str:
        """`Fri, Sep 12`."""
        return format_skeleton("MMMEd", moment, locale=self.locale)

    def short(self, moment: datetime) -> str:
        """`Fri, Sep 12, 8:00 PM`."""
        return f"{self.short_date(moment)}, {self.time(moment)}"

    def brief(self, moment: datetime) -> str:
        """`Fri Sep 12 8:00 PM`, for an SMS: no comma, and no dot after an abbreviation."""
        return _SMS_SPARES.sub("", f"{self.short_date(moment)} {self.time(moment)}")


def _is_repeated(moment: datetime) -> bool:
    first, second = moment.replace(fold=0).utcoffset(), moment.replace(fold=1).utcoffset()
    # in the gap of a spring change first < second; no start is in such a gap
    return first is not None and second is not None and first > second


def _offset(moment: datetime) -> str:
    text = moment.strftime("%z")
    return f"UTC{text[:3]}:{text[3:]}"


def local(moment: datetime, *, zone: str) -> datetime:
    """Return the moment in the restaurant's zone."""
    return moment.astimezone(ZoneInfo(zone))


@lru_cache(maxsize=256)
def wording(guest_locale: str, restaurant_locale: str) -> Wording:
    """Return the wording in the guest's language if it is in LANGUAGES, else the restaurant's.

    English if neither is. When the guest's locale has no territory and the restaurant's has the
    same language, dates are in the restaurant's format.
    """
    guest, restaurant = _parse(guest_locale), _parse(restaurant_locale)
    chosen = next((one for one in (guest, restaurant) if one and one.language in LANGUAGES), None)
    if chosen is None:
        chosen = Locale(_LAST_RESORT)
    elif restaurant and not chosen.territory and chosen.language == restaurant.language:
        chosen = restaurant
    return Wording(chosen.language, chosen, _phrases(chosen.language))


def _parse(name: str) -> Locale | None:
    try:
        return Locale.parse(name.replace("_", "-"), sep="-")
    except (ValueError, TypeError, UnknownLocaleError):
        pass
    try:
        return Locale(name.replace("_", "-").split("-")[0].lower())
    except (ValueError, UnknownLocaleError):
        return None


@lru_cache(maxsize=len(LANGUAGES))
def _phrases(language: str) -> Phrases:
    text = (_FOLDER / f"{language}.toml").read_text(encoding="utf-8")
    return Phrases.model_validate(tomllib.loads(text))
