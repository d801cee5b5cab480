"""E-mail: text, HTML and calendar file in one mail, handed to the SMTP server."""

import logging
from datetime import datetime
from email.utils import format_datetime, parseaddr

from models.core.settings import settings
from models.queries.messages.outgoing import Outgoing
from tasks.messaging.channels import ChannelError, Receipt
from tasks.messaging.channels.calendar import METHODS, calendar_file
from tasks.messaging.channels.mime import MimePart, address_header, assemble, header
from tasks.messaging.channels.smtp import SmtpConnection
from tasks.messaging.templates.render import Letter, one_line, render_letter

log = logging.getLogger(__name__)


def send_email(connection: SmtpConnection, outgoing: Outgoing, *, now: datetime) -> Receipt:
    """Hand this message to the SMTP server. Raises ChannelError.

    The id in the receipt is the Message-ID, the same at every attempt.
    """
    recipient = writable(outgoing.guest_email or "")
    _, sender = parseaddr(settings().mail_from)
    sender = writable(sender)
    utf8 = not (recipient + sender).isascii()
    if utf8 and not connection.speaks_utf8:
        raise ChannelError("the mail server does not accept such an address", permanent=True)
    raw = compose(outgoing, sender=sender, recipient=recipient, now=now)
    options = ["SMTPUTF8"] if utf8 else []
    answer = connection.hand_over(raw, sender=sender, recipient=recipient, options=options)
    return Receipt(message_id(outgoing, sender), answer)


def message_id(outgoing: Outgoing, sender: str) -> str:
    """Return the Message-ID, made from the id of the message's row."""
    return f"<message-{outgoing.id}.maitred@{sender.rpartition('@')[2]}>"


def compose(outgoing: Outgoing, *, sender: str, recipient: str, now: datetime) -> bytes:
    """Return the whole mail. A calendar file that cannot be made is logged and left out."""
    letter = render_letter(outgoing)
    alternatives = [
        MimePart("text/plain; charset=utf-8", letter.text.encode()),
        MimePart("text/html; charset=utf-8", letter.html.encode()),
    ]
    attachments = []
    invite = _invite(outgoing, letter, sender, now)
    if invite:
        method = METHODS[outgoing.kind]
        calendar = f"text/calendar; charset=utf-8; method={method}"
        alternatives.append(MimePart(calendar, invite))
        attachments.append(MimePart("application/ics", invite, filename="invite.ics"))
    return assemble(_headers(outgoing, letter, sender, recipient, now), alternatives, attachments)


def _headers(
    outgoing: Outgoing, letter: Letter, sender: str, recipient: str, now: datetime
) -> list[bytes]:
    restaurant, (our_name, _) = outgoing.restaurant, parseaddr(settings().mail_from)
    headers = [
        address_header("From", one_line(restaurant.name) or one_line(our_name), sender),
        address_header("To", one_line(outgoing.guest_name), recipient),
        header("Subject", letter.subject),
        header("Date", format_datetime(now)),
        header("Message-ID", message_id(outgoing, sender)),
        header("Auto-Submitted", "auto-generated"),
        header("Content-Language", letter.language),
    ]
    takes_utf8 = not (recipient + sender).isascii()  # send_email has checked the server for it
    if restaurant.email and (restaurant.email.isascii() or takes_utf8):
        headers.append(
            address_header("Reply-To", one_line(restaurant.name), one_line(restaurant.email))
        )
    return headers


def _invite(outgoing: Outgoing, letter: Letter, sender: str, now: datetime) -> bytes:
    is_open = outgoing.confirm_by is not None or outgoing.approve_by is not None
    if outgoing.kind not in METHODS or is_open:
        return b""
    organizer = outgoing.restaurant.email or sender
    try:
        return calendar_file(outgoing, letter, organizer=organizer, now=now)
    except Exception as error:  # any error: the mail is sent without the calendar file
        log.warning(
            "calendar left out", extra={"message_id": outgoing.id, "error": type(error).__name__}
        )
        return b""


def writable(address: str) -> str:
    """Return the address for the SMTP envelope, with its domain in ASCII.

    Raises a permanent ChannelError for an invalid address: a line break in it would inject a
    command to the mail server.
    """
    local, _, domain = address.rpartition("@")
    if not local or not domain or not address.isprintable() or set(address) & set(' <>,"'):
        raise ChannelError("the address is not valid", permanent=True)
    try:
        return f"{local}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError as wrong:
        raise ChannelError("the address is not valid", permanent=True) from wrong
