"""Backup keys: one master key derived from BACKUP_KEY, one new streaming key for each backup.

A backup's own key is in its manifest, wrapped by the master key. A change of BACKUP_KEY therefore
means wrapping the keys again, but not encrypting the backups again.
"""

import base64
import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

import tink
from tink import aead, proto_keyset_format, secret_key_access, streaming_aead
from tink.proto import aes_gcm_pb2, tink_pb2

from models.core.secrets.signing import derive_key

_AES_GCM: Final = "type.googleapis.com/google.crypto.tink.AesGcmKey"
_KEY_ID_LENGTH: Final = 12

aead.register()
streaming_aead.register()


@dataclass(frozen=True, slots=True)
class MasterKey:
    """The key derived from BACKUP_KEY. Its `id` reveals nothing about it.

    `older` is that of BACKUP_OLD_KEY: it is used for decryption only.
    """

    id: str
    wrapping: aead.Aead
    signing: bytes
    older: "MasterKey | None" = None

    def known(self, key_id: str) -> "MasterKey | None":
        """Return the key of that id, this one or the older; None if it is neither."""
        if key_id == self.id:
            return self
        return self.older.known(key_id) if self.older else None

    def wrap(self, keyset: tink.KeysetHandle, *, about: str) -> str:
        """Wrap a backup's keyset for its manifest: AES-256-GCM, bound to `about`, base64."""
        sealed = proto_keyset_format.serialize_encrypted(keyset, self.wrapping, about.encode())
        return base64.b64encode(sealed).decode("ascii")

    def unwrap(self, wrapped: str, *, about: str) -> tink.KeysetHandle:
        """Unwrap a keyset. Raises TinkError or ValueError when it was changed or is another's."""
        sealed = base64.b64decode(wrapped, validate=True)
        return proto_keyset_format.parse_encrypted(sealed, self.wrapping, about.encode())

    def sign(self, text: bytes) -> str:
        """Return the HMAC-SHA256 of a manifest, in hexadecimal."""
        return hmac.new(self.signing, text, hashlib.sha256).hexdigest()

    def signed(self, text: bytes, signature: str) -> bool:
        """Whether this is the signature that `sign` makes, compared in constant time."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode())


def master_key(secret: str, *, older: str | None = None) -> MasterKey:
    """Return the master key of a BACKUP_KEY, with a separate key for each use (HKDF-SHA256)."""
    name = hashlib.sha256(derive_key(secret, "maitred backup key id")).hexdigest()
    return MasterKey(
        id=name[:_KEY_ID_LENGTH],
        wrapping=_aead(derive_key(secret, "maitred backup wrapping")),
        signing=derive_key(secret, "maitred backup manifest"),
        older=master_key(older) if older else None,
    )


def new_keyset() -> tink.KeysetHandle:
    """Return a new AES-256-GCM-HKDF streaming key, for one backup: segments of 1 MB."""
    return tink.new_keyset_handle(streaming_aead.streaming_aead_key_templates.AES256_GCM_HKDF_1MB)


def _aead(raw: bytes) -> aead.Aead:
    data = tink_pb2.KeyData(
        type_url=_AES_GCM,
        value=aes_gcm_pb2.AesGcmKey(version=0, key_value=raw).SerializeToString(),
        key_material_type=tink_pb2.KeyData.SYMMETRIC,
    )
    keyset = tink_pb2.Keyset(primary_key_id=1)
    keyset.key.append(
        tink_pb2.Keyset.Key(
            key_data=data, status=tink_pb2.ENABLED, key_id=1, output_prefix_type=tink_pb2.RAW
        )
    )
    handle = proto_keyset_format.parse(keyset.SerializeToString(), secret_key_access.TOKEN)
    primitive: aead.Aead = handle.primitive(aead.Aead)
    return primitive
