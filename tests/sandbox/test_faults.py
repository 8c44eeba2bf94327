from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from requests.exceptions import ChunkedEncodingError, ConnectionError, JSONDecodeError, ReadTimeout

from tests.sandbox.clients import TOKEN, HangingRequest, imbee, information, new_token, new_user
from tests.support.sandbox import SandboxProcess

WITHOUT_HTTPTOOLS = """
import sys
sys.modules["httptools"] = None
from airflow_provider.sandbox.__main__ import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module", params=["httptools", "h11"])
def process(request: pytest.FixtureRequest) -> Iterator[SandboxProcess]:
    running = SandboxProcess()
    if request.param == "h11":
        running.program = ("-c", WITHOUT_HTTPTOOLS)
    else:
        pytest.importorskip("httptools")
    with running:
        yield running
        assert "Traceback" not in running.output()


def test_a_fault_answers_instead_of_the_vendor(sandbox):
    sandbox.fault(vendor="imbee", status=500, headers={"Retry-After": "2"}, body="<html>broken</html>")
    response = imbee(sandbox, "token/new", TOKEN)
    assert (response.status_code, response.text) == (500, "<html>broken</html>")
    assert response.headers["Retry-After"] == "2"
    assert response.headers["Content-Type"].startswith("text/html")
    assert sandbox.messages() == []
    assert imbee(sandbox, "token/new", TOKEN).json()["code"] == 0


def test_a_fault_may_answer_json_or_nothing(sandbox):
    sandbox.fault(status=429, json={"code": 9})
    sandbox.fault(status=204)
    sandbox.fault(json=None)
    assert imbee(sandbox, "token/new", TOKEN).json() == {"code": 9}
    response = imbee(sandbox, "token/new", TOKEN)
    assert (response.status_code, response.content) == (204, b"")
    response = imbee(sandbox, "token/new", TOKEN)
    assert (response.status_code, response.content) == (200, b"null")


def test_a_fault_may_replace_the_content_type(sandbox):
    sandbox.fault(status=502, body="<html>", headers={"Content-Type": "application/json"})
    assert imbee(sandbox, "token/new", TOKEN).headers["Content-Type"] == "application/json"


def test_a_fault_hits_only_its_vendor_and_path(sandbox):
    sandbox.fault(vendor="imbee", path="token/new", status=500)
    assert information(sandbox).status_code == 200
    assert new_user(sandbox)["code"] == 0
    assert imbee(sandbox, "token/new", TOKEN).status_code == 500


def test_a_fault_without_vendor_hits_any(sandbox):
    sandbox.fault(status=500, times=2)
    assert information(sandbox).status_code == 500
    assert imbee(sandbox, "token/new", TOKEN).status_code == 500


def test_a_fault_skips_and_counts(sandbox):
    sandbox.fault(vendor="imbee", status=500, skip=1, times=2)
    assert [imbee(sandbox, "token/new", TOKEN).status_code for _ in range(4)] == [200, 500, 500, 200]
    assert sandbox.faults()[0]["remaining"] == 0
    assert sandbox.faults()[0]["applied"] == 2


def test_faults_apply_in_the_order_of_their_creation(sandbox):
    sandbox.fault(vendor="imbee", status=500)
    sandbox.fault(vendor="imbee", status=501, skip=1)
    assert [imbee(sandbox, "token/new", TOKEN).status_code for _ in range(4)] == [500, 200, 501, 200]


def test_a_fault_without_end_lasts_until_it_is_cleared(sandbox):
    first = sandbox.fault(vendor="imbee", status=500, times=None)
    assert [imbee(sandbox, "token/new", TOKEN).status_code for _ in range(3)] == [500] * 3
    assert sandbox.delete("/_sandbox/faults").json() == {"faults": []}
    assert imbee(sandbox, "token/new", TOKEN).status_code == 200
    assert sandbox.fault(vendor="imbee", status=500) == first + 1


@pytest.mark.parametrize("action", ["reset", "close"])
def test_the_connection_breaks_without_an_answer(sandbox, action):
    sandbox.fault(vendor="imbee", action=action)
    with pytest.raises(ConnectionError):
        imbee(sandbox, "token/new", TOKEN)
    assert sandbox.messages() == []
    assert sandbox.requests("imbee")[0]["status"] is None
    assert imbee(sandbox, "token/new", TOKEN).status_code == 200


@pytest.mark.parametrize(("action", "seen"), [("reset", ConnectionResetError), ("close", b"")])
def test_reset_is_rst_and_close_is_fin(sandbox, action, seen):
    sandbox.fault(vendor="imbee", action=action, delay=0.05)
    with HangingRequest(sandbox, "POST", "/imbee/token/new", {}) as request:
        try:
            received: object = request.socket.recv(1000)
        except OSError as error:
            received = type(error)
    assert received == seen


def test_a_truncated_answer_promises_more_than_it_sends(sandbox):
    sandbox.fault(vendor="imbee", action="truncate")
    with pytest.raises((ChunkedEncodingError, ConnectionError)):
        imbee(sandbox, "token/new", TOKEN)
    assert len(sandbox.messages()) == 1
    sandbox.fault(vendor="imbee", action="truncate")
    with HangingRequest(sandbox, "POST", "/imbee/token/new", {"Connection": "close"}) as request:
        received = b""
        while part := request.socket.recv(1000):
            received += part
    head, _, body = received.partition(b"\r\n\r\n")
    promised = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
    assert 0 < len(body) < promised


def test_garbage_is_a_success_that_is_not_json(sandbox):
    sandbox.fault(vendor="imbee", action="garbage")
    response = imbee(sandbox, "token/new", TOKEN)
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    with pytest.raises((JSONDecodeError, UnicodeDecodeError)):
        response.json()
    assert sandbox.messages() == []


def test_maintenance_is_the_vendors_own(sandbox):
    sandbox.fault(action="maintenance", times=2)
    response = imbee(sandbox, "token/new", TOKEN)
    assert response.status_code == 503
    assert response.headers["Content-Type"].startswith("text/html")
    response = information(sandbox)
    assert (response.status_code, response.json()["code"]) == (403, "403")
    sandbox.switch({"imbee.maintenance_status": 500, "imbee.maintenance_body": "down"})
    sandbox.fault(action="maintenance")
    response = imbee(sandbox, "token/new", TOKEN)
    assert (response.status_code, response.text) == (500, "down")


def test_a_hanging_request_never_answers(sandbox):
    sandbox.fault(vendor="imbee", action="hang")
    with pytest.raises(ReadTimeout):
        sandbox.post("/imbee/token/new", TOKEN, timeout=0.1)
    assert sandbox.requests("imbee")[0]["status"] is None
    assert sandbox.messages() == []


def test_a_delay_alone_is_a_late_true_answer(sandbox):
    sandbox.fault(vendor="imbee", delay=0.1)
    before = time.monotonic()
    assert new_token(sandbox)["code"] == 0
    assert time.monotonic() - before >= 0.1
    assert len(sandbox.messages()) == 1


def test_a_client_that_leaves_during_a_delay_changes_nothing(sandbox):
    sandbox.fault(vendor="imbee", delay=30)
    with pytest.raises(ReadTimeout):
        post_with_timeout(sandbox, 0.1)
    assert new_token(sandbox, bot_idsha="bot-2")["code"] == 0
    assert [message["bot_idsha"] for message in sandbox.messages()] == ["bot-2"]


def test_headers_alone_are_added_to_the_true_answer(sandbox):
    sandbox.fault(vendor="imbee", headers={"X-Extra": "1"})
    response = imbee(sandbox, "token/new", TOKEN)
    assert (response.json()["code"], response.headers["X-Extra"]) == (0, "1")


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 500},
        {"action": "reset"},
        {"action": "close"},
        {"action": "truncate"},
        {"action": "garbage"},
        {"action": "maintenance"},
        {"action": "hang"},
        {"delay": 30},
    ],
    ids=str,
)
def test_a_request_may_take_effect_before_its_fault(sandbox, fault):
    sandbox.fault(vendor="imbee", after=True, **fault)
    try:
        response = post_with_timeout(sandbox, 0.2)
    except (ConnectionError, ReadTimeout, ChunkedEncodingError):
        pass
    else:
        assert response.status_code != 200 or fault["action"] == "garbage"
    assert len(sandbox.messages()) == 1
    assert new_token(sandbox)["body"]["previously_created"] is True


def test_the_log_names_the_fault(sandbox):
    fault = sandbox.fault(vendor="imbee", status=500)
    imbee(sandbox, "token/new", TOKEN)
    imbee(sandbox, "token/new", TOKEN)
    assert [(entry["fault"], entry["status"]) for entry in sandbox.requests()] == [(fault, 500), (None, 200)]


@pytest.mark.parametrize(
    ("fault", "named"),
    [
        ({}, "would do nothing"),
        ({"vendor": "other", "status": 500}, "'vendor'"),
        ({"action": "explode"}, "'action'"),
        ({"status": 99}, "'status'"),
        ({"status": "500"}, "'status'"),
        ({"status": True}, "'status'"),
        ({"status": 500, "times": 0}, "'times'"),
        ({"status": 500, "skip": -1}, "'skip'"),
        ({"delay": 61}, "'delay'"),
        ({"status": 500, "after": 1}, "'after'"),
        ({"status": 500, "headers": {"A": "b\nc"}}, "'headers'"),
        ({"status": 500, "headers": {"Content-Length": "3"}}, "'headers'"),
        ({"status": 500, "body": {"a": 1}}, "'json'"),
        ({"status": 500, "body": "a", "json": 1}, "'json' and 'body'"),
        ({"status": 500, "action": "reset"}, "'reset'"),
        ({"stauts": 500}, "'stauts'"),
    ],
    ids=str,
)
def test_a_bad_fault_is_refused_with_its_field(sandbox, fault, named):
    response = sandbox.post("/_sandbox/faults", fault)
    assert response.status_code == 400
    assert named in response.json()["error"]
    assert sandbox.faults() == []


def test_two_requests_in_one_packet_are_both_served(sandbox):
    address = urlsplit(sandbox.url)
    request = b"GET /_sandbox/health HTTP/1.1\r\nHost: sandbox\r\n\r\n"
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(request + request.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
        received = b""
        while part := connection.recv(1000):
            received += part
    assert received.count(b'{"ok": true}') == 2


def post_with_timeout(sandbox, seconds):
    connection = json.loads(sandbox.connections["AIRFLOW_CONN_IMBEE_DEFAULT"])
    headers = {
        "Authorization": connection["password"],
        "X-WOOS-KEY": connection["extra"]["corporate_token"],
    }
    return sandbox.post("/imbee/token/new", TOKEN, headers=headers, timeout=seconds)
