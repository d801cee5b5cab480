"""Calls of providers: whether they can reach us, where, and whether a call is theirs."""

from collections.abc import Mapping
from ipaddress import ip_address
from typing import Final
from urllib.parse import urlsplit

from twilio.request_validator import RequestValidator

from models.core.settings import settings

_PRIVATE_ENDINGS: Final = (".local", ".localhost", ".internal", ".test", ".example", ".lan")


def can_be_called(public_url: str) -> bool:
    """Whether somebody on the internet may reach this address: https, and no private host."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_PRIVATE_ENDINGS)


def status_url(message_id: int) -> str:
    """Where Twilio says what became of this text; empty where it cannot reach us."""
    base = settings().public_url.rstrip("/")
    return f"{base}/hooks/twilio/{message_id}" if can_be_called(base) else ""


def is_from_twilio(url: str, form: Mapping[str, str], signature: str) -> bool:
    """Whether our account's token signed this call to `url`. Nobody else has that token."""
    restaurant = settings()
    if restaurant.sms_channel != "twilio" or not url or not signature:
        return False
    return bool(RequestValidator(restaurant.twilio_auth_token).validate(url, form, signature))
