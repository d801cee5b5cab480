"""Encryption at rest: personal data in the database is AES-256-GCM, by Tink.

Each encrypted value is bound to its subject (a reservation's reference): moved to another row, it
cannot be decrypted. The keys are a Tink keyset in a file, itself encrypted by the master key, so
that neither the database, nor its dumps, nor the file alone are enough to decrypt anything. A
changed file is noticed within a second, so adding a key to the file is enough to use it.
"""

import logging
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import tink
from tink import aead, json_proto_keyset_format, proto_keyset_format, secret_key_access
from tink.proto import aes_gcm_pb2, tink_pb2

from models.core.atomic_files import write_atomically
from models.core.errors import DecryptionFailed, KeyServiceUnavailable, SettingsInvalid
from models.core.secrets.kms import is_kms_key, kms_aead
from models.core.secrets.signing import derive_key
from models.core.settings import settings

log = logging.getLogger(__name__)

#: How long a process uses its keys before it checks the file again.
REREAD_SECONDS = 1.0
#: How long a key service that did not answer is not called again.
AWAY_SECONDS = 30.0
#: A Tink ciphertext begins with a version byte and the key's id.
PREFIX = 5
_ABOUT_KEYS = b"maitred keyset"
_AES_GCM = "type.googleapis.com/google.crypto.tink.AesGcmKey"

aead.register()


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys as read from the file: `ids` of all, oldest first; `primary` encrypts."""

    keyset: tink_pb2.Keyset
    aead: aead.Aead
    stamp: tuple[int, int]
    ids: tuple[int, ...]

    @property
    def primary(self) -> int:
        """The id of the key that encrypts."""
        return int(self.keyset.primary_key_id)


class _HeldKeyring:
    """The process's keyring, and when the file was last checked."""

    def __init__(self) -> None:
        self.ring: Keyring | None = None
        self.read_at = 0.0
        self.away_until = 0.0
        self.lock = threading.Lock()


@lru_cache(maxsize=1)
def _held() -> _HeldKeyring:
    return _HeldKeyring()


def seal(plain: bytes, *, about: str) -> bytes:
    """Encrypt a value for the database. Raises SettingsInvalid without a keyset."""
    sealed: bytes = keyring().aead.encrypt(plain, about.encode())
    return sealed


def unseal(sealed: bytes, *, about: str) -> bytes:
    """Decrypt a value. Raises DecryptionFailed if it was changed or moved, or lacks its key."""
    ring = keyring()
    if key_of(sealed) not in ring.ids:  # encrypted with a key newer than the last check of the file
        ring = keyring(now=True)
    try:
        plain: bytes = ring.aead.decrypt(sealed, about.encode())
    except tink.TinkError as broken:
        raise DecryptionFailed(f"{about} cannot be decrypted") from broken
    return plain


def key_of(sealed: bytes) -> int:
    """The id of the key that encrypted this value."""
    return int.from_bytes(sealed[1:PREFIX], "big")


def prefix_of(key_id: int) -> bytes:
    """The first bytes of every value encrypted with this key."""
    return b"\x01" + key_id.to_bytes(4, "big")


def keyring(*, now: bool = False) -> Keyring:
    """The keys in the file; checked for changes at most once a second, unless `now`."""
    held = _held()
    moment = time.monotonic()
    if held.ring is not None and not now and moment - held.read_at < REREAD_SECONDS:
        return held.ring
    with held.lock:
        if held.ring is None:
            held.ring = read_keyring()
        elif moment >= held.away_until and _stamp() != held.ring.stamp:
            try:
                held.ring = read_keyring()
            except KeyServiceUnavailable as away:  # the keys in memory decrypt nearly all values
                log.warning("new keys cannot be decrypted yet", extra={"what": away.message})
                held.away_until = time.monotonic() + AWAY_SECONDS
        held.read_at = moment
        return held.ring


