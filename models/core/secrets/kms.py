"""Master keys that never leave a cloud's key service: Amazon's KMS, or Google's.

Encryption makes a fresh AES-256-GCM key, encrypts with that, and lets the service encrypt the fresh
key (Tink's envelope): one call, however large the keyset.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Final

from tink import TinkError, aead

from models.core.errors import KeyServiceUnavailable
from models.core.extras import load_extra

_AWS: Final = "aws-kms://"
_GCP: Final = "gcp-kms://"


class _Named(aead.Aead):  # type: ignore[misc]  # Tink ships no types
    """A key of a service, whose errors name the key. `kind`: the module that calls the service."""

    def __init__(self, uri: str, kind: ModuleType) -> None:
        self._uri = uri
        self._away = (TinkError, *kind.AWAY)
        with self._naming():
            self._remote: aead.Aead = kind.remote_aead(uri)

    def encrypt(self, plaintext: bytes, associated_data: bytes) -> bytes:
        with self._naming():
            sealed: bytes = self._remote.encrypt(plaintext, associated_data)
        return sealed

    def decrypt(self, ciphertext: bytes, associated_data: bytes) -> bytes:
        with self._naming():
            plain: bytes = self._remote.decrypt(ciphertext, associated_data)
        return plain

    @contextmanager
    def _naming(self) -> Iterator[None]:
        try:
            yield
        except self._away as error:
            raise KeyServiceUnavailable(
                f"MASTER_KEY: {self._uri} cannot be used: {error}"
            ) from error


def is_kms_key(master: str) -> bool:
    """Whether a master key is the name of a key in a key service, not a secret itself."""
    return master.startswith((_AWS, _GCP))


def kms_aead(uri: str) -> aead.Aead:
    """The cipher of that key. Raises SettingsInvalid if its library is not installed.

    Raises KeyServiceUnavailable, naming the key, if that library's own settings are wrong. The
    cipher calls the service to encrypt or decrypt, and raises the same error.
    """
    if uri.startswith(_AWS):
        kind = load_extra(
            "models.core.secrets.kms_aws", install="aws-kms:// needs the extra `s3` (boto3)"
        )
    else:
        install = "gcp-kms:// needs the extra `google-kms`"
        kind = load_extra("models.core.secrets.kms_gcp", install=install)
    return aead.KmsEnvelopeAead(aead.aead_key_templates.AES256_GCM, _Named(uri, kind))
