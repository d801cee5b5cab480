"""All settings, typed, read once from the environment (or from `*_FILE` secrets)."""

import os
import re
from functools import lru_cache
from ipaddress import ip_network
from pathlib import Path
from typing import Final, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator
from pydantic_core import PydanticCustomError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.exc import ArgumentError

from models.core.database.servers import split_url
from models.core.errors import SettingsInvalid
from models.core.secrets.by_process import REQUIRED, needed_by

DATABASE: Final = "sqlite:///path or mysql+mysqldb://user:pass@host/name"
SECRET_LENGTH: Final = 32
NOT_SET: Final = "is not set (see .env.example, but a folder where `make up` ran needs none)"
#: "600/minute", "10/15minutes": a count per period (in Rust's regex, $ matches only at the very
#: end)
RATE: Final = r"^[1-9]\d{0,8}/([1-9]\d{0,3})?(second|minute|hour|day)s?$"

#: a key that never leaves a cloud's key service
KMS_KEY: Final = (
    r"^(aws-kms://arn:aws:kms:[a-z0-9-]+:[^:]*:[^:]+"
    r"|gcp-kms://projects/[^/]+/locations/[^/]+/keyRings/[^/]+/cryptoKeys/[^/]+)$"
)
#: a folder, or an S3 bucket with a prefix of its object names
STORE: Final = (
    r"^([^:?]*|s3://[a-z0-9][a-z0-9.-]+(/[A-Za-z0-9._-]+)*/?(\?(region|endpoint|profile)=[^&]+"
    r"(&(region|endpoint|profile)=[^&]+)*)?)$"
)