def read_keyring() -> Keyring:
    """Read and decrypt the keyset file. Raises SettingsInvalid, naming the file, if that fails."""
    path, stamp = settings().keyset_file, _stamp()
    try:
        handle = json_proto_keyset_format.parse_encrypted(
            path.read_text(encoding="utf-8"), _master(), _ABOUT_KEYS
        )
    except (OSError, ValueError) as unreadable:
        raise SettingsInvalid(
            f"KEYSET_FILE: {path} cannot be read ({type(unreadable).__name__}); "
            "`maitred migrate` creates it for a new installation"
        ) from unreadable
    except tink.TinkError as wrong:
        raise SettingsInvalid(f"KEYSET_FILE: MASTER_KEY does not decrypt {path}") from wrong
    raw = proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
    keyset = tink_pb2.Keyset.FromString(raw)
    ids = tuple(int(key.key_id) for key in keyset.key)
    return Keyring(keyset, handle.primitive(aead.Aead), stamp, ids)


def ensure_keyset() -> bool:
    """Create a keyset with one key if there is no file yet. True if it was created."""
    path = settings().keyset_file
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    first = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    raw = proto_keyset_format.serialize(first, secret_key_access.TOKEN)
    try:
        _write(path, tink_pb2.Keyset.FromString(raw), replace=False)
    except FileExistsError:
        return False  # another process was faster
    return True


def add_key() -> int:
    """Add a key, which encrypts from now on; the others still decrypt. Returns its id.

    Every process that shares the file uses it after REREAD_SECONDS at the latest.
    """
    keyset = read_keyring().keyset
    fresh = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    raw = proto_keyset_format.serialize(fresh, secret_key_access.TOKEN)
    new = tink_pb2.Keyset.FromString(raw)
    keyset.key.extend(new.key)
    keyset.primary_key_id = new.primary_key_id
    _write(settings().keyset_file, keyset, replace=True)
    keyring(now=True)
    return int(new.primary_key_id)


def drop_keys(ids: set[int]) -> None:
    """Delete these keys permanently, except the primary. Values encrypted with them are lost."""
    keyset = read_keyring().keyset
    kept = [
        key for key in keyset.key if key.key_id not in ids or key.key_id == keyset.primary_key_id
    ]
    del keyset.key[:]
    keyset.key.extend(kept)
    _write(settings().keyset_file, keyset, replace=True)
    keyring(now=True)


def copy_keys(into: Path, *, master: str) -> None:
    """Write the keys into a new file, encrypted with another master key. Raises FileExistsError.

    Maitred uses its present file until KEYSET_FILE and MASTER_KEY name the new one.
    """
    _write(into, read_keyring().keyset, replace=False, sealer=master_aead(master))


def _write(
    path: Path, keyset: tink_pb2.Keyset, *, replace: bool, sealer: aead.Aead | None = None
) -> None:
    handle = proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
    text = json_proto_keyset_format.serialize_encrypted(handle, sealer or _master(), _ABOUT_KEYS)
    write_atomically(path, text.encode(), is_new=not replace)


def _stamp() -> tuple[int, int]:
    try:
        found = settings().keyset_file.stat()
    except OSError:
        return (0, 0)
    return found.st_mtime_ns, found.st_ino


@lru_cache(maxsize=1)
def _master() -> aead.Aead:
    """The key that encrypts the keyset, from MASTER_KEY (or else SECRET_KEY)."""
    return master_aead(settings().master_key or settings().secret("secret_key"))


def master_aead(secret: str) -> aead.Aead:
    """The cipher of a master key: a secret, or a key of a cloud's key service.

    A key service is called once each time the keyset is read or written, never for a guest.
    """
    if is_kms_key(secret):
        return kms_aead(secret)
    derived = derive_key(secret, "maitred master key")
    key = aes_gcm_pb2.AesGcmKey(version=0, key_value=derived)
    data = tink_pb2.KeyData(
        type_url=_AES_GCM,
        value=key.SerializeToString(),
        key_material_type=tink_pb2.KeyData.SYMMETRIC,
    )
    keyset = tink_pb2.Keyset(primary_key_id=1)
    keyset.key.append(
        tink_pb2.Keyset.Key(
            key_data=data, status=tink_pb2.ENABLED, key_id=1, output_prefix_type=tink_pb2.TINK
        )
    )
    handle = proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
    primitive: aead.Aead = handle.primitive(aead.Aead)
    return primitive
