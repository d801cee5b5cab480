"""Streams of one S3 file: an upload in parts, visible when complete, and a resuming download."""

import io
from typing import Any, Final

from botocore.exceptions import BotoCoreError

#: Bytes of the first parts. S3 takes 10,000 parts: each thousand has larger ones, so 440 GB fit.
PART: Final = 8 << 20
_GROWS_AFTER: Final = 1000
#: How often a download resumes after a lost connection, per block.
RESUMED: Final = 5


class Upload(io.RawIOBase):
    """An upload with at most one part in memory. A file smaller than that is one request."""

    def __init__(self, client: Any, where: dict[str, Any]) -> None:
        super().__init__()
        self._client = client
        self._where = where
        self._place = {"Bucket": where["Bucket"], "Key": where["Key"]}
        self._upload = ""
        self._parts: list[dict[str, Any]] = []
        self._waiting = bytearray()

    def writable(self) -> bool:
        """Return True."""
        return True

    def write(self, data: object) -> int:
        """Buffer these bytes, and send each part that is full."""
        block = memoryview(data).cast("B")  # type: ignore[arg-type]
        self._waiting += block
        while len(self._waiting) >= (size := PART * (1 + len(self._parts) // _GROWS_AFTER)):
            self._send(bytes(self._waiting[:size]))
            del self._waiting[:size]
        return len(block)

    def finish(self) -> None:
        """Send the rest. With this the file exists, complete."""
        if not self._upload:
            self._client.put_object(**self._where, Body=bytes(self._waiting))
            return
        if self._waiting:
            self._send(bytes(self._waiting))
        self._client.complete_multipart_upload(
            **self._place, UploadId=self._upload, MultipartUpload={"Parts": self._parts}
        )
        self._upload = ""

    def abort(self) -> None:
        """Discard the parts of an unfinished upload; do nothing after `finish`."""
        if self._upload:
            upload, self._upload = self._upload, ""
            self._client.abort_multipart_upload(**self._place, UploadId=upload)

    def _send(self, part: bytes) -> None:
        if not self._upload:
            made = self._client.create_multipart_upload(**self._where)
            self._upload = made["UploadId"]
        number = len(self._parts) + 1
        sent = self._client.upload_part(
            **self._place, UploadId=self._upload, PartNumber=number, Body=part
        )
        known = {name: sent[name] for name in ("ETag", "ChecksumCRC32") if sent.get(name)}
        self._parts.append({"PartNumber": number, **known})


class Download(io.RawIOBase):
    """A streamed download that resumes at its position after a lost connection."""

    def __init__(self, client: Any, where: dict[str, str]) -> None:
        super().__init__()
        self._client = client
        self._where = where
        found = client.get_object(**where)
        self._same = found["ETag"]
        self._body = found["Body"]
        self._position = 0

    def readable(self) -> bool:
        """Return True."""
        return True

    def readinto(self, buffer: object) -> int:
        """Read the next bytes.

        Raises BotoCoreError when the connection is lost, ClientError when the file was replaced.
        """
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        block = self._next(len(view))
        view[: len(block)] = block
        self._position += len(block)
        return len(block)

    def close(self) -> None:
        """Close the connection."""
        self._body.close()
        super().close()

    def _next(self, size: int) -> bytes:
        for left in reversed(range(RESUMED + 1)):
            try:
                block: bytes = self._body.read(size)
                return block
            except BotoCoreError:
                if not left:
                    raise
                self._take_up()
        raise AssertionError("the last attempt returns or raises")

    def _take_up(self) -> None:
        self._body.close()
        rest = f"bytes={self._position}-"
        found = self._client.get_object(**self._where, Range=rest, IfMatch=self._same)
        self._body = found["Body"]
