"""E-mail: the complete mail, its calendar, and a server's possible replies."""

import base64
import email
import logging
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from icalendar import Calendar

from models.queries.messages.outgoing import Outgoing
from models.rules.messages.notifying import Kind
from tasks.messaging.channels import ChannelDown, ChannelError, SenderRefused, smtp
from tasks.messaging.channels import email as email_channel
from tasks.messaging.channels.calendar_zone import zone_text
from tasks.messaging.channels.email import compose, send_email
from tasks.messaging.channels.mime import header
from tasks.messaging.channels.smtp import SmtpAddress, SmtpConnection
from tests.services.ports import free_port
from tests.services.running import surroundings
from tests.services.servers.mailbox import Mailbox
from tests.tasks.mail_order import AN_OUTGOING, FRIDAY, NOW, outgoing

pytestmark = pytest.mark.usefixtures("service_env")


def sent(box: Mailbox, message: Outgoing) -> EmailMessage:
    with SmtpConnection(box.url) as line:
        send_email(line, message, now=NOW)
    return box.mails()[-1].message


def calendar_of(mail: EmailMessage) -> Any:
    """The event of the calendar part, and the calendar."""
    (part,) = [part for part in mail.walk() if part.get_content_type() == "text/calendar"]
    calendar = Calendar.from_ical(part.get_content())
    assert part.get_param("method") == calendar["METHOD"]
    (event,) = calendar.walk("VEVENT")
    return event, calendar


def test_a_mail_has_text_html_a_calendar_and_the_file(mailbox: Mailbox) -> None:
    mail = sent(mailbox, outgoing())
    (envelope,) = mailbox.mails("zoe@guests.example")
    assert envelope.sender == "book@localhost"
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "text/html",
        "text/calendar",
        "application/ics",
    ]
    assert not [part.defects for part in mail.walk() if part.defects]
    assert mail["From"].addresses[0].addr_spec == "book@localhost"
    assert mail["From"].addresses[0].display_name == "Trattoria Bellavista"
    assert mail["Reply-To"].addresses[0].addr_spec == "ciao@bellavista.example"
    assert mail["To"].addresses[0].display_name == "Zoë O'Connor"
    assert mail["Message-ID"] == "<message-7.maitred@localhost>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["Content-Language"] == "en"
    assert mail["Date"].datetime == NOW
    assert "Your table is confirmed" in envelope.text
    (ics,) = mail.iter_attachments()
    assert ics.get_filename() == "invite.ics"


def test_the_same_message_has_the_same_id_at_every_attempt(mailbox: Mailbox) -> None:
    first, second = sent(mailbox, outgoing()), sent(mailbox, outgoing(attempts=2))
    assert first["Message-ID"] == second["Message-ID"]


def test_the_event_keeps_its_uid_and_its_sequence_rises(mailbox: Mailbox) -> None:
    event, calendar = calendar_of(sent(mailbox, outgoing()))
    assert (calendar["METHOD"], event["STATUS"]) == ("PUBLISH", "CONFIRMED")
    later = outgoing(kind=Kind.CHANGED, revision=4, starts_at=FRIDAY + timedelta(hours=1))
    changed, _ = calendar_of(sent(mailbox, later))
    gone = outgoing(kind=Kind.CANCELLED, status="cancelled", revision=5)
    cancelled, calendar = calendar_of(sent(mailbox, gone))
    assert (calendar["METHOD"], cancelled["STATUS"]) == ("CANCEL", "CANCELLED")
    assert event["UID"] == changed["UID"] == cancelled["UID"]
    assert [one["SEQUENCE"] for one in (event, changed, cancelled)] == [3, 4, 5]
    assert event["LOCATION"] == "Trattoria Bellavista, Hauptstr. 12, 10827 Berlin"
    assert "/manage/" in event["URL"]
    assert event["ORGANIZER"] == "mailto:ciao@bellavista.example"
    # attendees may decline, in a mail that the restaurant does not process as a cancellation
    assert not [one for one in (event, changed, cancelled) if "ATTENDEE" in one]


@pytest.mark.parametrize("kind", [Kind.WAITLISTED, Kind.DECLINED, Kind.REMINDER])
def test_what_changes_no_appointment_has_no_calendar(mailbox: Mailbox, kind: Kind) -> None:
    mail = sent(mailbox, outgoing(kind=kind))
    assert mail.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe"])
