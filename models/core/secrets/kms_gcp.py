"""Google's Cloud KMS by Tink's own client. Credentials are Google's own settings."""

from typing import Final

from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError
from tink import aead
from tink.integration import gcpkms

AWAY: Final = (GoogleAPIError, GoogleAuthError)


def remote_aead(uri: str) -> aead.Aead:
    """The key `gcp-kms://projects/P/locations/L/keyRings/R/cryptoKeys/K`."""
    key: aead.Aead = gcpkms.GcpKmsClient(uri).get_aead(uri)
    return key
