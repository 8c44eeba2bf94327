"""Bodies that vendors and strangers send to the receiver: too long, too slow, broken off, or no JSON."""

from __future__ import annotations

import gzip
import json
import socket
import time

import pytest

from tests.support.receiving import (
    SECRET,
    WEBHOOK,
    read_answer,
    receiving,
    request_of,
)

CHUNKED = "Transfer-Encoding: chunked"


def test_a_body_in_chunks_is_read(receiver):
    answer = receiver.exchange(request_of(b"", CHUNKED), b"1\r\n{\r\n", b"1\r\n}\r\n0\r\n\r\n")
    assert answer is not None
    assert answer.status == 202


def test_a_body_that_says_it_is_too_long_is_not_read(receiver):
    answer = receiver.exchange(request_of(b"", length=10 * 1024 * 1024))
    assert answer is not None
    assert (answer.status, answer.headers["connection"]) == (413, "close")


def test_the_longest_body_is_taken_and_a_longer_one_is_not():
    body = json.dumps({"a": "x" * 500}).encode()
    with receiving(webhook_max_body_bytes=len(body)) as receiver:
        assert receiver.post(body).status == 202
        assert receiver.post(body + b" ").status == 413


def test_a_body_without_an_end_is_given_up_at_the_limit(receiver):
    with receiver.raw() as client:
        client.sendall(request_of(b"", CHUNKED))
        sent, ended = 0, False
        try:
            while sent < 64 * 1024 * 1024:
                client.sendall(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
                sent += 0x10000
        except OSError:
            ended = True
    assert ended
    assert sent < 32 * 1024 * 1024
    assert receiver.intake.stored == []


def test_a_body_that_comes_too_slowly_is_given_up():
    with receiving(body_seconds=0.3) as receiver, receiver.raw() as client:
        client.sendall(request_of(b"{", length=100))
        began = time.monotonic()
        answer = read_answer(client)
        assert time.monotonic() - began < 5
        assert answer is not None
        assert (answer.status, answer.headers["connection"]) == (408, "close")
        assert client.recv(1) == b""


@pytest.mark.parametrize(
    "pieces",
    [
        [request_of(b"", CHUNKED), b"zz\r\n{}\r\n0\r\n\r\n"],
        [request_of(b"", CHUNKED), b"5\r\n{}\r\n0\r\n\r\n"],
        [request_of(b"", CHUNKED), b"-1\r\n"],
        [request_of(b"", CHUNKED), b"FFFFFFFFFFFFFFFFFF\r\n"],
        [request_of(b"{}", CHUNKED, length=2)],
        [request_of(b"{}", "Content-Length: 1", length=2)],
        [request_of(b"{}", length=-1)],
        [b"POST " + WEBHOOK.encode() + b" HTTP/9.9\r\n\r\n"],
        [b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64)],
    ],
)
def test_a_request_that_is_no_http_is_refused(receiver, pieces):
    answer = receiver.exchange(*pieces)
    assert answer is None or answer.status == 400
    assert receiver.intake.stored == []
    assert receiver.post().status == 202


def test_a_body_that_breaks_off_is_not_stored(receiver):
    with receiver.raw() as client:
        client.sendall(request_of(b'{"a":', length=100))
        client.shutdown(socket.SHUT_WR)
        assert read_answer(client) is None
    assert receiver.post().status == 202
    assert len(receiver.intake.stored) == 1


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "zstd", "gzip, identity", "x"])
def test_nothing_is_unpacked(receiver, encoding):
    bomb = gzip.compress(b" " * 10_000_000)
    answer = receiver.send("POST", f"{WEBHOOK}?secret={SECRET}", bomb, {"Content-Encoding": encoding})
    assert answer.status == 415
    assert receiver.intake.stored == []


DEEP = 100_000
REFUSED_BODIES = {
    "empty": b"",
    "blank": b"  ",
    "no JSON": b"hello",
    "cut": b'{"a": 1',
    "two values": b"{} {}",
    "a list": b"[]",
    "a text": b'"text"',
    "a number": b"5",
    "null": b"null",
    "a form": b"a=1&b=2",
    "a name twice": b'{"a": 1, "a": 2}',
    "a name twice inside": b'{"a": [{"b": 1, "\\u0062": 2}]}',
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": [-Infinity]}',
    "a number too large": b'{"a": 1e400}',
    "a whole number too large": b'{"a": ' + b"9" * 5000 + b"}",
    "a whole number somewhat too large": b'{"a": ' + b"9" * 41 + b"}",
    "deep lists": b'{"a": ' + b"[" * DEEP + b"]" * DEEP + b"}",
    "deep objects": b'{"a": ' * DEEP + b"1" + b"}" * DEEP,
    "somewhat too deep": b'{"a": ' + b"[" * 64 + b"]" * 64 + b"}",
    "deep and not closed": b"[" * DEEP,
    "a lone surrogate": b'{"a": "\\ud800"}',
    "a lone surrogate as a name": b'{"\\udfff": 1}',
    "a zero character": b'{"a": ["\\u0000"]}',
    "not UTF-8": b'{"a": "\xff"}',
    "a surrogate in UTF-8": b'{"a": "\xed\xa0\x80"}',
    "a byte order mark": b"\xef\xbb\xbf{}",
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "UTF-32": '{"a": 1}'.encode("utf-32"),
    "a control character": b'{"a": "\n"}',
    "single quotes": b"{'a': 1}",
    "a comma at the end": b'{"a": 1,}',
}


@pytest.mark.parametrize("name", REFUSED_BODIES)
def test_a_body_that_is_no_plain_json_object_is_refused(receiver, name):
    answer = receiver.post(REFUSED_BODIES[name])
    assert answer.status == 400
    assert "JSON object" in answer.json["error"]
    assert receiver.intake.stored == []


@pytest.mark.parametrize(
    "body",
    [
        b"{}",
        b' {"a": {"b": [1, 2.5, -1e3, true, null, "\\ud83c\\udfae"]}} ',
        b'{"a": ' + b"9" * 40 + b"}",
        b'{"a": ' + b"[" * 62 + b"]" * 62 + b"}",
        '{"á": "日本"}'.encode(),
    ],
)
def test_any_other_json_object_is_taken(receiver, body):
    assert receiver.post(body).status == 202


@pytest.mark.parametrize("kind", [None, "text/plain", "application/x-www-form-urlencoded", "x" * 500])
def test_the_content_type_makes_no_difference(receiver, kind):
    headers = {"Content-Type": kind} if kind else {}
    assert receiver.send("POST", f"{WEBHOOK}?secret={SECRET}", b"{}", headers).status == 202
