"""TLS to MySQL, Redis and the mail server: certificates and host names are verified."""

import ssl
from typing import Any

from sqlalchemy import URL

from models.core.settings import settings


def database_arguments(url: URL) -> dict[str, Any]:
    """Arguments for MySQLdb.connect: DATABASE_CA must have signed the server's certificate.

    The certificate must name the server's host. A local socket needs no TLS.
    """
    authority = settings().database_ca
    if authority is None or "unix_socket" in url.query:
        return {}
    return {"ssl_mode": "VERIFY_IDENTITY", "ssl": {"ca": str(authority)}}


def redis_client() -> dict[str, Any]:
    """Arguments for redis-py, if REDIS_URL is rediss://."""
    if not settings().redis_url.startswith("rediss://"):
        return {}
    return {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_min_version": ssl.TLSVersion.TLSv1_2,
    } | ({} if settings().redis_ca is None else {"ssl_ca_certs": str(settings().redis_ca)})


def redis_broker() -> dict[str, Any] | None:
    """Value of Celery's `broker_use_ssl`, if REDIS_URL is rediss://."""
    return redis_client() or None


def mail_context() -> ssl.SSLContext:
    """TLS context for smtplib: TLS 1.2 or later."""
    authority = settings().smtp_ca
    context = ssl.create_default_context(cafile=None if authority is None else str(authority))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
