"""E-mail: text, HTML and calendar in one mail, handed to the SMTP server."""

import logging
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import format_datetime, parseaddr

from models.core.settings import settings
from models.queries.outgoing import Outgoing
from tasks.channels import ChannelError
from tasks.channels.calendar import METHODS, calendar_file
from tasks.channels.smtp import SmtpLine
from tasks.templates.render import Letter, one_line, render_letter

log = logging.getLogger(__name__)


def send_email(line: SmtpLine, outgoing: Outgoing, *, now: datetime) -> str:
    """Hand this message to the SMTP server. Returns its Message-ID, the same at every attempt.

    Raises ChannelError.
    """
    recipient = _writable(outgoing.guest_email or "")
    mail = compose(outgoing, now=now)
    _, sender = parseaddr(settings().mail_from)
    options = []
    if not (recipient.isascii() and sender.isascii()):
        if not line.speaks_utf8:
            raise ChannelError("the mail server takes no such address", permanent=True)
        options.append("SMTPUTF8")
    raw = mail.as_bytes(policy=SMTPUTF8 if options else SMTP)
    line.hand_over(raw, sender=sender, recipient=recipient, options=options)
    return str(mail["Message-ID"])


def compose(outgoing: Outgoing, *, now: datetime) -> EmailMessage:
    """The whole mail. A calendar that fails is left out and logged; the mail goes all the same."""
    letter = render_letter(outgoing)
    name, sender = parseaddr(settings().mail_from)
    mail = EmailMessage(policy=SMTPUTF8)
    mail["From"] = _address(name, sender)
    mail["To"] = _address(outgoing.guest_name, outgoing.guest_email or "")
    if outgoing.restaurant.email:
        mail["Reply-To"] = _address(outgoing.restaurant.name, outgoing.restaurant.email)
    mail["Subject"] = letter.subject
    mail["Date"] = format_datetime(now)
    mail["Message-ID"] = f"<message-{outgoing.id}.maitred@{sender.rpartition('@')[2]}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["Content-Language"] = letter.language
    mail.set_content(letter.text, cte="quoted-printable")
    mail.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    _add_calendar(mail, outgoing, letter, sender, now)
    return mail


def _add_calendar(
    mail: EmailMessage, outgoing: Outgoing, letter: Letter, sender: str, now: datetime
) -> None:
    method = METHODS.get(outgoing.kind)
    if method is None:
        return
    organizer = outgoing.restaurant.email or sender
    try:
        invite = calendar_file(outgoing, letter, organizer=organizer, now=now)
    except Exception as error:  # whatever is wrong with it: no calendar is no reason for no mail
        log.warning(
            "calendar left out", extra={"message_id": outgoing.id, "error": type(error).__name__}
        )
        return
    mail.add_alternative(
        invite.decode(), subtype="calendar", params={"method": method}, cte="base64"
    )
    mail.add_attachment(
        invite, maintype="application", subtype="ics", filename="invite.ics", cte="base64"
    )


def _writable(address: str) -> str:
    """The address as the envelope takes it: its domain in ASCII. Raises ChannelError, permanent."""
    user, _, domain = address.rpartition("@")
    if not user or not domain or not address.isprintable() or set(address) & set(' <>,"'):
        raise ChannelError("no address that can be written to", permanent=True)
    try:
        return f"{user}@{domain.encode('idna').decode('ascii')}"
    except UnicodeError as wrong:
        raise ChannelError("no address that can be written to", permanent=True) from wrong


def _address(name: str, address: str) -> Address:
    user, _, domain = address.rpartition("@")
    return Address(display_name=one_line(name), username=user, domain=domain)
