"""An upload to a store of objects: its parts, and what killed writers have left of theirs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

UPLOAD_BLOCK = 8 * 1024 * 1024
"""Bytes of one part of an upload to a store of objects. S3 takes 5 MiB at least, and 10,000 parts."""


class Upload:
    """The file of a store's library that is being uploaded, each of whose parts is tried again.

    :param file: the open file, of fsspec's kind
    :param patiently: takes a step, and takes it again where the store is busy
    """

    def __init__(self, file: Any, patiently: Callable[[Callable[[], object]], None]) -> None:
        self._file = file
        # Airflow wraps the file to note who writes it, and a wrapper hands no value on.
        self._inner = getattr(file, "_obj", file)
        self._patiently = patiently

    def write(self, data: bytes) -> int:
        """Take bytes; whenever they are enough, a part is uploaded."""
        # One part at most at a time: where the second of two fails, the library uploads the first again, as a
        # part of its own.
        for start in range(0, len(data), UPLOAD_BLOCK):
            self._take(memoryview(data)[start : start + UPLOAD_BLOCK])
        return len(data)

    def _take(self, data: memoryview) -> None:
        taken = False

        def step() -> None:
            nonlocal taken
            if taken:
                # The bytes are in the buffer; only the part has to go up again.
                self._inner.flush()
            else:
                taken = True
                self._file.write(data)

        self._patiently(step)

    def close(self) -> None:
        """Upload what is left."""
        if self._inner.closed:
            return
        self._patiently(self._flush)
        self._file.close()

    def commit(self) -> None:
        """Make the object of its parts."""
        self._file.commit()

    def discard(self) -> None:
        """Abort the upload; what is not up yet is dropped."""
        try:
            self._file.discard()
        finally:
            # Else closing uploads the rest first.
            self._inner.forced = True
            self._file.close()

    def tell(self) -> int:
        """Return how many bytes there are."""
        return int(self._inner.tell())

    def _flush(self) -> None:
        # The library takes a last part that has failed for one that is up.
        self._inner.forced = False
        self._inner.flush(force=True)


def begin_upload(file: Any) -> None:
    """Ask the store to take an upload now: a missing bucket or right shows before anything else is done.

    The files of fsspec do that with their first full block, or when they are closed.

    :param file: the open file, of fsspec's kind
    """
    inner = getattr(file, "_obj", file)
    if getattr(inner, "offset", 0) is None:
        inner._initiate_upload()
        inner.offset = 0


def abort_left_behind(place: Any, before: float) -> None:
    """Abort unfinished uploads of an object: their writers were killed, or would be refused by now.

    :param place: the object, published just now
    :param before: seconds since 1970 before which an upload must have begun
    """
    fs = place.fs
    if not hasattr(fs, "call_s3"):
        return
    bucket, key, _ = fs.split_path(place.path)
    found = fs.call_s3("list_multipart_uploads", Bucket=bucket, Prefix=key)
    for upload in found.get("Uploads", ()):
        if upload["Key"] == key and upload["Initiated"].timestamp() < before:
            fs.abort_mpu(bucket, key, upload["UploadId"])
