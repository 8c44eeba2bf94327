"""Reads the body of a success to a sink: the same for both drivers, which only bring the pieces."""

from __future__ import annotations

import contextlib
import hashlib
import threading
from typing import TYPE_CHECKING, Any

from airflow_provider.http.call import Response
from airflow_provider.http.content import BodyReader
from airflow_provider.http.sinks import NotSaved, Saved

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider.http.call import Call
    from airflow_provider.http.sinks import Sink

BLOCK = 256 * 1024
"""Bytes that are held before they are written: so many more are in memory for each request under way."""

START = 1024
"""The first bytes of a body, which a decoder sees."""


def goes_to_sink(call: Call[Any], status: int) -> bool:
    """Say whether the body of a response goes to the call's sink; that of an error is kept for its text.

    :param call: the call
    :param status: HTTP status of the response
    """
    return call.sink is not None and 200 <= status < 300


class SinkReader:
    """Takes the pieces of a body as they come, and writes them to a sink.

    :meth:`feed` only holds a piece. :meth:`save`, :meth:`end` and :meth:`abandon` wait for the sink: inside
    an event loop they belong in a thread, one after another. A place is opened for each response that has
    something to write, and is abandoned unless :meth:`end` has published it.

    :param call: the call, which has a sink
    :param status: HTTP status of the response
    :param headers: its headers
    :param limit: how many bytes the body may have, decompressed
    :raises UnknownEncoding: it is compressed in a way that was not asked for
    """

    def __init__(self, call: Call[Any], status: int, headers: Mapping[str, str], limit: int) -> None:
        self._call = call
        self._status = status
        self._headers = headers
        self._reader = BodyReader(headers.get("content-encoding", ""), limit, self._write, BLOCK)
        self._pieces: list[bytes] = []
        self._held = 0
        self._digest = hashlib.sha256()
        self._start = b""
        self._size = 0
        self._sink: Sink | None = None
        self._ended = False
        # A task that is cancelled does not end the thread that writes for it.
        self._lock = threading.Lock()

    def feed(self, piece: bytes) -> bool:
        """Hold a piece.

        :param piece: the piece as it came
        :return: whether it is time to :meth:`save`
        """
        self._pieces.append(piece)
        self._held += len(piece)
        return self._held >= BLOCK

    def save(self) -> None:
        """Write what is held.

        :raises NotSaved: the sink cannot take it
        :raises TooLarge: the body has more bytes than it may have
        :raises zlib.error: it cannot be decompressed
        """
        with self._lock:
            self._save()

    def end(self) -> Response:
        """Write what is left, and publish it if the call's decoder takes the response.

        :raises NotSaved: the sink cannot take it
        :raises TooLarge: the body has more bytes than it may have
        :raises zlib.error: it cannot be decompressed, or was cut off
        """
        with self._lock:
            self._save()
            self._reader.finish()
            saved = Saved(self._size, self._digest.hexdigest(), self._start)
            if not self._is_good(saved):
                self._abandon()
            elif self._sink is not None and not self._ended:
                try:
                    saved = self._sink.publish(saved)
                except OSError as error:
                    raise NotSaved(error) from None
                self._ended = True
            return self._response(saved)

    def abandon(self) -> None:
        """Leave nothing of a body that was not published."""
        with self._lock:
            self._abandon()

    def _abandon(self) -> None:
        if self._sink is not None and not self._ended:
            # What cannot be removed is found later; why the body was not published counts.
            with contextlib.suppress(OSError):
                self._sink.abandon()
        self._ended = True

    def _save(self) -> None:
        pieces, self._pieces, self._held = self._pieces, [], 0
        for piece in pieces:
            self._reader.feed(piece)

    def _write(self, data: bytes) -> None:
        if self._ended:
            return
        self._size += len(data)
        self._digest.update(data)
        if len(self._start) < START:
            self._start += data[: START - len(self._start)]
        try:
            if self._sink is None and self._call.sink is not None:
                self._sink = self._call.sink()
            if self._sink is not None:
                self._sink.write(data)
        except OSError as error:
            raise NotSaved(error) from None

    def _is_good(self, saved: Saved) -> bool:
        try:
            self._call.decode(self._response(saved))
        except Exception:
            # The exchange decodes it once more, and makes an error of it.
            return False
        return True

    def _response(self, saved: Saved) -> Response:
        return Response(self._status, self._headers, saved=saved)