def test_the_event_is_right_across_clock_changes(mailbox: Mailbox, zone: str) -> None:
    """Every hour of the days around both changes, read back with the file's own time zone."""
    card = replace(AN_OUTGOING.restaurant, zone=zone)
    for first in (datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 10, 24, 12, tzinfo=UTC)):
        for hours in range(0, 48, 5):
            start = first + timedelta(hours=hours)
            end = start + timedelta(hours=2)
            message = outgoing(restaurant=card, starts_at=start, ends_at=end)
            raw = compose(message, sender="a@b.c", recipient="d@e.f", now=NOW)
            event, calendar = calendar_of(email.message_from_bytes(raw, policy=default))
            assert event.decoded("DTSTART").astimezone(UTC) == start
            assert event.decoded("DTEND").astimezone(UTC) == end
            if event.decoded("DTSTART").tzinfo is not UTC:
                (described,) = calendar.walk("VTIMEZONE")
                assert described["TZID"] == zone
                assert (
                    described.to_tz(lookup_tzid=False).utcoffset(
                        start.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
                    )
                    == start.astimezone(ZoneInfo(zone)).utcoffset()
                )


def test_a_zone_says_each_change_by_itself_by_the_clock_before_it() -> None:
    """Programs that read it otherwise are an hour off on that day, or from the next year on."""
    described = zone_text("Europe/Berlin", 2026).decode()
    assert [line[8:] for line in described.splitlines() if line.startswith("DTSTART:")] == [
        "20250101T010000",
        "20250330T020000",
        "20251026T030000",
        "20260329T020000",
        "20261025T030000",
        "20270328T020000",
        "20271031T030000",
    ]
    assert "RDATE" not in described
    assert zone_text("Asia/Tokyo", 2026).count(b"DTSTART") == 1
    assert b"TZOFFSETTO:-0330" in zone_text("America/St_Johns", 2026)


@pytest.mark.parametrize("hour", [0, 1])  # 02:30, and 02:30 for the second time
def test_an_hour_that_the_clock_repeats_is_written_in_utc(mailbox: Mailbox, hour: int) -> None:
    """Programs disagree about which of the two a local time means."""
    start = datetime(2026, 10, 25, hour, 30, tzinfo=UTC)
    mail = sent(mailbox, outgoing(starts_at=start, ends_at=start + timedelta(hours=3)))
    event, _ = calendar_of(mail)
    assert event["DTSTART"].to_ical() == f"20261025T0{hour}3000Z".encode()
    assert event["DTEND"].params["TZID"] == "Europe/Berlin"


@pytest.mark.parametrize(
    "name",
    [
        'Café "Zur Post", <best@town.example>',
        "Trattoria\r\nBcc: everybody@town.example",
        "レストラン 桜 " * 12,
        "Müller\u2028 & Söhne\x00",
        "",
    ],
)
def test_a_mail_comes_from_the_restaurant_and_from_our_address(name: str) -> None:
    message = outgoing(restaurant=replace(AN_OUTGOING.restaurant, name=name))
    raw = compose(message, sender="book@here.example", recipient="d@e.f", now=NOW)
    mail = email.message_from_bytes(raw, policy=default)
    (sender,) = mail["From"].addresses
    assert sender.addr_spec == "book@here.example"
    # without blanks: Python's parser adds some where a long name was folded
    assert "".join(sender.display_name.split()) == "".join(name.replace("\x00", "").split()) or (
        not name and sender.display_name == "Maitred"
    )
    assert mail["Bcc"] is None and not mail["From"].defects
    assert max(map(len, raw.split(b"\r\n"))) <= 998


def test_a_failing_calendar_never_stops_the_mail(
    mailbox: Mailbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_args: object, **_options: object) -> bytes:
        raise ValueError("no calendar for zoe@guests.example today")

    monkeypatch.setattr(email_channel, "calendar_file", fail)
    mail = sent(mailbox, outgoing())
    assert "Your table is confirmed" in mailbox.mails()[-1].text
    assert mail.get_content_type() == "multipart/alternative"
    assert "calendar left out" in caplog.text and "guests.example" not in caplog.text


def test_a_real_calendar_that_cannot_be_made_never_stops_the_mail(mailbox: Mailbox) -> None:
    before_time = datetime(1, 1, 1, tzinfo=UTC)
    sent(mailbox, outgoing(ends_at=before_time))
    assert len(mailbox.mails()) == 1


