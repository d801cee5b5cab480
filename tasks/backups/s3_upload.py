"""One file on its way to S3: in parts while it is written, there when the last has come."""

import io
from typing import Any, Final

#: Bytes of the first parts. S3 takes 10,000: each thousand is larger, so that 440 GB fit.
PART: Final = 8 << 20
_GROWS_AFTER: Final = 1000


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
