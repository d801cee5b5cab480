"""Words by language: phrases from `phrases/`, dates and times as each language writes them."""

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
    """What one kind of message says."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    subject: str
    title: str
    lead: str
    sms: str
    sms_others: str = ""


class Phrases(BaseModel):
    """Everything that is said in one language. Complete, or it does not load."""

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
    #: instead of a confirmation, while it is held for who confirms it by the link until {until}
    to_confirm: KindPhrases
    confirm: str


@dataclass(frozen=True, slots=True)
class Wording:
    """A language's phrases, with the locale that dates are written in."""

    language: str
    locale: Locale
    phrases: Phrases

    def party(self, size: int) -> str:
        """`1 guest`, `4 guests`."""
        phrase = self.phrases.party_one if size == 1 else self.phrases.party_other
        return phrase.format(n=size)

    def date(self, moment: datetime) -> str:
        """`Friday, September 12, 2025`. `moment` is in the restaurant's zone, here and below."""
        return format_date(moment, "full", locale=self.locale)

    def time(self, moment: datetime) -> str:
        """`8:00 PM`; an hour that the clock repeats is named with its offset."""
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
        """`Fri Sep 12 8:00 PM`, for an SMS: no comma, and no dot after a shortened word."""
        return _SMS_SPARES.sub("", f"{self.short_date(moment)} {self.time(moment)}")


def _is_repeated(moment: datetime) -> bool:
    first, second = moment.replace(fold=0).utcoffset(), moment.replace(fold=1).utcoffset()
    # in a gap the two differ as well, but the other way round; no start lies there
    return first is not None and second is not None and first > second


def _offset(moment: datetime) -> str:
    text = moment.strftime("%z")
    return f"UTC{text[:3]}:{text[3:]}"


def local(moment: datetime, *, zone: str) -> datetime:
    """The moment by the restaurant's clock."""
    return moment.astimezone(ZoneInfo(zone))


@lru_cache(maxsize=256)
def wording(guest_locale: str, restaurant_locale: str) -> Wording:
    """The guest's language if we speak it, else the restaurant's, else English.

    A guest who names no country gets the restaurant's way of writing dates, when the restaurant
    speaks the same language.
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