@pytest.mark.parametrize(
    "name",
    [
        "Zoë\r\nBcc: all@guests.example",
        "Zoë\nX-Evil: yes\n\nbody",
        "Zoë\u2028X-Evil: yes",
        '"quoted" <evil@guests.example>, other@guests.example',
        "a\0b",
    ],
)
def test_no_name_becomes_a_header_or_a_recipient(mailbox: Mailbox, name: str) -> None:
    card = replace(AN_OUTGOING.restaurant, name=name)
    mail = sent(mailbox, outgoing(guest_name=name, restaurant=card, note=name))
    (envelope,) = mailbox.mails()
    assert envelope.recipients == ("zoe@guests.example",)
    assert mail["Bcc"] is None and mail["X-Evil"] is None
    assert [one.addr_spec for one in mail["To"].addresses] == ["zoe@guests.example"]
    assert [one.addr_spec for one in mail["Reply-To"].addresses] == ["ciao@bellavista.example"]
    assert "alternative" in str(mail) and "X-Evil" not in mail


def test_a_header_with_a_line_break_is_refused() -> None:
    for broken in ("a\r\nb", "a\n b", "a\rb"):
        with pytest.raises(ValueError, match="line break"):
            header("Subject", broken)


def test_long_names_in_any_script_come_back_whole(mailbox: Mailbox) -> None:
    name = "Ζωή Παπαδοπούλου 山田太郎 Müller-Lüdenscheidt " * 3
    sent(mailbox, outgoing(guest_name=name))
    raw = mailbox.mails()[-1].message.as_bytes()
    assert all(len(line) <= 998 for line in raw.splitlines())
    plain = email.message_from_bytes(raw)
    assert str(make_header(decode_header(plain["To"]))).startswith(" ".join(name.split()))


@pytest.mark.parametrize(
    "address",
    [
        *("", "nobody", "a@", "@b", "a b@c.example", "a,b@c.example", "a\r\nb@c.example"),
        "a@c.example\r\nRCPT TO:<d@e>",
    ],
)
def test_what_is_no_address_is_refused_for_good(mailbox: Mailbox, address: str) -> None:
    with pytest.raises(ChannelError) as refused, SmtpConnection(mailbox.url) as line:
        send_email(line, outgoing(guest_email=address), now=NOW)
    assert refused.value.permanent
    assert mailbox.mails() == []


def test_a_domain_beyond_ascii_is_written_in_ascii(mailbox: Mailbox) -> None:
    mail = sent(mailbox, outgoing(guest_email="zoe@bücher.example"))
    assert mailbox.mails("zoe@xn--bcher-kva.example")
    assert mail["To"].addresses[0].domain == "xn--bcher-kva.example"


