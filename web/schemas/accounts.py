"""Requests and responses of accounts: sign-ins, passwords, second factors."""

from typing import Final, Literal

from pydantic import Field

from web.schemas.answers import Moment, ResponseModel
from web.schemas.requests import RequestModel

CODE: Final = "a code of the authenticator app, or a recovery code"


class RefreshRequest(RequestModel):
    """The most recent refresh token."""

    refresh_token: str = Field(min_length=1, max_length=4096)


class PasswordProof(RequestModel):
    """An account's e-mail address and password."""

    email: str = Field(min_length=3, max_length=254)
    password: str = Field(min_length=1, max_length=200)


class SignInRequest(PasswordProof):
    """A sign-in with password, and a code where the account has a second factor."""

    code: str | None = Field(None, min_length=6, max_length=40, description=CODE)
    device_token: str | None = Field(
        None, max_length=64, description="the device_token of an earlier sign-in"
    )


class CodeProof(PasswordProof):
    """An account's e-mail address and password, and a code."""

    code: str = Field(min_length=6, max_length=40, description=CODE)


class PasswordChange(RequestModel):
    """The current password and the new one."""

    current: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=200)


class PasswordFirst(RequestModel):
    """The account's initial password and the one to replace it."""

    email: str = Field(min_length=3, max_length=254)
    current: str = Field(min_length=1, max_length=200)
    password: str = Field(min_length=1, max_length=200)


class TokensOut(ResponseModel):
    """An access token, and a refresh token that can be used once."""

    access_token: str
    refresh_token: str
    expires_in: int
    token_type: Literal["Bearer"]
    device_token: str | None = Field(
        None, description="send it with the next sign-in from this device"
    )


class RoleOut(ResponseModel):
    """A role at one restaurant."""

    slug: str
    name: str
    role: Literal["owner", "manager", "host", "viewer"]
    permissions: list[str]


class AccountOut(ResponseModel):
    """The account that is signed in."""

    id: str
    email: str
    name: str
    restaurants: list[RoleOut]


class SignInOut(ResponseModel):
    """A valid sign-in."""

    id: str
    created_at: Moment
    expires_at: Moment
    is_this: bool = Field(description="the sign-in of this request")


class SignInsOut(ResponseModel):
    """The account's own sign-ins."""

    sign_ins: list[SignInOut]


class SecondFactorOut(ResponseModel):
    """The secret from which an authenticator app makes codes."""

    secret: str = Field(description="base32, to type in")
    uri: str = Field(description="otpauth://, for a QR code")


class RecoveryCodesOut(ResponseModel):
    """Codes for use without the app; each can be used once."""

    recovery_codes: list[str]
