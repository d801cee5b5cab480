"""What accounts send and are answered: sign-ins, passwords, second factors."""

from typing import Final, Literal

from pydantic import Field

from web.schemas.answers import Moment, Outgoing
from web.schemas.requests import Incoming

CODE: Final = "of the second factor's app, or a recovery code"


class RefreshRequest(Incoming):
    """The refresh token that was given last."""

    refresh_token: str = Field(min_length=1, max_length=4096)


class PasswordProof(Incoming):
    """An account's e-mail address and password."""

    email: str = Field(min_length=3, max_length=254)
    password: str = Field(min_length=1, max_length=200)


class SignInRequest(PasswordProof):
    """Who signs in."""

    code: str | None = Field(None, min_length=6, max_length=40, description=CODE)
    device_token: str | None = Field(None, max_length=64, description="of an earlier sign-in")


class CodeProof(PasswordProof):
    """The same, and a code."""

    code: str = Field(min_length=6, max_length=40, description=CODE)


class PasswordChange(Incoming):
    """The password that counts, and the one that shall."""

    current: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=200)


class PasswordFirst(Incoming):
    """The password that was made up for the account, and the one that shall count."""

    email: str = Field(min_length=3, max_length=254)
    current: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=200)


class TokensOut(Outgoing):
    """An access token, and the refresh token that is good once."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: Literal["Bearer"]
    device_token: str | None = Field(
        None, description="of a sign-in: for the next one from this device"
    )


class RoleOut(Outgoing):
    """A role at one restaurant."""

    slug: str
    name: str
    role: Literal["owner", "manager", "host", "viewer"]
    permissions: list[str]


class AccountOut(Outgoing):
    """The account that is signed in."""

    id: str
    email: str
    name: str
    restaurants: list[RoleOut]


class SignInOut(Outgoing):
    """A sign-in that counts."""

    id: str
    created_at: Moment
    expires_at: Moment
    is_this: bool = Field(description="the one that asks")


class SignInsOut(Outgoing):
    """One's own sign-ins."""

    sign_ins: list[SignInOut]


class SecondFactorOut(Outgoing):
    """What an app makes codes of."""

    secret: str = Field(description="base32, for typing in")
    uri: str = Field(description="otpauth://, for a QR code")


class RecoveryCodesOut(Outgoing):
    """Codes for who has lost the app; each counts once."""

    recovery_codes: list[str]
