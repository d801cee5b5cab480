"""Provider callbacks: whether PUBLIC_URL can be reached, the callback URL, the signature check."""

from collections.abc import Mapping
from ipaddress import ip_address
from types import ModuleType
from typing import Final
from urllib.parse import urlsplit

from models.core.extras import load_extra
from models.core.settings import settings

_PRIVATE_ENDINGS: Final = (".local", ".localhost", ".internal", ".test", ".example", ".lan")


def can_be_called(public_url: str) -> bool:
    """Whether this address may be reachable from the internet: https, and no private host."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    if parts.scheme != "https":
        return False
    try:
        return ip_address(host).is_global
    except ValueError:
        return "." in host and not host.endswith(_PRIVATE_ENDINGS)


def status_url(message_id: int) -> str:
    """Return the URL for Twilio's status callbacks on this text; "" if Twilio cannot reach it."""
    base = settings().public_url.rstrip("/")
    return f"{base}/hooks/twilio/{message_id}" if can_be_called(base) else ""


def is_from_twilio(url: str, form: Mapping[str, str], signature: str) -> bool:
    """Whether this call to `url` is signed with the account's auth token, a shared secret."""
    config = settings()
    if config.sms_channel != "twilio" or not url or not signature:
        return False
    token = config.twilio_auth_token
    return bool(load_twilio().is_signed(url, form, signature, auth_token=token))


def load_twilio() -> ModuleType:
    """Import the module of Twilio's client. Raises SettingsInvalid if it is not installed."""
    return load_extra(
        "tasks.messaging.channels.twilio_api",
        install="SMS_CHANNEL=twilio needs the extra `sms` (requirements/mysql.txt has it)",
    )