class _Server:
    """An SMTP server with prepared answers that records its input."""

    def __init__(self, **options: Any) -> None:
        self.port = free_port()
        self.answers: dict[str, str] = {}
        self.heard: list[Envelope] = []
        self.connections = 0
        self.names: list[str] = []
        self.controller = Controller(self, hostname="127.0.0.1", port=self.port, **options)

    @property
    def url(self) -> str:
        return f"smtp://127.0.0.1:{self.port}"

    async def handle_EHLO(
        self, _server: SMTP, session: Session, _envelope: Envelope, hostname: str, lines: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        self.names.append(hostname)
        return lines

    async def handle_MAIL(
        self, server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if "MAIL" in self.answers:
            return self.answers["MAIL"]
        if self.answers.pop("HANG UP", None):
            assert server.transport is not None
            server.transport.close()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, _options: object
    ) -> str:
        if address in self.answers:
            return self.answers[address]
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if "DATA" in self.answers:
            return self.answers["DATA"]
        self.heard.append(envelope)
        return "250 OK"


@pytest.fixture
def server() -> Iterator[_Server]:
    one = _Server()
    one.controller.start()
    yield one
    one.controller.stop(no_assert=True)


@pytest.mark.parametrize(
    ("where", "answer", "permanent", "reason"),
    [
        ("zoe@guests.example", "550 no zoe@guests.example", True, "smtp 550: recipient refused"),
        ("zoe@guests.example", "552 5.2.2 full", False, "smtp 552 5.2.2: mailbox full"),
        ("zoe@guests.example", "451 greylisted", False, "smtp 451: greylisted"),
        ("DATA", "554 this is spam", True, "smtp 554: text refused"),
        ("DATA", "452 disk full", False, "smtp 452: text temporarily refused"),
    ],
)
def test_the_servers_no_is_for_good_or_for_now(
    server: _Server, where: str, answer: str, permanent: bool, reason: str
) -> None:
    server.answers[where] = answer
    with SmtpConnection(server.url) as line:
        with pytest.raises(ChannelError) as refused:
            send_email(line, outgoing(), now=NOW)
        assert (refused.value.permanent, refused.value.reason) == (permanent, reason)
        assert not isinstance(refused.value, ChannelDown)
        server.answers.clear()
        send_email(line, outgoing(guest_email="next@guests.example"), now=NOW)
    assert [envelope.rcpt_tos for envelope in server.heard] == [["next@guests.example"]]


@pytest.mark.parametrize(
    ("where", "answer", "kind"),
    [
        ("MAIL", "552 too much", ChannelDown),
        ("MAIL", "550 5.7.1 not you", ChannelDown),
        ("MAIL", "451 4.3.0 later", ChannelDown),
        ("zoe@guests.example", "421 bye", SenderRefused),
        (
            "zoe@guests.example",
            "554 5.7.1 <zoe@guests.example>: Relay access denied",
            SenderRefused,
        ),
        ("DATA", "550 5.4.5 Daily user sending limit exceeded", SenderRefused),
    ],
)
def test_a_refusal_of_the_sender_is_no_fault_of_the_message(
    server: _Server, where: str, answer: str, kind: type[ChannelError]
) -> None:
    server.answers[where] = answer
    with SmtpConnection(server.url) as line:
        with pytest.raises(kind) as refused:
            send_email(line, outgoing(), now=NOW)
        assert "guests.example" not in refused.value.reason
        server.answers.clear()
        send_email(line, outgoing(guest_email="next@guests.example"), now=NOW)
    assert [envelope.rcpt_tos for envelope in server.heard] == [["next@guests.example"]]


def test_the_name_in_the_greeting_has_the_domain_of_our_links(
    server: _Server, service_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strict servers refuse a container's id as a name."""
    for own, url, wanted in (
        ("", "https://tables.bellavista.example/x", "tables.bellavista.example"),
        ("mail.bellavista.example", "https://tables.bellavista.example", "mail.bellavista.example"),
        ("", "http://192.0.2.7:8080", "[192.0.2.7]"),
        ("", "http://[2001:db8::7]:8080", "[IPv6:2001:db8::7]"),
    ):
        values = {"SMTP_HELO": own, "PUBLIC_URL": url}
        surroundings.settle(monkeypatch, service_env | values)
        with SmtpConnection(server.url) as line:
            line.greet()
        assert server.names[-1] == wanted


def test_many_mails_go_over_one_connection(server: _Server) -> None:
    with SmtpConnection(server.url) as line:
        for number in range(5):
            send_email(line, outgoing(id=number), now=NOW)
    assert (len(server.heard), server.connections) == (5, 1)


def test_a_kept_connection_that_was_closed_meanwhile_is_made_anew(server: _Server) -> None:
    with SmtpConnection(server.url) as line:
        send_email(line, outgoing(id=1), now=NOW)
        server.answers["HANG UP"] = "once"
        send_email(line, outgoing(id=2), now=NOW)
    assert (len(server.heard), server.connections) == (2, 2)


def test_a_server_that_is_closing_is_down(server: _Server) -> None:
    server.answers["MAIL"] = "421 maintenance"
    with SmtpConnection(server.url) as line, pytest.raises(ChannelDown):
        send_email(line, outgoing(), now=NOW)


@pytest.mark.parametrize("url", ["smtp://127.0.0.1:1", "smtps://127.0.0.1:1", "http://x", "smtp:"])
def test_no_server_is_a_channel_that_is_down(url: str) -> None:
    with SmtpConnection(url) as line, pytest.raises(ChannelDown):
        send_email(line, outgoing(), now=NOW)


def test_an_address_beyond_ascii_needs_smtputf8() -> None:
    for enabled in (True, False):
        server = _Server(enable_SMTPUTF8=enabled)
        server.controller.start()
        message = outgoing(guest_email="zoë@guests.example")
        with SmtpConnection(server.url) as line:
            if enabled:
                send_email(line, message, now=NOW)
                (envelope,) = server.heard
                assert envelope.rcpt_tos == ["zoë@guests.example"]
                assert "SMTPUTF8" in envelope.mail_options
                assert isinstance(envelope.content, bytes)
                assert "zoë@guests.example".encode() in envelope.content
            else:
                with pytest.raises(ChannelError) as refused:
                    send_email(line, message, now=NOW)
                assert refused.value.permanent and not server.heard
        server.controller.stop(no_assert=True)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_the_login_of_the_url_is_used_and_a_wrong_one_is_a_channel_that_is_down(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def check(_s: SMTP, _n: Session, _e: Envelope, _m: str, data: LoginPassword) -> AuthResult:
        return AuthResult(success=(data.login, data.password) == (b"us@er", b"p:w"))

    server = _Server(authenticator=check, auth_required=True, auth_require_tls=False)
    server.controller.start()
    monkeypatch.setattr(smtp, "COMMAND_SECONDS", 1.0)  # aiosmtpd leaves a second try unanswered
    for login, is_right in (("us%40er:p%3Aw", True), ("us%40er:wrong", False)):
        with SmtpConnection(f"smtp://{login}@127.0.0.1:{server.port}") as line:
            if is_right:
                send_email(line, outgoing(), now=NOW)
            else:
                with pytest.raises(ChannelDown):
                    send_email(line, outgoing(), now=NOW)
    assert len(server.heard) == 1
    server.controller.stop(no_assert=True)


class _Tokens:
    """An authenticator that accepts one token, as Gmail and Microsoft 365 do."""

    offered = "XOAUTH2"

    async def auth_XOAUTH2(self, server: SMTP, args: list[str]) -> AuthResult:
        """RFC 4422: a wrong token first gets error details, which the client answers emptily."""
        said = base64.b64decode(args[1]) if len(args) > 1 else await server.challenge_auth("")
        if said == b"user=us@er\x01auth=Bearer t0k3n\x01\x01":
            return AuthResult(success=True)
        await server.challenge_auth(b'{"status":"400"}')
        return AuthResult(success=False, handled=False, message="535 5.7.8 not accepted")


@pytest.fixture
def by_token() -> Iterator[_Server]:
    """A server that accepts tokens only."""

    def refuse(*_args: object) -> AuthResult:
        return AuthResult(success=False)

    options = {"auth_exclude_mechanism": ["LOGIN", "PLAIN"], "auth_require_tls": False}
    one = _TokenServer(authenticator=refuse, auth_required=True, **options)
    one.controller.start()
    yield one
    one.controller.stop(no_assert=True)


class _TokenServer(_Server, _Tokens):
    pass


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS:UserWarning")
def test_a_server_that_takes_tokens_alone(
    by_token: _Server,
    service_env: dict[str, str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = f"smtp://us%40er@127.0.0.1:{by_token.port}"
    with SmtpConnection(url) as line, pytest.raises(ChannelDown) as none:
        send_email(line, outgoing(), now=NOW)
    assert none.value.reason == (
        "smtp: Maitred signs in with a password, the server offers XOAUTH2"
        ", which needs SMTP_TOKEN_FILE or SMTP_TOKEN_COMMAND"
    )
    token = tmp_path / "token"
    token.write_text("t0k3n\n")
    surroundings.settle(monkeypatch, service_env | {"SMTP_TOKEN_FILE": str(token)})
    with SmtpConnection(url) as line:
        send_email(line, outgoing(), now=NOW)
    token.write_text("old")
    with SmtpConnection(url) as line, pytest.raises(ChannelDown) as wrong:
        send_email(line, outgoing(), now=NOW)
    assert "535 5.7.8" in wrong.value.reason
    for command, works in ((f"{sys.executable} -c \"print('t0k3n')\"", True), ("false", False)):
        values = {"SMTP_TOKEN_COMMAND": command, "SMTP_TOKEN_FILE": ""}
        surroundings.settle(monkeypatch, service_env | values)
        with SmtpConnection(url) as line:
            if works:
                send_email(line, outgoing(), now=NOW)
            else:
                with pytest.raises(ChannelDown, match="no token"):
                    send_email(line, outgoing(), now=NOW)
    assert len(by_token.heard) == 2


def test_the_url_is_read_whole_and_its_password_is_shown_to_nobody() -> None:
    address = SmtpAddress.parse("smtp+starttls://book:s%2Fecret@mail.example")
    assert (address.host, address.port, address.password) == ("mail.example", 587, "s/ecret")
    assert "ecret" not in repr(address)
    assert SmtpAddress.parse("smtps://mail.example").port == 465


def test_no_address_reaches_the_log(server: _Server, caplog: pytest.LogCaptureFixture) -> None:
    server.answers["zoe@guests.example"] = "550 no zoe@guests.example"
    with (
        caplog.at_level(logging.DEBUG, logger="tasks"),
        SmtpConnection(server.url) as line,
        pytest.raises(ChannelError) as refused,
    ):
        send_email(line, outgoing(), now=NOW)
    assert "guests.example" not in caplog.text + refused.value.reason
