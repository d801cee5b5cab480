"""The start of an SMTP session: the EHLO name and the sign-in."""

import shlex
import smtplib
import subprocess  # nosec B404 - runs the operator's own command
from ipaddress import ip_address
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from models.core.settings import settings

#: How long the operator's command may take to print a token.
TOKEN_SECONDS: Final = 10.0
#: The mechanisms of `smtplib.SMTP.login`.
_BY_PASSWORD: Final = frozenset({"CRAM-MD5", "PLAIN", "LOGIN"})


class NoCommonMechanism(smtplib.SMTPException):
    """No sign-in mechanism in common with the server, or no token for it."""


def own_name() -> str:
    """Return the name for EHLO: SMTP_HELO, or the host of PUBLIC_URL.

    Strict servers refuse a name without a domain, such as a container's. Passing the name to
    smtplib also avoids a DNS lookup, which may take seconds.
    """
    name = settings().smtp_helo or urlsplit(settings().public_url).hostname or "localhost"
    try:
        address = ip_address(name)
    except ValueError:
        return name
    return f"[{name}]" if address.version == 4 else f"[IPv6:{name}]"


def sign_in(smtp: smtplib.SMTP, login: str, password: str) -> None:
    """Sign in by token (XOAUTH2) if the settings name a source for one, else by password.

    Raises NoCommonMechanism, and smtplib's errors.
    """
    offered = set(smtp.esmtp_features.get("auth", "").upper().split())
    config = settings()
    if config.smtp_token_file or config.smtp_token_command:
        if "XOAUTH2" not in offered:
            raise NoCommonMechanism(f"Maitred signs in with XOAUTH2, {_offers(offered)}")
        _by_token(smtp, login, _token(config.smtp_token_file, config.smtp_token_command))
        return
    if not offered & _BY_PASSWORD:
        hint = ", which needs SMTP_TOKEN_FILE or SMTP_TOKEN_COMMAND" if "XOAUTH2" in offered else ""
        raise NoCommonMechanism(f"Maitred signs in with a password, {_offers(offered)}{hint}")
    smtp.login(login, password)


def _offers(offered: set[str]) -> str:
    return f"the server offers {' '.join(sorted(offered)) or 'no sign-in'}"


def _by_token(smtp: smtplib.SMTP, login: str, token: str) -> None:
    said = f"user={login}\x01auth=Bearer {token}\x01\x01"

    def answer(challenge: bytes | None = None) -> str:
        # a challenge describes an error; the protocol requires an empty reply to it
        return said if challenge is None else ""

    smtp.auth("XOAUTH2", answer, initial_response_ok=True)


def _token(file: Path | None, command: str) -> str:
    """Return a token, read for each session: it expires in about an hour.

    Raises NoCommonMechanism.
    """
    try:
        if file:
            token = file.read_text(encoding="ascii").strip()
        else:
            made = subprocess.run(  # nosec B603 - the operator's own command, no shell
                shlex.split(command),
                capture_output=True,
                text=True,
                timeout=TOKEN_SECONDS,
                check=True,
            )
            token = made.stdout.strip()
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        raise NoCommonMechanism(f"no token ({type(error).__name__})") from error
    if not token or not token.isprintable():
        raise NoCommonMechanism("no token (it is empty)")
    return token
