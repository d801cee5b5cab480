"""Amazon's KMS by Tink's own client. Credentials and endpoint are boto3's own settings."""

from typing import Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError
from tink import aead
from tink.integration import awskms

#: In seconds: a start that is refused takes some 10 at most.
CONNECT_SECONDS: Final = 3
READ_SECONDS: Final = 5
ATTEMPTS: Final = 2
AWAY: Final = (BotoCoreError,)


def remote_aead(uri: str) -> aead.Aead:
    """The key `aws-kms://arn:aws:kms:REGION:ACCOUNT:key/ID`. Does not call the service yet."""
    config = Config(
        connect_timeout=CONNECT_SECONDS,
        read_timeout=READ_SECONDS,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
    )
    region = uri.split(":")[4]
    client = boto3.Session().client("kms", region_name=region, config=config)
    key: aead.Aead = awskms.new_client(boto3_client=client, key_uri=uri).get_aead(uri)
    return key
