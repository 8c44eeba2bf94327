"""Each entry of the list of bad input: a typed error that names field, row and remedy; other rows unharmed."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from airflow_provider.exceptions import (
    InvalidInput,
    OutcomeUnknown,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.imbee.operators import (
    ImbeeCreateAccessTokensOperator,
    ImbeeCreateChatsOperator,
    ImbeeCreateUsersOperator,
)
from airflow_provider.wolkvox.operators import WolkvoxTokenInformationOperator
from tests.support.ports import free_port
from tests.support.servers import answering, self_signed

pytestmark = pytest.mark.usefixtures("quick")

HEADER = "virtual_user,mail,cellular,date_limit,max_retries,note"
GOOD = [
    "ada,ada@example.com,,2027-01-31,3,plain",
    'bob,,+57 300 000,,,"two\nlines"',
    "cid,cid@example.com,+57 1000,,,",
]
CONNECTION = "imbee (imbee_default)"
AS_JSON = "cannot be sent as JSON"


@pytest.fixture
def csv(tmp_path):
    def write(*rows: str, header: str = HEADER) -> str:
        path = tmp_path / "in.csv"
        path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return str(path)

    return write


def tokens(records: Any, **options: Any) -> dict[str, Any]:
    options = {"defaults": {"bot_idsha": "bot"}, "max_concurrency": 1, **options}
    return ImbeeCreateAccessTokensOperator(task_id="tokens", records=records, **options).execute({})


def users(records: Any, **options: Any) -> dict[str, Any]:
    options = {"max_concurrency": 1, **options}
    return ImbeeCreateUsersOperator(task_id="users", records=records, **options).execute({})


# Files


@pytest.mark.parametrize("name", ["in.csv", "in.tsv", "in.parquet"])
@pytest.mark.parametrize("on_error", ["fail", "continue"])
def test_an_empty_file(sandbox, tmp_path, name, on_error):
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(InvalidInput, match=r"is empty|is not a Parquet file") as raised:
        tokens(str(tmp_path / name), on_error=on_error, output=str(tmp_path / "out.jsonl"))
    assert raised.value.field == "records"
    assert name in str(raised.value)
    assert sandbox.requests() == []
    assert not Path(tmp_path / "out.jsonl").exists()


@pytest.mark.parametrize("on_error", ["fail", "continue"])
@pytest.mark.parametrize(
    ("fields", "column", "parameter"),
    [({}, "virtual_user", "virtual_user"), ({"mail": "E-Mail", "virtual_user": "id"}, "E-Mail", "mail")],
)
def test_a_header_without_the_mapped_column(sandbox, csv, fields, column, parameter, on_error):
    source = csv("1,a@example.com", header="id,email")
    with pytest.raises(InvalidInput) as raised:
        tokens(source, fields=fields, on_error=on_error)
    assert f'no column "{column}" for "{parameter}"; it has id, email' in str(raised.value)
    assert f'fields={{"{parameter}": ' in raised.value.remedy
    assert raised.value.field == parameter
    assert sandbox.requests() == []


# Rows

ROWS = [
    pytest.param(
        "dan,,,,,", "mail, cellular", 'both "mail" and "cellular" are empty', "at least one", id="no address"
    ),
    pytest.param(
        "dan, ,  ,,,", "mail, cellular", 'both "mail" and "cellular" are empty', "at least one", id="blanks"
    ),
    pytest.param(
        "dan,d@e.com,,31/01/2027,,", "date_limit", "existing day as YYYY-MM-DD", "2027-01-31", id="date form"
    ),
    pytest.param(
        "dan,d@e.com,,2027-02-30,,",
        "date_limit",
        "existing day as YYYY-MM-DD",
        "2027-01-31",
        id="no such day",
    ),
    pytest.param("dan,d@e.com,,,many,", "max_retries", "must be a whole number", "like 10", id="no number"),
    pytest.param(",d@e.com,,,,", "virtual_user", '"virtual_user" is empty', '"fields"', id="no user"),
    pytest.param(
        "dan,d@e.com,,,,a,b", "records", "7 values for 6 columns", "delimiters", id="too many values"
    ),
]


@pytest.mark.parametrize(("row", "field", "fault", "remedy"), ROWS)
def test_a_bad_row_is_reported_with_its_number_and_the_others_are_sent(
    sandbox, csv, tmp_path, row, field, fault, remedy
):
    source = csv(GOOD[0], GOOD[1], row, GOOD[2])
    result = tokens(source, on_error="continue", output=str(tmp_path / "out.jsonl"))
    assert (result["total"], result["created"], result["failed"]) == (4, 3, 1)
    assert {message["virtual_user"] for message in sandbox.messages()} == {"ada", "bob", "cid"}
    [failure] = [json.loads(line) for line in Path(result["failures_output"]).read_text().splitlines()]
    assert (failure["row"], failure["error"], failure["field"]) == (3, "InvalidInput", field)
    assert failure["reason"].startswith("row 3: ")
    assert fault in failure["reason"]
    assert remedy in failure["reason"]


@pytest.mark.parametrize(("row", "field", "fault", "remedy"), ROWS)
def test_a_bad_row_ends_a_batch_that_tolerates_none(sandbox, csv, row, field, fault, remedy):
    with pytest.raises(InvalidInput) as raised:
        tokens(csv(GOOD[0], row, *GOOD[1:]))
    assert (raised.value.row, raised.value.field) == (2, field)
    assert fault in str(raised.value)
    assert remedy in str(raised.value)
    assert len(sandbox.requests("imbee")) == 1


@pytest.mark.parametrize(
    ("record", "field"),
    [
        ("text", "records"),
        (None, "records"),
        ({"virtual_user": "dan", "mail": "d@e.com", "date_limit": 20270131}, "date_limit"),
        ({"virtual_user": "dan", "mail": "d@e.com", "max_retries": [1]}, "max_retries"),
        ({"virtual_user": "dan", "mail": None}, "mail, cellular"),
        ({"virtual_user": "dan", "mail": float("nan")}, "mail, cellular"),
    ],
)
def test_a_bad_item_of_a_list_is_reported_with_its_number_and_the_others_are_sent(sandbox, record, field):
    good = [{"virtual_user": "ada", "mail": "a@e.com"}, {"virtual_user": "bob", "mail": "b@e.com"}]
    result = tokens([good[0], record, good[1]], on_error="continue")
    assert (result["created"], result["failed"]) == (2, 1)
    [failure] = result["failures"]
    assert (failure["row"], failure["field"]) == (2, field)
    assert len(sandbox.messages()) == 2


@pytest.mark.parametrize("to_file", [False, True])
def test_half_a_character_in_a_field_that_is_not_sent_is_passed_on(sandbox, tmp_path, to_file):
    options = {"output": str(tmp_path / "out.jsonl")} if to_file else {}
    records = [{"virtual_user": name, "mail": "a@e.com", "note": f"{name} \ud83d"} for name in ("ada", "bob")]
    result = tokens([*records, {"virtual_user": "Žofie", "mail": "z@e.com", "note": "ü"}], **options)
    assert result["created"] == len(sandbox.messages()) == 3
    if to_file:
        written = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()
        assert "ada \\ud83d" in written[0]
        assert "Žofie" in written[2]
        passed_on = [json.loads(line) for line in written]
    else:
        passed_on = result["records"]
    # No database holds it, so XCom has its escape as text.
    half = "\ud83d" if to_file else "\\ud83d"
    assert [record["note"] for record in passed_on] == [f"ada {half}", f"bob {half}", "ü"]


@pytest.mark.parametrize(
    ("batch", "record", "field", "reason"),
    [
        (tokens, {"virtual_user": "dan \ud83d"}, "records", AS_JSON),
        (tokens, {"bot_idsha": "\ud83d"}, "records", AS_JSON),
        (tokens, {"virtual_user": "dan\0"}, "virtual_user", "a control character"),
        (users, {"unique_id_sha": "dan \ud83d"}, "records", AS_JSON),
        (users, {"platform": "\ud83d"}, "records", AS_JSON),
        (users, {"platform": Decimal("Infinity")}, "platform", "a Decimal that is not finite"),
        (users, {"platform": float("inf")}, "platform", "a number that is not finite"),
        (users, {"os_version": [float("nan")]}, "os_version", "it is a list"),
    ],
)
@pytest.mark.parametrize("to_file", [False, True])
def test_a_value_that_cannot_be_sent_is_reported_and_the_others_are_sent(
    sandbox, tmp_path, batch, record, field, reason, to_file
):
    options = {"output": str(tmp_path / "out.jsonl")} if to_file else {}
    people = [
        {"virtual_user": name, "unique_id_sha": name, "mail": f"{name}@e.com"}
        for name in ("ada", "dan", "bob")
    ]
    people[1] |= record
    result = batch(people, on_error="continue", **options)
    assert (result["created"], result["failed"], result["requests"]) == (2, 1, 2)
    [failure] = result["failures"]
    assert (failure["row"], failure["error"], failure["field"]) == (2, "InvalidInput", field)
    assert reason in failure["reason"]


def test_a_decimal_is_sent_as_text_with_all_its_digits(sandbox):
    result = users([{"unique_id_sha": "ada", "platform": Decimal("1.5")}], on_error="continue")
    assert result["created"] == 1
    [request] = sandbox.requests("imbee")
    assert request["json"]["platform"] == "1.5"


def test_a_number_that_a_data_frame_has_for_nothing_is_nothing(sandbox):
    assert users([{"unique_id_sha": "ada", "platform": float("nan")}])["created"] == 1
    [request] = sandbox.requests("imbee")
    assert request["json"]["platform"] == "airflow"


@pytest.mark.parametrize("contacts", [5, [], [None], {"idsha": "x"}, None])
def test_bad_contacts_are_reported_with_their_row_and_the_other_chats_are_created(sandbox, contacts):
    from airflow_provider.imbee.operators import ImbeeCreateChatsOperator

    found = users([{"unique_id_sha": "ada"}, {"unique_id_sha": "bob"}, {"unique_id_sha": "cid"}])["records"]
    other = found[0]["user"]["virtual_user"]
    records = [
        {**found[1], "contacts": other},
        {**found[1], "contacts": contacts},
        {**found[2], "contacts": other},
    ]
    task = ImbeeCreateChatsOperator(task_id="chats", records=records, on_error="continue")
    result = task.execute({})
    assert (result["created"], result["failed"]) == (2, 1)
    assert (result["failures"][0]["row"], result["failures"][0]["field"]) == (2, "contacts")


def test_a_bad_line_of_json_is_reported_with_its_number_and_the_others_are_sent(sandbox, tmp_path):
    lines = [
        '{"unique_id_sha": "ada"}',
        '{"unique_id_sha": "bo',
        "[]",
        '{"unique_id_sha": "cid"}',
        "[" * 100_000,
    ]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    result = users(str(tmp_path / "in.jsonl"), on_error="continue")
    assert (result["created"], result["failed"]) == (2, 3)
    assert [failure["row"] for failure in result["failures"]] == [2, 3, 5]
    assert all("one object a line" in failure["reason"] for failure in result["failures"])


# Responses

REPLIES = [
    pytest.param({"action": "garbage"}, VendorProtocolError, "the response is not JSON", id="not JSON"),
    pytest.param(
        {"body": "<html>login</html>"}, VendorProtocolError, r"not JSON \(HTML, 18 bytes\)", id="page"
    ),
    pytest.param({"json": [1, 2]}, VendorProtocolError, "not Imbee's envelope", id="list"),
    pytest.param({"json": {"ok": True}}, VendorProtocolError, "not Imbee's envelope", id="no envelope"),
    pytest.param({"json": {"code": 0, "body": []}}, VendorProtocolError, "no body object", id="no body"),
    pytest.param({"json": {"code": 0, "body": {}}}, VendorProtocolError, "unexpected shape", id="empty body"),
    pytest.param({"json": {"code": 1, "message": "no"}}, VendorRejected, "code 1: no", id="200 with code 1"),
    pytest.param({"action": "truncate", "times": 4}, VendorUnavailable, "the connection broke", id="cut off"),
    pytest.param(
        {"status": 500, "body": "<html>!</html>", "times": 4}, VendorUnavailable, "HTTP 500", id="500 HTML"
    ),
]


@pytest.mark.parametrize(("fault", "error", "said"), REPLIES)
def test_a_bad_reply_is_an_error_of_its_row_and_the_others_are_created(sandbox, fault, error, said):
    sandbox.fault(vendor="imbee", skip=1, **fault)
    result = users([{"unique_id_sha": name} for name in ("ada", "bob", "cid")], on_error="continue")
    assert (result["created"], result["failed"]) == (2, 1)
    [failure] = result["failures"]
    assert (failure["row"], failure["error"]) == (2, error.__name__)
    assert failure["reason"].startswith(f"row 2: {CONNECTION} POST third_parties/user/new")
    sandbox.fault(vendor="imbee", **fault)
    with pytest.raises(error, match=said) as raised:
        users([{"unique_id_sha": "dan"}])
    assert raised.value.row == 1
    assert "<html>" not in str(raised.value)


@pytest.mark.parametrize(("fault", "error", "said"), REPLIES)
def test_a_bad_reply_to_a_message_is_refused_or_unknown_and_the_others_are_sent(sandbox, fault, error, said):
    fault = {**fault, "times": 1}
    sandbox.fault(vendor="imbee", skip=1, **fault)
    records = [{"virtual_user": name, "mail": f"{name}@e.com"} for name in ("ada", "bob", "cid")]
    result = tokens(records, on_error="continue")
    kind = VendorRejected if error is VendorRejected else OutcomeUnknown
    assert (result["created"], result["failed"] + result["unknown"]) == (2, 1)
    assert result["unknown"] == (kind is OutcomeUnknown)
    [failure] = result["failures"]
    assert (failure["row"], failure["error"]) == (2, kind.__name__)
    assert len(sandbox.requests("imbee")) == 3


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"action": "garbage"}, "VendorProtocolError"),
        ({"json": {"code": "200", "data": []}}, "VendorProtocolError"),
        ({"json": {"code": "400", "msg": "SOME PARAMETERS ARE REQUIRED"}}, "VendorRejected"),
        ({"action": "truncate", "times": None}, "VendorUnavailable"),
        ({"status": 500, "body": "<html>!</html>", "times": None}, "VendorUnavailable"),
    ],
)
def test_a_bad_reply_of_wolkvox_is_an_error_that_says_where(sandbox, fault, error):
    sandbox.fault(vendor="wolkvox", **fault)
    with pytest.raises(VendorError) as raised:
        WolkvoxTokenInformationOperator(task_id="read").execute({})
    assert type(raised.value).__name__ == error
    assert str(raised.value).startswith(
        "wolkvox (wolkvox_default) GET server/API/v2/token/tokenInformation.php"
    )


# Connections


@pytest.mark.parametrize("batch", ["users", "tokens"])
def test_a_wrong_host(sandbox, set_connection, batch):
    set_connection("imbee_default", host=f"http://127.0.0.1:{free_port()}")
    record = {"unique_id_sha": "ada", "virtual_user": "ada", "mail": "a@e.com"}
    with pytest.raises(VendorUnavailable, match="no connection: the host is unknown or refuses") as raised:
        (users if batch == "users" else tokens)([record])
    assert "Check the host of the connection" in raised.value.remedy
    assert raised.value.row == 1
    assert CONNECTION in str(raised.value)


def test_a_host_that_is_another_web_site(sandbox, set_connection):
    with answering(404, b"<html>not here</html>", {"Content-Type": "text/html"}) as server:
        set_connection("imbee_default", host=server.url)
        with pytest.raises(VendorRejected, match=r"HTTP 404: .* \(HTML, 21 bytes\)"):
            users([{"unique_id_sha": "ada"}])
        assert len(server.seen) == 1


def test_a_tls_failure(sandbox, set_connection, tmp_path):
    _, context = self_signed(tmp_path)
    with answering(200, tls=context) as server:
        set_connection("imbee_default", host=server.url)
        with pytest.raises(VendorUnavailable, match="TLS failed") as raised:
            users([{"unique_id_sha": "ada"}])
        assert '"Verify TLS certificate"' in raised.value.remedy
        assert server.seen == []


@pytest.mark.parametrize("value", [None, "", "  ", "two\nlines"])
def test_a_missing_corporate_token(sandbox, set_connection, tmp_path, value):
    set_connection("imbee_default", extra={"corporate_token": value})
    with pytest.raises(
        InvalidInput, match=r'"Corporate token \(myCorporateToken\)" (is missing|has)'
    ) as raised:
        users([{"unique_id_sha": "ada"}], output=str(tmp_path / "out.jsonl"), on_error="continue")
    assert raised.value.field == "Corporate token (myCorporateToken)"
    assert (raised.value.vendor, raised.value.conn_id) == ("imbee", "imbee_default")
    assert raised.value.remedy
    assert sandbox.requests() == []


def test_a_secret_that_cannot_be_sealed_fails_its_record_alone_and_is_not_reported(sandbox, tmp_path):
    ada, bob = users([{"unique_id_sha": name} for name in ("ada", "bob")])["records"]
    contacts = [bob["user"]["virtual_user"]]
    records = [
        {"apikey": "cut \ud83d key", "contacts": contacts},
        {"user": ada["user"], "contacts": contacts},
    ]
    result = ImbeeCreateChatsOperator(
        task_id="chats", records=records, on_error="continue", output=str(tmp_path / "chats.jsonl")
    ).execute({})
    assert (result["created"], result["failed"]) == (1, 1)
    assert [(failure["row"], failure["error"]) for failure in result["failures"]] == [(1, "InvalidInput")]
    assert "cut" not in (tmp_path / "chats.failed.jsonl").read_text().replace("cut-off", "")
