"""The vault: what must not be readable in the database is AES-256-GCM there, by Tink.

Each sealed value is bound to what it is about (a reservation's reference): moved to another row it
does not open. The keys are a Tink keyset in a file, itself sealed by the master key, so that
neither the database nor its dumps nor the file alone opens anything. A changed file is noticed
within a second, which makes a new key a matter of writing it there.
"""

import logging
import os
import threading
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import tink
from tink import aead, json_proto_keyset_format, proto_keyset_format, secret_key_access
from tink.proto import aes_gcm_pb2, tink_pb2

from models.core.errors import KeyServiceAway, SealBroken, SettingsInvalid
from models.core.secrets.kms import is_kms_key, kms_aead
from models.core.secrets.signing import derive_key
from models.core.settings import settings

log = logging.getLogger(__name__)

#: How long a process may go on with the keys it has read before it looks at the file again.
LOOK_SECONDS = 1.0
#: How long nobody asks a key service again that did not answer.
AWAY_SECONDS = 30.0
#: A Tink ciphertext begins with a version byte and the key's id.
PREFIX = 5
_ABOUT_KEYS = b"maitred keyset"
_AES_GCM = "type.googleapis.com/google.crypto.tink.AesGcmKey"

aead.register()


@dataclass(frozen=True, slots=True)
class Keyring:
    """The keys as read from the file once: `ids` of all, oldest first; `primary` seals."""

    keyset: tink_pb2.Keyset
    aead: aead.Aead
    stamp: tuple[int, int]
    ids: tuple[int, ...]

    @property
    def primary(self) -> int:
        """The id of the key that seals."""
        return int(self.keyset.primary_key_id)


class _Held:
    """The process's keyring, and when the file was last looked at."""

    def __init__(self) -> None:
        self.ring: Keyring | None = None
        self.looked = 0.0
        self.away_until = 0.0
        self.lock = threading.Lock()


@lru_cache(maxsize=1)
def _held() -> _Held:
    return _Held()


def seal(plain: bytes, *, about: str) -> bytes:
    """The value as it may lie in the database. Raises SettingsInvalid without a keyset."""
    sealed: bytes = keyring().aead.encrypt(plain, about.encode())
    return sealed


def unseal(sealed: bytes, *, about: str) -> bytes:
    """The value again. Raises SealBroken when it was changed, moved, or its key is not there."""
    ring = keyring()
    if key_of(sealed) not in ring.ids:  # sealed by a key that is newer than our last look
        ring = keyring(now=True)
    try:
        plain: bytes = ring.aead.decrypt(sealed, about.encode())
    except tink.TinkError as broken:
        raise SealBroken(f"{about} does not open") from broken
    return plain


def key_of(sealed: bytes) -> int:
    """The id of the key that sealed this."""
    return int.from_bytes(sealed[1:PREFIX], "big")


def prefix_of(key_id: int) -> bytes:
    """How every value begins that this key has sealed."""
    return b"\x01" + key_id.to_bytes(4, "big")


def keyring(*, now: bool = False) -> Keyring:
    """The keys of the file; read again when it has changed, looked at once a second at most."""
    held = _held()
    moment = time.monotonic()
    if held.ring is not None and not now and moment - held.looked < LOOK_SECONDS:
        return held.ring
    with held.lock:
        if held.ring is None:
            held.ring = read_keyring()
        elif moment >= held.away_until and _stamp() != held.ring.stamp:
            try:
                held.ring = read_keyring()
            except KeyServiceAway as away:  # what was read before opens nearly all there is
                log.warning("new keys cannot be opened yet", extra={"what": away.message})
                held.away_until = time.monotonic() + AWAY_SECONDS
        held.looked = moment
        return held.ring


def read_keyring() -> Keyring:
    """Read the file and open it. Raises SettingsInvalid, naming the file, when that cannot be."""
    path, stamp = settings().keyset_file, _stamp()
    try:
        handle = json_proto_keyset_format.parse_encrypted(
            path.read_text(encoding="utf-8"), _master(), _ABOUT_KEYS
        )
    except (OSError, ValueError) as unreadable:
        raise SettingsInvalid(
            f"KEYSET_FILE: {path} cannot be read ({type(unreadable).__name__}); "
            "`maitred migrate` makes a new one for a new house"
        ) from unreadable
    except tink.TinkError as wrong:
        raise SettingsInvalid(f"KEYSET_FILE: MASTER_KEY does not open {path}") from wrong
    raw = proto_keyset_format.serialize(handle, secret_key_access.TOKEN)
    keyset = tink_pb2.Keyset.FromString(raw)
    ids = tuple(int(key.key_id) for key in keyset.key)
    return Keyring(keyset, handle.primitive(aead.Aead), stamp, ids)


def ensure_keyset() -> bool:
    """Make a keyset with one key where there is no file yet. True when it was made."""
    path = settings().keyset_file
    if path.exists():
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    first = tink.new_keyset_handle(aead.aead_key_templates.AES256_GCM)
    raw = proto_keyset_format.serialize(first, secret_key_access.TOKEN)
    try:
        _write(path, tink_pb2.Keyset.FromString(raw), replace=False)
    except FileExistsError:
        return False  # another process was quicker
    return True


def add_key() -> int:
    """A new key, which seals from now on; the others still open. Returns its id.

    Every process that shares the file has noticed after LOOK_SECONDS.
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
    """Forget these keys for good; never the one that seals. What they sealed never opens again."""
    keyset = read_keyring().keyset
    kept = [
        key for key in keyset.key if key.key_id not in ids or key.key_id == keyset.primary_key_id
    ]
    del keyset.key[:]
    keyset.key.extend(kept)
    _write(settings().keyset_file, keyset, replace=True)
    keyring(now=True)


def copy_keys(into: Path, *, master: str) -> None:
    """Write the keys into a new file, sealed by another master key. Raises FileExistsError.

    The house goes on with its own file until KEYSET_FILE and MASTER_KEY name the new one.
    """
    _write(into, read_keyring().keyset, replace=False, sealer=master_aead(master))


def _write(
    path: Path, keyset: tink_pb2.Keyset, *, replace: bool, sealer: aead.Aead | None = None
) -> None:
    """Whole or not at all, and on the disk when this returns."""
    handle = proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
    text = json_proto_keyset_format.serialize_encrypted(handle, sealer or _master(), _ABOUT_KEYS)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        if replace:
            draft.replace(path)
        else:
            path.hardlink_to(draft)
    finally:
        draft.unlink(missing_ok=True)


def _stamp() -> tuple[int, int]:
    try:
        found = settings().keyset_file.stat()
    except OSError:
        return (0, 0)
    return found.st_mtime_ns, found.st_ino


@lru_cache(maxsize=1)
def _master() -> aead.Aead:
    """The key that seals the keyset, out of MASTER_KEY (or SECRET_KEY where there is none)."""
    return master_aead(settings().master_key or settings().secret("secret_key"))


def master_aead(secret: str) -> aead.Aead:
    """What seals with this master key: a secret, or a key of a cloud's key service.

    A key service is asked once each time the keyset is read or written, and never for a guest.
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