class Settings(BaseSettings):
    """All settings of this installation.

    The environment variables are the field names in upper case.
    """

    model_config = SettingsConfigDict(extra="ignore", env_ignore_empty=True)

    process: str = Field("", description="kind of process; limits the secrets it needs")
    database_url: str = Field("", validate_default=True, description=DATABASE)
    redis_url: str = Field("", validate_default=True, description="redis://host:port/0")
    secret_key: str = Field(
        "",
        validate_default=True,
        description="for links, JWTs and contact keys: 32 characters",
    )
    master_key: str | None = Field(
        None, min_length=32, description="encrypts the keyset: a secret, or a key of a KMS"
    )
    keyset_file: Path = Field(Path("var/keyset.json"), description="encrypted keys of contact data")
    public_url: str = Field("http://localhost:8080", description="base address of message links")

    smtp_url: str = Field("smtp://localhost:1025", description="smtp[s]://[user:pass@]host:port")
    smtp_helo: str = Field("", description="host name in EHLO; empty: that of PUBLIC_URL")
    smtp_token_file: Path | None = Field(None, description="file with an OAuth2 token")
    smtp_token_command: str = Field("", description="or a command that prints the token")
    mail_from: str = "Maitred <book@localhost>"
    sms_channel: Literal["file", "twilio", "off"] = "file"
    sms_file: Path = Path("var/sms.jsonl")
    sms_from: str = "+15005550006"
    twilio_account_sid: str = ""
    twilio_auth_token: str = ""
    twilio_base_url: str = Field("", description="base address of another Twilio API")

    flower_user: str = "operator"
    flower_password: str = ""
    flower_url: str = Field("", description="address linked on /status/operators")
    sentry_dsn: str = ""
    environment: str = "development"
    otel_exporter_otlp_endpoint: str = Field("", description="base address; empty: no traces")
    otel_exporter_otlp_headers: str = Field("", description="headers as name=value,name=value")
    traces_share: float = Field(1.0, ge=0, le=1, description="share of traces that are sampled")
    otlp_metrics_seconds: int = Field(0, ge=0, le=3600, description="export period; 0: none")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    lanes: int = Field(4, ge=1, le=256, description="number of allocation lanes")
    decide_batch: int = Field(1000, ge=1, le=10_000, description="requests decided per commit")
    senders: int = Field(4, ge=1, le=32, description="parallel sends of a worker")
    sweep_seconds: int = Field(3, ge=1, le=60)
    access_minutes: int = Field(15, ge=1, le=1440)
    refresh_days: int = Field(14, ge=1, le=90)
    wait_seconds_max: int = Field(10, ge=0, le=30, description="maximum of `Prefer: wait=`")
    waiters_max: int = Field(8, ge=0, description="waiting requests per process")
    web_threads: int = Field(32, ge=1, le=1024, description="threads per web process")
    streams_max: int = Field(8, ge=1, description="event streams per process")
    stream_seconds: int = Field(25, ge=1, le=40, description="duration of an event stream")
    hashes_max: int = Field(2, ge=1, le=64, description="parallel password hashes, 64 MiB each")
    trusted_proxies: int = Field(0, ge=0, le=4, description="number of trusted proxies in front")
    backup_store: str = Field("", pattern=STORE, description="folder or s3:// of the backups")
    backup_second_store: str = Field("", pattern=STORE, description="store of a second copy")
    backup_lock_days: int = Field(0, ge=0, le=3650, description="days of S3's object lock")
    backup_key: str | None = Field(None, min_length=32, description="key of the backups")
    backup_old_key: str | None = Field(None, min_length=32, description="previous backup key")
    backup_url: str = Field("", description="account for backups; empty: DATABASE_URL")
    backup_method: Literal["auto", "physical", "dump"] = "auto"
    backup_log: Literal["on", "off"] = Field("on", description="also store MariaDB's log")
    log_spool: Path = Field(Path("var/spool"), description="folder of the log follower")
    snapshot_seconds: int = Field(60, ge=10, le=3600, description="between backups of SQLite")
    erasures_file: Path = Field(Path("var/erasures.jsonl"), description="hashes of erased guests")
    flag_provider: str = Field("", description="OpenFeature provider as module:factory")
    keep_audit_days: int = Field(365, ge=7, le=36_500, description="days to keep audit entries")
    metrics_dir: Path | None = Field(None, description="prometheus_client's multiprocess folder")
    metrics_token: str = Field("", description="token for /metrics, /readyz behind a proxy")
    metrics_port: int = Field(0, ge=0, le=65535, description="port of a worker's /metrics; 0: none")

    release_folder: Path = Field(Path("var/releases"), description="records of `maitred release`")
    release_sockets: Path = Field(Path("/run/maitred"), description="sockets and nginx's links")
    release_by: Literal["keeper", "systemd"] = Field("keeper", description="process supervisor")
    release_front: str = Field("https://127.0.0.1", description="address of nginx; or off")
    release_name: str = Field("", description="name of this release in reports")
    release_watch_seconds: int = Field(30, ge=1, le=3600, description="per share of a canary")
    release_slower_ms: int = Field(100, ge=1, description="p95 above the old version's: slow")

    database_connect_seconds: int = Field(3, ge=1, le=30, description="per server")
    database_statement_seconds: int = Field(10, ge=1, le=600, description="statement time-out")
    failover_url: str = Field("", description="account for failover; the same servers")

    database_ca: Path | None = Field(None, description="CAs of MySQL; empty: TLS is optional")
    redis_ca: Path | None = Field(None, description="CAs for rediss://")
    smtp_ca: Path | None = Field(None, description="CAs of the mail server")

    rate_limits: Literal["on", "off"] = "on"
    limit_exempt: str = Field("", description="networks without limits, comma-separated")
    limit_address: str = Field(
        "600/minute", pattern=RATE, description="all requests of one address"
    )
    limit_request: str = Field(
        "60/minute", pattern=RATE, description="table requests of one address"
    )
    limit_contact: str = Field(
        "20/hour", pattern=RATE, description="table requests for one contact"
    )
    limit_request_hour: str = Field("120/hour", pattern=RATE, description="the same, by the hour")
    limit_evening: str = Field(
        "12/day", pattern=RATE, description="per restaurant, date and address"
    )
    limit_changes: str = Field(
        "10/hour", pattern=RATE, description="changes of a reservation by guest"
    )
    limit_changes_day: str = Field("30/day", pattern=RATE, description="the same, by the day")
    limit_told: str = Field("30/hour", pattern=RATE, description="messages to one contact")
    limit_told_day: str = Field("100/day", pattern=RATE, description="the same, by the day")
    limit_stranger: str = Field("10/hour", pattern=RATE, description="to an unconfirmed contact")
    limit_stranger_day: str = Field("30/day", pattern=RATE, description="the same, by the day")
    limit_sms_abroad: str = Field(
        "60/hour", pattern=RATE, description="SMS of one restaurant abroad"
    )
    limit_manage: str = Field("120/minute", pattern=RATE, description="manage links, one address")
    limit_account: str = Field("1200/minute", pattern=RATE, description="of one account")
    second_factor: Literal["offered", "required"] = Field(
        "offered", description="required: no sign-in without one"
    )
    limit_guests: str = Field(
        "60/minute", pattern=RATE, description="guest look-ups of one address"
    )
    limit_sign_in: str = Field("60/15minutes", pattern=RATE, description="sign-ins of one address")
    limit_refresh: str = Field(
        "120/15minutes", pattern=RATE, description="refreshes of one address"
    )
    limit_failures: str = Field("10/15minutes", pattern=RATE, description="failed sign-ins")

    @property
    def is_sqlite(self) -> bool:
        """Whether the database is a SQLite file."""
        return self.database_url.startswith("sqlite")

    @property
    def keeps_log(self) -> bool:
        """Whether the database's log is stored with the backups, for restores to the second."""
        return bool(self.backup_store) and self.backup_log == "on" and not self.is_sqlite

    @property
    def lacks_backups(self) -> bool:
        """Whether this is production without backups, which must be reported."""
        return self.environment == "production" and not self.backup_store

    @property
    def backup_asked_seconds(self) -> int:
        """Period in seconds of the check whether a backup is due."""
        return self.snapshot_seconds if self.is_sqlite else 300

    def secret(self, name: str) -> str:
        """The secret in the field of that name. Raises SettingsInvalid if it is empty."""
        value = getattr(self, name)
        if value:
            return str(value)
        whose = f"the process {self.process} does not get it" if self.process else "it is not set"
        raise SettingsInvalid(f"{name.upper()}: {whose} (docs/security.md)")

    @model_validator(mode="before")
    @classmethod
    def read_secret_files(cls, values: dict[str, object]) -> dict[str, object]:
        """`SECRET_KEY_FILE=/run/secrets/key` sets SECRET_KEY to the file's text."""
        for name in cls.model_fields:
            path = os.environ.get(f"{name.upper()}_FILE")
            text = Path(path).read_text(encoding="utf-8") if path and not values.get(name) else ""
            if text.strip():  # an empty file counts as not set, like an empty variable
                values[name] = text.strip()
        return values

    @field_validator("process")
    @classmethod
    def check_process(cls, value: str) -> str:
        """Require a known process name, or several of them."""
        needed_by(value)
        return value

    @field_validator(*(name.lower() for name in REQUIRED))
    @classmethod
    def check_required(cls, value: str, info: ValidationInfo) -> str:
        """Require a value if this process needs it, and the minimum length of the secret key."""
        name = str(info.field_name)
        if not value and name.upper() in needed_by(info.data.get("process", "")):
            raise PydanticCustomError("missing", "Field required")
        if value and name == "secret_key" and len(value) < SECRET_LENGTH:
            raise ValueError(f"should have at least {SECRET_LENGTH} characters")
        return value

    @field_validator("limit_exempt")
    @classmethod
    def check_networks(cls, value: str) -> str:
        """Require networks such as `10.0.0.0/8, ::1`."""
        for part in filter(None, map(str.strip, value.split(","))):
            ip_network(part)  # its ValueError names the part
        return value

    @field_validator("database_url", "failover_url")
    @classmethod
    def check_database_url(cls, value: str) -> str:
        """Require a URL with a known dialect. The error message does not repeat the URL."""
        try:
            if value:
                split_url(value)[0].get_dialect()
        except (ArgumentError, ValueError):
            raise ValueError(f"must be like {DATABASE}") from None
        return value

    @field_validator("master_key")
    @classmethod
    def check_master_key(cls, value: str | None) -> str | None:
        """Require the full name of a cloud's key. The error message does not repeat a secret."""
        if value and "kms:" in value.partition("/")[0] and not re.match(KMS_KEY, value):
            raise ValueError(
                "must be like aws-kms://arn:aws:kms:REGION:ACCOUNT:key/ID or "
                "gcp-kms://projects/P/locations/L/keyRings/R/cryptoKeys/K"
            )
        return value

    @model_validator(mode="after")
    def check_backups(self) -> Self:
        """Require a key for the backups, and a second store that differs from the first."""
        if self.backup_store and not self.backup_key and self._needs("BACKUP_KEY"):
            raise ValueError("BACKUP_STORE needs BACKUP_KEY")
        if self.backup_second_store and self.backup_second_store == self.backup_store:
            raise ValueError("BACKUP_SECOND_STORE is BACKUP_STORE; it has to be another")
        if self.backup_second_store and not self.backup_store:
            raise ValueError("BACKUP_SECOND_STORE needs BACKUP_STORE")
        return self

    def _needs(self, secret: str) -> bool:
        return secret in needed_by(self.process)

    @model_validator(mode="after")
    def check_channels(self) -> Self:
        """Require Twilio's two credentials where texts are sent or its calls are verified."""
        signed_in = self.twilio_account_sid and self.twilio_auth_token
        asked = self.sms_channel == "twilio" and self._needs("TWILIO_AUTH_TOKEN")
        if asked and not signed_in:
            raise ValueError("sms_channel=twilio needs TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN")
        return self


def load_settings() -> Settings:
    """Read the environment now. Raises SettingsInvalid with all problems in one message."""
    try:
        return Settings()
    except ValidationError as invalid:
        lines = [
            f"{'.'.join(str(part) for part in error['loc']).upper() or 'settings'}: "
            f"{NOT_SET if error['type'] == 'missing' else error['msg']}"
            for error in invalid.errors()
        ]
        raise SettingsInvalid("; ".join(lines)) from invalid
    except OSError as unreadable:
        raise SettingsInvalid(f"a *_FILE secret cannot be read: {unreadable}") from unreadable


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The process's settings, read at the first call."""
    return load_settings()
