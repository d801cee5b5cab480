"""`maitred account`: accounts, and their roles at restaurants."""

import secrets
import sys
from datetime import timedelta
from typing import Final

import click
from sqlalchemy.orm import Session

from deploy.cli.errors import PlainGroup, Unusable
from deploy.cli.tables import print_table
from deploy.embedded.folder import join
from models.core import clock
from models.core.database.transactions import reading, unit
from models.operations.accounts.accounts import (
    create_account,
    grant_role,
    hash_password,
    set_password,
)
from models.operations.accounts.memberships import (
    close_account,
    find_account,
    is_closed,
    reopen_account,
    take_role,
)
from models.operations.accounts.second_factors import remove_of
from models.queries.floor.load import restaurant_by_slug
from models.queries.running import directory
from models.rules.permissions import Role

#: Random bytes of a generated password, and how long it may be used to choose another one.
PASSWORD_BYTES: Final = 12
FIRST_PASSWORD: Final = timedelta(days=3)


@click.group(cls=PlainGroup)
def account() -> None:
    """Accounts, and their roles at restaurants."""
    join()


@account.command()
@click.argument("email")
@click.option("--restaurant", "slug", required=True, help="the restaurant of the role")
@click.option("--role", type=click.Choice([role.value for role in Role]), required=True)
@click.option("--name", default="", help="name of the account")
@click.option("--password-stdin", is_flag=True, help="read the password from standard input")
def add(email: str, slug: str, role: str, name: str, password_stdin: bool) -> None:
    """Give EMAIL a role at a restaurant, creating the account if there is none.

    A new account's password is generated and printed, only this once, unless it comes from standard
    input. It is valid for three days, for choosing another. With a password from standard input, an
    existing account's password is replaced too, and its sign-ins end. A closed account is reopened
    with a new password, and without its former roles, second factor and sign-ins.
    """
    if "@" not in email:
        raise Unusable("email: must be an e-mail address")
    with reading() as session:
        restaurant_by_slug(session, slug)
        is_new = _is_new(session, email)
    given = sys.stdin.readline().rstrip("\r\n") if password_stdin else ""
    made = "" if password_stdin or not is_new else secrets.token_urlsafe(PASSWORD_BYTES)
    about = (email, name, slug)
    hashed = hash_password(given or made, about=about) if is_new or password_stdin else ""
    now = clock.now()
    first_until = now + FIRST_PASSWORD if made else None

    def work(session: Session) -> None:
        number = find_account(session, email)
        if number is None:
            number = create_account(
                session, email, name=name, password_hash=hashed, now=now, first_until=first_until
            )
        elif is_closed(session, number):
            reopen_account(session, number, password_hash=hashed, now=now, first_until=first_until)
        elif hashed:
            set_password(session, email, password_hash=hashed, now=now)
        restaurant = restaurant_by_slug(session, slug)
        grant_role(session, number, restaurant_id=restaurant.id, role=Role(role))

    unit(work)
    click.echo(f"{email.strip().lower()} is {role} at {slug}" + (" (new)" if is_new else ""))
    if made:
        click.echo(f"password: {made}")
        click.echo("change it within three days: POST /api/v1/auth/password/first")


def _is_new(session: Session, email: str) -> bool:
    """Return whether a password is needed: there is no such account, or it was closed."""
    number = find_account(session, email)
    return number is None or is_closed(session, number)


@account.command("list")
def list_accounts() -> None:
    """Print all accounts and their roles."""
    with reading() as session:
        lines = directory.accounts(session)
    rows = [
        (row.email, row.name, row.slug, row.role, "" if row.active else "closed") for row in lines
    ]
    print_table(("email", "name", "restaurant", "role", ""), rows)


@account.command()
@click.argument("email")
@click.option("--restaurant", "slug", help="remove only the role there; default: close the account")
def remove(email: str, slug: str | None) -> None:
    """Remove a role of EMAIL, or close the account. Nothing is deleted."""

    def work(session: Session) -> None:
        if slug is None:
            close_account(session, email, now=clock.now())
        else:
            restaurant = restaurant_by_slug(session, slug)
            take_role(session, email, restaurant_id=restaurant.id)

    unit(work)
    click.echo(f"{email}: no role at {slug} any more" if slug else f"{email}: closed")


@account.command("forget-factor")
@click.argument("email")
def forget_factor(email: str) -> None:
    """Remove the second factor of EMAIL, who has lost it and the recovery codes.

    Verify first that the request comes from the account's holder.
    """
    unit(lambda session: remove_of(session, email, now=clock.now()))
    click.echo(f"{email}: the password is enough, until a second factor is set up again")
