"""Classification of providers' refusals: caused by the sender, by this message, or temporary.

One table for mail servers (RFC 3463's enhanced codes, and the texts of servers that send none), one
for Twilio's codes. The first row that matches decides.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Blame(StrEnum):
    """The cause of a refusal.

    SENDER: our account or server, so that the next message would be refused as well; the channel is
    down. MESSAGE: this recipient or this text, permanently. PASSING: another attempt may succeed.
    """

    SENDER = "sender"
    MESSAGE = "message"
    PASSING = "passing"


class Stage(StrEnum):
    """The step of an SMTP session that the server answered."""

    GREETING = "greeting"
    SIGN_IN = "sign in"
    MAIL_FROM = "mail from"
    RECIPIENT = "recipient"
    TEXT = "text"


@dataclass(frozen=True, slots=True)
class Reply:
    """A refusal: its code, its enhanced code ("" if there is none), its cause and an explanation.

    `why` is our own text: the server's text often repeats an address.
    """

    code: int
    enhanced: str
    blame: Blame
    why: str

    @property
    def codes(self) -> str:
        """The codes for logs and staff: "550 5.4.5"."""
        return f"{self.code} {self.enhanced}".rstrip()


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of the table: matches by code, enhanced code and text; an empty field matches all."""

    blame: Blame
    why: str
    codes: tuple[int, ...] = ()
    enhanced: str = ""
    words: str = ""

    def fits(self, code: int, enhanced: str, text: str) -> bool:
        """Whether this row matches that reply."""
        return (
            (not self.codes or code in self.codes)
            and (not self.enhanced or re.fullmatch(self.enhanced, enhanced) is not None)
            and (not self.words or re.search(self.words, text, re.IGNORECASE) is not None)
        )


_ENHANCED = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b")
#: At these stages every refusal is about the sender, except for those in _OF_THE_MESSAGE.
_OURS: Final = frozenset({Stage.GREETING, Stage.SIGN_IN, Stage.MAIL_FROM})

_OF_THE_MESSAGE: Final = (
    _Row(Blame.MESSAGE, "non-ASCII address not supported", enhanced=r"[45]\.6\.[79]"),
    _Row(Blame.MESSAGE, "message too large", enhanced=r"5\.(2\.3|3\.4)"),
)

#: Refusals of a recipient or of a text. The order matters: from the particular to the general.
_ROWS: Final = (
    _Row(Blame.PASSING, "greylisted", words=r"gr[ea]y-?list"),
    *_OF_THE_MESSAGE,
    _Row(
        Blame.MESSAGE,
        "the recipient does not accept our mail",
        words=r"RESOLVER\.RST|recipient address rejected: access denied",
    ),
    _Row(
        Blame.MESSAGE,
        "message content refused",
        words=r"content (rejected|presents)|virus|malware|message content",
    ),
    # 5.7.12x and 5.7.13x: Microsoft's, for recipients that accept mail from certain senders only;
    # RFC 7293
    _Row(
        Blame.MESSAGE,
        "the recipient does not accept our mail",
        enhanced=r"5\.7\.(1[237]|18|1[23]\d)",
    ),
    _Row(Blame.SENDER, "sign-in refused", codes=(530, 534, 535, 538)),
    _Row(Blame.SENDER, "the server is closing the connection", codes=(421,)),
    _Row(Blame.SENDER, "unsupported SMTP command", codes=(500, 501, 502, 503, 504)),
    _Row(Blame.SENDER, "sender address refused", enhanced=r"[45]\.1\.[78]"),
    _Row(Blame.SENDER, "daily sending limit reached", enhanced=r"[45]\.(4\.5|1\.90|7\.232|7\.233)"),
    _Row(
        Blame.SENDER,
        "not allowed to send as this sender",
        words=r"send ?as ?denied|send as this sender",
    ),
    _Row(
        Blame.SENDER,
        "sender address refused",
        words=r"sender (address )?(rejected|verif\w+ failed|is not allowed)"
        r"|address is not verified|could not verify sender|invalid sender",
    ),
    _Row(
        Blame.SENDER,
        "not allowed to send through this server",
        words=r"relay(ing)? (is )?(not permitted|denied|access denied|prohibited|not allowed)"
        r"|unable to relay|not permitted to relay|administrative prohibition"
        r"|not authorized to perform|authentication (is )?required",
    ),
    _Row(
        Blame.SENDER,
        "sending limit reached",
        words=r"sending (rate|limit|quota)|daily (message|sending|user)|message quota exceeded"
        r"|rate ?limit|throttl|too many (messages|e?mails|connections)|sending .{0,20}suspended",
    ),
    _Row(
        Blame.SENDER,
        "sending host refused",
        words=r"(host|client|helo|ip|ip address|server|network)\b.{0,60}\b(blocked|block ?list|"
        r"blacklist\w*|rejected|banned|refused)|spamhaus|spamcop|barracuda|DNSBL|RBL",
    ),
    _Row(Blame.SENDER, "sender policy", enhanced=r"[45]\.7\.\d+"),
    _Row(Blame.PASSING, "mailbox full", enhanced=r"5\.2\.2"),
    _Row(Blame.PASSING, "mailbox full", codes=(552,), enhanced=r"", words=r""),
    _Row(Blame.SENDER, "mail server error", enhanced=r"4\.3\.\d+"),
    _Row(Blame.PASSING, "error of the recipient's server", enhanced=r"5\.3\.[0123]"),
)


