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
NOT_SET: Final = "is not set (see .env.example, but in a folder where `make up` ran none is needed)"
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

    process: str = Field("", description="what this is; asks for its own secrets alone")
    database_url: str = Field("", validate_default=True, description=DATABASE)
    redis_url: str = Field("", validate_default=True, description="redis://host:port/0")
    secret_key: str = Field(
        "", validate_default=True, description="signs links, JWTs, contact keys: 32 characters"
    )
    master_key: str | None = Field(
        None, min_length=32, description="seals the keyset: a secret, or a key of a cloud's KMS"
    )
    keyset_file: Path = Field(Path("var/keyset.json"), description="keys of contact data, sealed")
    public_url: str = Field("http://localhost:8080", description="base of the links in messages")

    smtp_url: str = Field("smtp://localhost:1025", description="smtp[s]://[user:pass@]host:port")
    smtp_helo: str = Field("", description="our name in EHLO; empty: the host of PUBLIC_URL")
    smtp_token_file: Path | None = Field(None, description="an OAuth2 token: sign in by XOAUTH2")
    smtp_token_command: str = Field("", description="or a command that prints one")
    mail_from: str = "Maitred <book@localhost>"
    sms_channel: Literal["file", "twilio", "off"] = "file"
    sms_file: Path = Path("var/sms.jsonl")
    sms_from: str = "+15005550006"
    twilio_account_sid: str = ""
    twilio_auth_token: str = ""
    twilio_base_url: str = Field("", description="another base for Twilio's API (tests, proxies)")

    flower_user: str = "operator"
    flower_password: str = ""
    flower_url: str = Field("", description="where operators open it; linked on /status/operators")
    sentry_dsn: str = ""
    environment: str = "development"
    otel_exporter_otlp_endpoint: str = Field("", description="base address; empty: no traces")
    otel_exporter_otlp_headers: str = Field("", description="name=value,..: keys of who takes them")
    traces_share: float = Field(1.0, ge=0, le=1, description="of all traces, by their ids")
    otlp_metrics_seconds: int = Field(0, ge=0, le=3600, description="how often; 0: no metrics")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["json", "console"] = "json"

    lanes: int = Field(4, ge=1, le=256, description="shares the restaurants are divided into")
    decide_batch: int = Field(1000, ge=1, le=10_000, description="requests decided in a commit")
    senders: int = Field(4, ge=1, le=32, description="messages one worker sends at once")
    sweep_seconds: int = Field(3, ge=1, le=60)
    access_minutes: int = Field(15, ge=1, le=1440)
    refresh_days: int = Field(14, ge=1, le=90)
    wait_seconds_max: int = Field(10, ge=0, le=30, description="the longest `Prefer: wait=`")
    waiters_max: int = Field(8, ge=0, description="requests of one process that may wait at once")
    web_threads: int = Field(32, ge=1, le=1024, description="threads of one web process")
    streams_max: int = Field(8, ge=1, description="streams of events of one process")
    stream_seconds: int = Field(25, ge=1, le=40, description="then a stand asks for another")
    hashes_max: int = Field(2, ge=1, le=64, description="passwords hashed at once, 64 MiB each")
    trusted_proxies: int = Field(0, ge=0, le=4, description="proxies in front whose headers count")
    backup_store: str = Field("", pattern=STORE, description="where sealed backups lie: a folder")
    backup_second_store: str = Field("", pattern=STORE, description="another, for a copy of each")
    backup_lock_days: int = Field(0, ge=0, le=3650, description="S3's lock on what is kept")
    backup_key: str | None = Field(None, min_length=32, description="opens the backups")
    backup_old_key: str | None = Field(None, min_length=32, description="the one before it")
    backup_url: str = Field("", description="an account that may back up; empty: DATABASE_URL")
    backup_method: Literal["auto", "physical", "dump"] = "auto"
    backup_log: Literal["on", "off"] = Field("on", description="keep MariaDB's log as well")
    log_spool: Path = Field(Path("var/spool"), description="of the process that follows the log")
    snapshot_seconds: int = Field(60, ge=10, le=3600, description="between SQLite's backups")
    erasures_file: Path = Field(Path("var/erasures.jsonl"), description="who was erased, hashed")
    flag_provider: str = Field("", description="OpenFeature provider, module:factory; empty: ours")
    keep_audit_days: int = Field(365, ge=7, le=36_500, description="days of who looked at guests")
    metrics_dir: Path | None = Field(None, description="prometheus_client's multiprocess folder")
    metrics_token: str = Field("", description="opens /metrics and /readyz through a proxy")
    metrics_port: int = Field(0, ge=0, le=65535, description="a worker's own /metrics; 0: none")

    release_folder: Path = Field(Path("var/releases"), description="what `maitred release` knows")
    release_sockets: Path = Field(Path("/run/maitred"), description="sockets, and nginx's links")
    release_by: Literal["keeper", "systemd"] = Field("keeper", description="who runs a version")
    release_front: str = Field("https://127.0.0.1", description="nginx as guests reach it; or off")
    release_name: str = Field("", description="what this release is called, where it is told")
    release_watch_seconds: int = Field(30, ge=1, le=3600, description="for each share of a canary")
    release_slower_ms: int = Field(100, ge=1, description="above the old one's p95: a slow version")

    database_connect_seconds: int = Field(3, ge=1, le=30, description="and then the next server")
    database_statement_seconds: int = Field(10, ge=1, le=600, description="the longest statement")
    failover_url: str = Field("", description="an account that may fail over; the same servers")

    database_ca: Path | None = Field(None, description="TLS to MySQL, signed by these, or nothing")
    redis_ca: Path | None = Field(None, description="who signs the certificate of rediss://")
    smtp_ca: Path | None = Field(None, description="who signs the mail server's certificate")

    rate_limits: Literal["on", "off"] = "on"
    limit_exempt: str = Field("", description="networks that no limit counts, comma-separated")
    limit_address: str = Field("600/minute", pattern=RATE, description="of all from one address")
    limit_request: str = Field("60/minute", pattern=RATE, description="table requests from one")
    limit_contact: str = Field("20/hour", pattern=RATE, description="and for one guest's contact")
    limit_request_hour: str = Field("120/hour", pattern=RATE, description="the same, by the hour")
    limit_evening: str = Field("12/day", pattern=RATE, description="for one house's day, from one")
    limit_changes: str = Field("10/hour", pattern=RATE, description="of one reservation, by guest")
    limit_changes_day: str = Field("30/day", pattern=RATE, description="the same, by the day")
    limit_told: str = Field("30/hour", pattern=RATE, description="messages to one contact")
    limit_told_day: str = Field("100/day", pattern=RATE, description="the same, by the day")
    limit_stranger: str = Field("10/hour", pattern=RATE, description="to one that never answered")
    limit_stranger_day: str = Field("30/day", pattern=RATE, description="the same, by the day")
    limit_sms_abroad: str = Field("60/hour", pattern=RATE, description="of one house, all abroad")
    limit_manage: str = Field("120/minute", pattern=RATE, description="by manage links, from one")
    limit_account: str = Field("1200/minute", pattern=RATE, description="of one member of staff")
    second_factor: Literal["offered", "required"] = Field(
        "offered", description="required: no sign-in without one"
    )
    limit_guests: str = Field("60/minute", pattern=RATE, description="guests looked up, from one")
    limit_sign_in: str = Field("60/15minutes", pattern=RATE, description="attempts from one")
    limit_refresh: str = Field("120/15minutes", pattern=RATE, description="refreshes from one")
    limit_failures: str = Field("10/15minutes", pattern=RATE, description="wrong passwords")

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
        whose = f"the process {self.process} is not given it" if self.process else "it is not set"
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
