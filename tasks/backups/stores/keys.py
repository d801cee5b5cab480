"""The keys of backups: one master key out of BACKUP_KEY, one fresh streaming key for each backup.

A backup's own key lies in its manifest, wrapped by the master key: another BACKUP_KEY takes another
wrapping, and not another body.
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
    """What BACKUP_KEY opens. `id` names it and tells nothing of it.

    `older` is that of BACKUP_OLD_KEY: it still opens, and never seals anything new.
    """

    id: str
    wrapping: aead.Aead
    signing: bytes
    older: "MasterKey | None" = None

    def known(self, key_id: str) -> "MasterKey | None":
        """The key of that id: this one, the older, or none of them."""
        if key_id == self.id:
            return self
        return self.older.known(key_id) if self.older else None

    def wrap(self, keyset: tink.KeysetHandle, *, about: str) -> str:
        """A backup's keyset as its manifest keeps it: AES-256-GCM, bound to `about`, base64."""
        sealed = proto_keyset_format.serialize_encrypted(keyset, self.wrapping, about.encode())
        return base64.b64encode(sealed).decode("ascii")

    def unwrap(self, wrapped: str, *, about: str) -> tink.KeysetHandle:
        """The keyset again. Raises TinkError or ValueError when it is changed or another's."""
        sealed = base64.b64decode(wrapped, validate=True)
        return proto_keyset_format.parse_encrypted(sealed, self.wrapping, about.encode())

    def sign(self, text: bytes) -> str:
        """HMAC-SHA256 of a manifest, in hexadecimal."""
        return hmac.new(self.signing, text, hashlib.sha256).hexdigest()

    def signed(self, text: bytes, signature: str) -> bool:
        """Whether `sign` gave this signature."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode())


def master_key(secret: str, *, older: str | None = None) -> MasterKey:
    """The master key of a BACKUP_KEY; each of its uses has a key of its own (HKDF-SHA256)."""
    name = hashlib.sha256(derive_key(secret, "maitred backup key id")).hexdigest()
    return MasterKey(
        id=name[:_KEY_ID_LENGTH],
        wrapping=_aead(derive_key(secret, "maitred backup wrapping")),
        signing=derive_key(secret, "maitred backup manifest"),
        older=master_key(older) if older else None,
    )


def new_keyset() -> tink.KeysetHandle:
    """A fresh AES-256-GCM-HKDF streaming key, for one backup: segments of 1 MB."""
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