def read_reply(stage: Stage, code: int, text: str) -> Reply:
    """Classify a mail server's refusal; `text` is what followed the code."""
    found = _ENHANCED.match(text)
    enhanced = found.group(1) if found else ""
    rows = _OF_THE_MESSAGE if stage in _OURS else _ROWS
    for row in rows:
        if row.fits(code, enhanced, text):
            return Reply(code, enhanced, row.blame, row.why)
    if stage in _OURS:
        return Reply(code, enhanced, Blame.SENDER, f"refused at the {stage}")
    if 400 <= code < 500:
        return Reply(code, enhanced, Blame.PASSING, f"{stage} temporarily refused")
    return Reply(code, enhanced, Blame.MESSAGE, f"{stage} refused")


#: Twilio's codes for numbers and texts that no second attempt makes valid.
_TWILIO_MESSAGE: Final = frozenset(
    {
        21211,  # invalid number
        21214,  # number cannot be reached
        21217,  # not a phone number
        21219,  # trial account, number not verified
        21265,  # short code
        21408,  # region not permitted
        21608,  # trial account, number not verified
        21610,  # opted out
        21612,  # no route from our number to this one
        21614,  # not a mobile number
        21617,  # text too long
        21635,  # landline
        30003,  # the phone is off or unknown to its network
        30004,  # blocked by the recipient
        30005,  # unknown number
        30006,  # landline or unreachable carrier
    }
)
#: Twilio's codes for our account, number or service: every text would be refused.
_TWILIO_SENDER: Final = frozenset(
    {
        20003,  # not signed in
        20005,  # account not active
        20429,  # too many requests
        21210,  # our number is not verified
        21212,  # invalid sender
        21603,  # no sender
        21606,  # not one of our numbers that can send
        21611,  # our number's queue is full
        21659,  # not one of our numbers
        21660,  # another account's number
        21703,  # the messaging service has no number
        21704,  # the messaging service cannot be used
        21705,  # no such messaging service
        30001,  # queue overflow
        30002,  # account suspended
        30034,  # not registered with the carriers
        63038,  # the account's daily limit
    }
)


def read_twilio(status: int, code: int | None) -> Blame:
    """Classify Twilio's refusal by its HTTP status and its own error code."""
    if code in _TWILIO_MESSAGE:
        return Blame.MESSAGE
    if code in _TWILIO_SENDER or status in (401, 403, 429):
        return Blame.SENDER
    return Blame.PASSING
