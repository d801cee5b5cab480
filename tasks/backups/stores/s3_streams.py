"""One file on its way to S3, in parts, there when the last has come; and on its way back."""

import io
from typing import Any, Final

from botocore.exceptions import BotoCoreError

#: Bytes of the first parts. S3 takes 10,000: each thousand is larger, so that 440 GB fit.
PART: Final = 8 << 20
_GROWS_AFTER: Final = 1000
#: How often a file that is read is taken up again where the line broke, between two blocks.
RESUMED: Final = 5


class Upload(io.RawIOBase):
    """Holds one part in memory, and no more. A file smaller than that is sent at once."""

    def __init__(self, client: Any, where: dict[str, Any]) -> None:
        super().__init__()
        self._client = client
        self._where = where
        self._place = {"Bucket": where["Bucket"], "Key": where["Key"]}
        self._upload = ""
        self._parts: list[dict[str, Any]] = []
        self._waiting = bytearray()

    def writable(self) -> bool:
        """It is there to be written."""
        return True

    def write(self, data: object) -> int:
        """Take these bytes; send what makes a part."""
        block = memoryview(data).cast("B")  # type: ignore[arg-type]
        self._waiting += block
        while len(self._waiting) >= (size := PART * (1 + len(self._parts) // _GROWS_AFTER)):
            self._send(bytes(self._waiting[:size]))
            del self._waiting[:size]
        return len(block)

    def finish(self) -> None:
        """Send what is left. From now on the file is there, whole."""
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
        """Give up what was sent of a file that is not to be; nothing after `finish`."""
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
    """Reads a file as it comes over the line; where the line breaks, it goes on from there."""

    def __init__(self, client: Any, where: dict[str, str]) -> None:
        super().__init__()
        self._client = client
        self._where = where
        found = client.get_object(**where)
        self._same = found["ETag"]
        self._body = found["Body"]
        self._position = 0

    def readable(self) -> bool:
        """It is there to be read."""
        return True

    def readinto(self, buffer: object) -> int:
        """The next bytes. Raises BotoCoreError when the line is gone, ClientError when the file is
        another by now.
        """
        view = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        block = self._next(len(view))
        view[: len(block)] = block
        self._position += len(block)
        return len(block)

    def close(self) -> None:
        """Let go of the line."""
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
