"""`maitred keys`: list, rotate and retire the encryption keys of guests' contact data."""

import re
import time
from functools import partial
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from deploy.cli.errors import PlainGroup, Unusable
from deploy.embedded.folder import join
from models.core.database.transactions import reading, unit
from models.core.secrets import encryption
from models.core.settings import KMS_KEY
from models.operations.accounts.second_factors import reseal_factors
from models.operations.guest_book.resealing import reseal_records
from models.operations.guests.resealing import count_by_key, reseal_some, reseal_some_details

BATCH = 500


@click.group(cls=PlainGroup)
def keys() -> None:
    """The encryption keys of guests' contact data."""
    join()


@keys.command("list")
def show_keys() -> None:
    """Show each key, and how many values it encrypts: guests, second factors."""
    ring, counts = encryption.keyring(now=True), _counts()
    table = Table("key", "values", "", box=None)
    for number in ring.ids:
        table.add_row(
            f"{number:08x}",
            f"{counts.pop(number, 0):,}",
            "primary" if number == ring.primary else "",
        )
    for number, count in counts.items():
        table.add_row(f"{number:08x}", f"{count:,}", "NOT IN THE KEYSET: these cannot be decrypted")
    Console().print(table)


@keys.command()
def rotate() -> None:
    """Create a new key and re-encrypt every guest with it, while Maitred keeps running.

    If it is interrupted, `maitred keys reseal` finishes the work. The old keys stay until `maitred
    keys retire`: earlier backups need them.
    """
    number = encryption.add_key()
    click.echo(f"key {number:08x} encrypts from now on")
    # a process that read the file just before may use the old key for this long
    time.sleep(2 * encryption.REREAD_SECONDS)
    _reseal()


@keys.command()
def reseal() -> None:
    """Re-encrypt everything that is encrypted with an older key."""
    _reseal()


@keys.command()
@click.option("--yes", is_flag=True, help="confirm: backups that need these keys are lost")
def retire(*, yes: bool) -> None:
    """Delete the keys that no stored value needs any more.

    Backups made before the last rotation cannot be opened without them.
    """
    ring, counts = encryption.keyring(now=True), _counts()
    idle = {number for number in ring.ids if number != ring.primary and not counts.get(number)}
    busy = [number for number in ring.ids if number != ring.primary and counts.get(number)]
    for number in busy:
        click.echo(f"key {number:08x} stays: {counts[number]:,} values are encrypted with it")
    if not idle:
        click.echo("no key to delete")
        return
    names = ", ".join(f"{number:08x}" for number in sorted(idle))
    if not yes:
        raise Unusable(f"this would delete {names}; confirm with --yes")
    encryption.drop_keys(idle)
    click.echo(f"deleted {names}")


@keys.command()
@click.argument("master")
@click.option("--into", required=True, type=click.Path(path_type=Path), help="a new file")
def move(master: str, into: Path) -> None:
    """Encrypt the keys with MASTER, a key of a cloud's KMS, into a new file; nothing else changes.

    MASTER is aws-kms://arn:aws:kms:... or gcp-kms://projects/...; a secret is not accepted here,
    because every account on this machine could read it.
    """
    if not re.match(KMS_KEY, master):
        raise Unusable("MASTER is not a key of a KMS: aws-kms://arn:... or gcp-kms://projects/...")
    encryption.copy_keys(into, master=master)
    click.echo(f"{into} is encrypted with {master}")
    click.echo("set KEYSET_FILE and MASTER_KEY to these two for every process, and restart them")


def _counts() -> dict[int, int]:
    with reading() as session:
        return count_by_key(session)


def _reseal() -> None:
    primary = encryption.keyring(now=True).primary
    todo = sum(count for number, count in _counts().items() if number != primary)
    done = 0
    with Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("re-encrypting", total=todo)
        for reseal in (reseal_some, reseal_some_details, reseal_records):
            after = 0
            while found := unit(partial(reseal, after=after, limit=BATCH)):
                count, after = found
                done += count
                progress.update(bar, completed=done)
        factors = unit(reseal_factors)
        progress.update(bar, completed=done + factors)
    also = f" and {factors:,} second factors" if factors else ""
    click.echo(f"{done:,} guests{also} re-encrypted; the primary key is {primary:08x}")
