"""What the example Dags of each vendor do in a real Airflow, against the sandbox."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.connections import SetConnection
from tests.support.examples import load, run
from tests.support.mail import mail_server
from tests.support.sandbox import SandboxProcess

if TYPE_CHECKING:
    from collections.abc import Callable


def test_users_are_created(airflow_db: None, sandbox: SandboxProcess) -> None:
    run(load("example_imbee_create_users"))
    assert sandbox.state()["imbee"]["users"] == 2
    created = [request["json"] for request in sandbox.requests("imbee")]
    assert {user["uniqueIdSha"] for user in created} == {"C-000001", "C-000002"}
    assert {user["platform"] for user in created} == {"airflow"}


def test_each_user_gets_a_chat_with_the_agent(airflow_db: None, sandbox: SandboxProcess) -> None:
    run(load("example_imbee_create_chats"))
    state = sandbox.state()["imbee"]
    assert (state["users"], state["chats"]) == (3, 2)
    contacts = [request["json"]["contacts"] for request in sandbox.requests("imbee", path="chat/create")]
    assert len(contacts) == 2
    assert contacts[0] == contacts[1], "both chats are with the same agent"


def test_tokens_go_out_by_mail_and_sms(airflow_db: None, sandbox: SandboxProcess) -> None:
    run(load("example_imbee_create_access_tokens"))
    sent = {(message["channel"], message["to"], message["virtual_user"]) for message in sandbox.messages()}
    assert sent == {("mail", "jana@example.com", "C-000001"), ("sms", "+44 7700 900123", "C-000002")}


def test_nobody_gets_a_second_message_in_a_second_run(airflow_db: None, sandbox: SandboxProcess) -> None:
    dag = load("example_imbee_create_access_tokens")
    run(dag)
    run(dag)
    assert len(sandbox.messages()) == 2
    assert len(sandbox.requests("imbee", path="token/new")) == 2


@pytest.mark.parametrize("name", ["example_wolkvox_token_information", "example_wolkvox_quota_sensor"])
def test_the_quota_is_read_with_one_question(name: str, airflow_db: None, sandbox: SandboxProcess) -> None:
    run(load(name))
    requests = sandbox.state()["requests"]
    assert (requests["wolkvox"], sum(requests.values())) == (1, 1)


def test_a_reservation_is_spent_and_what_is_left_given_back(
    airflow_db: None, sandbox: SandboxProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    run(load("example_quota_reservation"))
    assert "1 of 500 requests spent, 499 released" in capsys.readouterr().out
    assert sandbox.state()["requests"]["wolkvox"] == 2


def test_nobody_is_asked_while_enough_is_left_for_others(airflow_db: None, sandbox: SandboxProcess) -> None:
    run(load("example_quota_approval"))
    assert sandbox.state()["requests"]["wolkvox"] == 1


def test_a_person_is_asked_before_too_little_is_left_for_others(
    airflow_db: None, sandbox: SandboxProcess
) -> None:
    quota, params = {"remaining": 1000, "resets_at": "2027-01-01T00:00:00+00:00"}, {"keep": 1000}
    task: Any = load("example_quota_approval").task_dict["check"]
    check = task.python_callable
    assert check(quota, params={**params, "planned": 1}) == "ask_a_person"
    assert check(quota, params={**params, "planned": 0}) == "work"


def stored(sandbox: SandboxProcess, module: str) -> list[dict[str, Any]]:
    return list(sandbox.control("GET", f"wolkvox/records/{module}")["records"])


def test_contacts_come_and_go(airflow_db: None, sandbox: SandboxProcess) -> None:
    for _ in range(2):
        run(load("example_wolkvox_records"))
    assert stored(sandbox, "contacts") == []
    paths = [request["path"].rpartition("/")[2] for request in sandbox.requests("wolkvox")]
    assert paths == 2 * [
        "insert.php",
        "insert.php",
        "updateMany.php",
        "query.php",
        "delete.php",
        "delete.php",
    ]


def test_people_are_inserted_with_their_obligations(airflow_db: None, sandbox: SandboxProcess) -> None:
    for _ in range(2):
        run(load("example_wolkvox_collections"))
    people = stored(sandbox, "collections")
    assert [person["Identification"] for person in people] == ["1001", "1002"]
    assert len(sandbox.requests("wolkvox")) == 2


def test_gestiones_and_obligations_of_people_are_inserted_and_read(
    airflow_db: None, sandbox: SandboxProcess
) -> None:
    run(load("example_wolkvox_gestiones"))
    people = stored(sandbox, "collections")
    ids = [person["wolkvox_id"] for person in people]
    assert [one["wolkvox_idRecord"] for one in stored(sandbox, "gestion")] == ids
    assert [one["id_customer"] for one in stored(sandbox, "gestion")] == ["2001", "2002"]
    expected = {
        "id": "FEE-1",
        "name": "Late fee",
        "total_balance": "7500",
        "portfolio_type": "Agreed",
        "form": [{"name": "branch", "value": "Bogotá"}],
    }
    assert [person["Obligations"] for person in people] == [[expected], [expected]]
    assert len(sandbox.requests("wolkvox")) == 10


def test_reports_are_read_into_files(airflow_db: None, sandbox: SandboxProcess, tmp_path: Path) -> None:
    folder = tmp_path / "reports"
    folder.mkdir()
    run(load("example_wolkvox_reports"), folder=str(folder))
    written = sorted(path.name.partition("-")[0] + path.suffix for path in folder.iterdir())
    assert written == ["collections.jsonl", "contacts.csv"]
    asked = {request["path"].rpartition("/")[2]: request["json"] for request in sandbox.requests("wolkvox")}
    assert set(asked) == {"reports.php", "reportsCollection.php"}
    for body in asked.values():
        assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", body["dateStart"])


def test_a_report_that_is_started_by_hand_is_of_the_day_before(
    airflow_db: None, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    run(load("example_wolkvox_reports"), at=datetime(2026, 11, 2, 5, tzinfo=UTC), folder=str(tmp_path))
    for request in sandbox.requests("wolkvox"):
        asked = request["json"]
        assert (asked["dateStart"], asked["dateEnd"]) == ("2026-11-01 00:00:00", "2026-11-02 00:00:00")


def test_the_accountant_gets_the_files_of_a_months_invoices(
    airflow_db: None, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    issued = {"2025-12-31T00:00:00": 1, "2026-01-02T00:00:00": 2}
    for date, count in issued.items():
        more = {"fields": {"IssueDate": date}, "first": "2026-01-02T08:00:00Z"}
        sandbox.control("POST", "mpohoda/records", {"resource": "IssuedInvoices", "count": count, **more})
    for _ in range(2):
        run(load("example_mpohoda_hand_over"), folder=str(tmp_path), month="2026-01")
    found = sorted(path.suffix for path in (tmp_path / "2026-01").iterdir())
    assert found == [".isdoc", ".isdoc", ".pdf", ".pdf"]
    asked = [request["path"].rpartition("/")[2] for request in sandbox.requests("mpohoda")]
    assert sorted(asked) == ["IssuedInvoices", "IssuedInvoices", "isdoc", "isdoc", "pdf", "pdf"]


def test_a_case_is_opened_closed_and_found(
    airflow_db: None, sandbox: SandboxProcess, set_connection: SetConnection
) -> None:
    sandbox.token(token="external-token", operation="demo_operation", type="external")
    external = json.loads(sandbox.connections["AIRFLOW_CONN_WOLKVOX_DEFAULT"])
    set_connection("wolkvox_external", **{**external, "password": "external-token"})
    run(load("example_wolkvox_cases"))
    [case] = stored(sandbox, "cases")
    assert (case["status"], case["solution"]) == ("Closed", "It was sent again.")
    assert case["form"] == {"subject": "Invoice"}
    [file] = case["attachments"]
    assert file.startswith("<a href='data:text/plain;base64,")
    assert file.endswith(">reminder.txt</a>")
    assert len(sandbox.requests("wolkvox")) == 5


def test_sensors_wait_for_an_order_payments_and_new_invoices(
    airflow_db: None, sandbox: SandboxProcess, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def control(what: str, **values: Any) -> Any:
        return sandbox.control("POST", f"mpohoda/{what}", values)

    order = {"resource": "ReceivedOrders", "records": [{"Status": "Finished"}]}
    [order_id] = control("records", **order)["ids"]
    invoice_ids = control("records", resource="IssuedInvoices", records=[{}, {}])["ids"]
    for id_ in invoice_ids:
        control("payments", resource="IssuedInvoices", id=id_, date="2026-01-01")
    run(load("example_mpohoda_sensors"), order_id=order_id, invoice_ids=invoice_ids, folder=str(folder))
    printed = capsys.readouterr().out
    assert f"Order {order_id} is Finished" in printed
    assert printed.count("was paid on 2026-01-01") == 2
    [extract] = folder.glob("invoices-*.jsonl")
    found = [json.loads(line)["Id"] for line in extract.read_text().splitlines()]
    assert sorted(found) == sorted(invoice_ids)
    # The order, the unpaid, each invoice, what is new, and its extraction; the quota costs none.
    assert len(sandbox.requests("mpohoda")) == 6


def test_what_a_query_found_is_updated(airflow_db: None, sandbox: SandboxProcess) -> None:
    today = datetime.now(tz=UTC)
    times = [today - timedelta(days=1), today, today + timedelta(days=1)]
    leads = [
        {"code": str(n), "status": "new", "wolkvox_fecha_creacion": f"{time:%Y-%m-%d} 12:00:00"}
        for n, time in enumerate(times)
    ]
    sandbox.control("POST", "wolkvox/records", {"module": "leads", "records": leads})
    case = {"status": "Open", "responsible": "ana@demo_operation", "attachments": ["aGVsbG8="]}
    sandbox.control("POST", "wolkvox/records", {"module": "cases", "records": [case]})
    run(load("example_wolkvox_query_update"))
    assert [lead["status"] for lead in stored(sandbox, "leads")] == ["new", "contacted", "new"]
    [lead] = [one["json"] for one in sandbox.requests("wolkvox", path="server/API/v2/custom/updateMany.php")]
    assert [sorted(fields) for fields in lead["fields"]] == [["status", "wolkvox-id"]]
    [closed] = stored(sandbox, "cases")
    assert {name: closed[name] for name in case} == {**case, "status": "Closed"}
    assert closed["solution"] == "Nobody wrote for 30 days."


def test_a_call_a_meeting_and_a_task_are_planned(airflow_db: None, sandbox: SandboxProcess) -> None:
    for _ in range(2):
        run(load("example_wolkvox_activities"))
    [contact] = stored(sandbox, "contacts")[:1]
    sent = [request["json"] for request in sandbox.requests("wolkvox")][1:4]
    assert [body["type"] for body in sent] == ["call", "meet", "task"]
    assert {body["fields"]["id_record"] for body in sent} == {contact["wolkvox_id"]}
    assert {body["fields"]["completion_date"] for body in sent} == {"2026-12-01 10:00:00"}
    assert sent[0]["fields"]["phone"]["country"] == "Colombia"
    assert len(sent[1]["fields"]["participants"]["value"]) == 2
    assert "start_date" not in sent[2]["fields"]


def test_payments_of_the_bank_pay_the_invoices_that_they_fit(
    airflow_db: None, sandbox: SandboxProcess, tmp_path: Path
) -> None:
    ids = [f"55555555-5555-4555-8555-{number:012d}" for number in range(2)]
    invoices = [
        {"Id": id_, "VariableSymbol": symbol} for id_, symbol in zip(ids, ("2610001", "0345"), strict=True)
    ]
    sandbox.control("POST", "mpohoda/records", {"resource": "IssuedInvoices", "records": invoices})
    (tmp_path / "out").mkdir()
    for _ in range(2):
        run(load("example_mpohoda_bank_payments"), folder=str(tmp_path / "out"))
    [report] = (tmp_path / "out").glob("*.failed.jsonl")
    failed = [json.loads(line) for line in report.read_text().splitlines()]
    # No invoice has the fourth one's symbol, and the fifth pays one that is paid.
    assert [(one["row"], one["error"]) for one in failed] == [(4, "InvalidInput"), (5, "VendorRejected")]
    paths = [request["path"].split("/")[2] for request in sandbox.requests("mpohoda", path="Partially")]
    # Those that were refused are sent once more in the second run, and no other.
    assert sorted(paths) == sorted([ids[0], ids[1], ids[1], ids[0], ids[0]])
    for id_ in ids:
        answer = sandbox.get(
            f"mpohoda/v1/IssuedInvoices/{id_}/RestToPay", headers={"Api-Key": "sandbox-api-key"}
        )
        assert float(answer.json()["RestToPay"]) == 0


def test_orders_of_a_shop_become_invoices(airflow_db: None, sandbox: SandboxProcess, tmp_path: Path) -> None:
    for _ in range(2):
        run(load("example_mpohoda_order_transfer"), folder=str(tmp_path))
    invoices = sandbox.control("GET", "mpohoda/records/IssuedInvoices")["records"]
    assert [len(invoice["Items"]) for invoice in invoices] == [2, 1]
    assert [invoice["BusinessPartnerAddress"]["City"] for invoice in invoices] == ["Jihlava", "Brno"]
    orders = sandbox.control("GET", "mpohoda/records/ReceivedOrders")["records"]
    assert {order["Status"] for order in orders} == {"Finished"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for what the examples read."""
    found = tmp_path / "mpohoda"
    found.mkdir()
    return found


def seeded(sandbox: SandboxProcess, resource: str, **more: Any) -> list[str]:
    answer = sandbox.control("POST", "mpohoda/records", {"resource": resource, **more})
    return list(answer.get("ids", []))


def json_lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_night_brings_what_has_changed_since_the_last(
    airflow_db: None, sandbox: SandboxProcess, folder: Path
) -> None:
    import pyarrow.parquet as pq

    seeded(sandbox, "IssuedInvoices", count=120, first="2026-01-01T00:00:00Z", step=60)
    # The outputs are named by the second, and a run may take less.
    run(load("example_mpohoda_extract"), folder=str(folder / "1"))
    seeded(sandbox, "IssuedInvoices", count=2, first="2026-01-02T00:00:00Z")
    run(load("example_mpohoda_extract"), folder=str(folder / "2"))
    first, second = sorted(folder.glob("*/invoices-*.parquet"))
    assert pq.read_table(first).num_rows == 120
    # The watermark less the overlap, and what is new.
    assert pq.read_table(second).num_rows == 16 + 2
    assert pq.read_schema(first) == pq.read_schema(second)
    assert [pq.read_table(path).num_rows for path in sorted(folder.glob("*/invoice-lines-*"))] == [120, 18]


def test_a_backfill_reads_the_changes_of_its_interval(
    airflow_db: None, sandbox: SandboxProcess, folder: Path
) -> None:
    import pyarrow.parquet as pq
    from airflow.sdk import CronDataIntervalTimetable

    dag = load("example_mpohoda_backfill")
    dag.timetable = CronDataIntervalTimetable("0 0 * * *", timezone="UTC")
    today = datetime.now(tz=UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    first = today - timedelta(hours=36)
    seeded(sandbox, "IssuedInvoices", count=4, first=first.isoformat(), step=12 * 3600)
    run(dag, at=today, folder=str(folder))
    [path] = folder.glob("invoices-*.parquet")
    assert path.stem == f"invoices-{today - timedelta(days=1):%Y%m%d}"
    # At midnight and at noon; the last one is of the day after.
    assert pq.read_table(path).num_rows == 2


def test_a_backfill_that_is_started_by_hand_reads_the_day_before(
    airflow_db: None, sandbox: SandboxProcess, folder: Path
) -> None:
    import pyarrow.parquet as pq

    now = datetime.now(tz=UTC).replace(microsecond=0)
    first = now - timedelta(hours=36)
    seeded(sandbox, "IssuedInvoices", count=3, first=first.isoformat(), step=12 * 3600)
    # As `airflow dags test` and the web UI start it: with an interval that has no length.
    run(load("example_mpohoda_backfill"), at=now, folder=str(folder))
    [path] = folder.glob("invoices-*.parquet")
    assert path.stem == f"invoices-{now - timedelta(days=1):%Y%m%d}"
    assert pq.read_table(path).num_rows == 2


def test_overdue_invoices_are_looked_at_once_more(
    airflow_db: None, sandbox: SandboxProcess, folder: Path
) -> None:
    due = ["2026-11-01", "2026-11-02", "2026-12-24"]
    ids = seeded(sandbox, "IssuedInvoices", records=[{"DueDate": f"{day}T00:00:00"} for day in due])
    sandbox.control("POST", "mpohoda/payments", {"resource": "IssuedInvoices", "id": ids[1]})
    run(load("example_mpohoda_receivables"), folder=str(folder))
    looked = sandbox.requests("mpohoda", path="RestToPay")
    assert [one["path"].split("/")[-2] for one in looked] == [ids[0]]


def test_the_code_lists_of_each_company_are_read(
    airflow_db: None, sandbox: SandboxProcess, folder: Path
) -> None:
    for company in ("mpohoda_default", "mpohoda_oauth"):
        (folder / company).mkdir()
    run(load("example_mpohoda_code_lists"), folder=str(folder))
    assert len(list(folder.glob("*/*.parquet"))) == 6
    with_key = ["api-key" in {name.lower() for name in one["headers"]} for one in requests_of_lists(sandbox)]
    assert (with_key.count(True), with_key.count(False)) == (3, 3)


def requests_of_lists(sandbox: SandboxProcess) -> list[dict[str, Any]]:
    return [one for one in sandbox.requests("mpohoda") if one["method"] == "GET"]


def test_quantities_and_prices_come_to_the_shop(
    airflow_db: None, sandbox: SandboxProcess, folder: Path
) -> None:
    seeded(sandbox, "PriceListItems", count=250, fields={"Code": "C{n}"})
    run(load("example_mpohoda_stock"), folder=str(folder))
    offers = json_lines(folder / "shop.jsonl")
    assert [one["code"] for one in offers] == [f"C{number}" for number in range(1, 251)]
    assert all(isinstance(one["quantity"], str) for one in offers)
    # Three requests each for the list, the quantities and the prices.
    assert len(sandbox.requests("mpohoda")) == 9


def add_matches(sandbox: SandboxProcess, videogame: str, count: int, first: datetime) -> list[int]:
    sandbox.control("DELETE", f"mobadoo/matches/{videogame}")
    values = {"videogame": videogame, "count": count, "first": first.isoformat(), "step": 3600, "games": 1}
    made = sandbox.control("POST", "mobadoo/matches", values)
    return list(range(made["first"], made["last"] + 1))


def test_the_matches_of_the_next_week_come_each_night(
    airflow_db: None, sandbox: SandboxProcess, folder: Path
) -> None:
    import pyarrow.parquet as pq

    now = datetime.now(tz=UTC)
    sandbox.control("DELETE", "mobadoo/matches")
    add_matches(sandbox, "lol", 40, now + timedelta(days=1))
    # The last two begin after the week.
    add_matches(sandbox, "dota2", 4, now + timedelta(days=7) - timedelta(minutes=90))
    run(load("example_mobadoo_matches"), folder=str(folder))
    [path] = folder.glob("matches-*.parquet")
    assert pq.read_table(path)["videogame"].to_pylist() == ["lol"] * 40 + ["dota2"] * 2


def test_a_finished_match_lets_the_dag_go_on(
    airflow_db: None, sandbox: SandboxProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    [id_] = add_matches(sandbox, "lol", 1, datetime.now(tz=UTC))
    sandbox.control("POST", "mobadoo/matches/change", {"id": id_, "status": "FI", "force": True})
    run(load("example_mobadoo_match_sensor"), match_id=str(id_))
    assert f"Match {id_} of lol is FI" in capsys.readouterr().out


def test_everything_is_brought_into_step_again(
    airflow_db: None, sandbox: SandboxProcess, folder: Path
) -> None:
    import pyarrow.parquet as pq

    sandbox.control("POST", "mobadoo/webhook/desynchronise", {})
    assert sandbox.state()["mobadoo"]["desynchronised"] is True
    run(load("example_mobadoo_resync"), folder=str(folder))
    assert sandbox.state()["mobadoo"]["desynchronised"] is False
    [matches] = folder.glob("matches-*.parquet")
    [markets] = folder.glob("markets-*.parquet")
    assert pq.read_table(matches).num_rows == sum(sandbox.state()["mobadoo"]["matches"].values())
    assert set(pq.read_table(markets)["videogame"].to_pylist()) == set(sandbox.state()["mobadoo"]["matches"])


def test_each_player_is_mailed_a_launch_url_that_is_shown_nowhere(
    airflow_db: None, sandbox: SandboxProcess, capsys: pytest.CaptureFixture[str]
) -> None:
    with mail_server() as (address, mails):
        run(load("example_mobadoo_launch_urls"), mail_server=address)
    assert [one["To"] for one in mails] == ["jana@example.com", "petr@example.com"]
    urls = [one.get_content().strip() for one in mails]
    assert all(sandbox.http.get(url, timeout=30).text.endswith("hash, client_id, profile.") for url in urls)
    hashes = [dict(parse_qsl(urlsplit(url).query))["hash"] for url in urls]
    assert len(set(hashes)) == 2
    captured = capsys.readouterr()
    shown = f"{captured.out}{captured.err}{stored_values()}"
    assert not [one for one in hashes if one in shown]


def stored_values() -> str:
    """All that Airflow's database has of runs: results, and fields as they were rendered."""
    from airflow.utils.session import create_session
    from sqlalchemy import text

    tables = ("xcom", "rendered_task_instance_fields", "dag_run")
    with create_session() as session:
        rows = [session.execute(text(f"SELECT * FROM {name}")).all() for name in tables]
    return str(rows)


def created(sandbox: SandboxProcess, resource: str) -> list[dict[str, Any]]:
    return list(sandbox.control("GET", f"mpohoda/records/{resource}")["records"])


def test_names_of_orders_become_ids_and_a_second_run_makes_none(
    airflow_db: None, sandbox: SandboxProcess
) -> None:
    for _ in range(2):
        run(load("example_mpohoda_orders_to_invoices"))
    invoices = {one["OrderNumber"]: one for one in created(sandbox, "IssuedInvoices")}
    assert {order: len(one["Items"]) for order, one in invoices.items()} == {"OBJ-1001": 2, "OBJ-1002": 1}
    assert invoices["OBJ-1001"]["DocumentRecapitulation"]["TotalPrice"] == "2723.11"
    methods = {one["Id"]: one["Name"] for one in created(sandbox, "PaymentMethods")}
    assert methods[invoices["OBJ-1002"]["PaymentMethodId"]] == "Kartou"


def test_partners_that_are_there_are_not_created_again(airflow_db: None, sandbox: SandboxProcess) -> None:
    known = {"resource": "BusinessPartners", "records": [{"IdentificationNumber": "87654321"}]}
    sandbox.control("POST", "mpohoda/records", known)
    run(load("example_mpohoda_partners"))
    numbers = [one["IdentificationNumber"] for one in created(sandbox, "BusinessPartners")]
    assert sorted(numbers) == ["00123456", "87654321"]


def test_scanned_invoices_are_checked_before_they_are_created(
    airflow_db: None, sandbox: SandboxProcess
) -> None:
    run(load("example_mpohoda_received_invoices"))
    found = created(sandbox, "ReceivedInvoices")
    assert [one["VariableSymbol"] for one in found] == ["20260815", "7700123"]
    assert [one["method"] for one in sandbox.requests("mpohoda")] == ["GET", "POST", "POST"]


def keep_changes() -> Callable[..., Any]:
    """Return the function of the example's task."""
    task: Any = load("example_mobadoo_webhook").task_dict["keep_changes"]
    found: Callable[..., Any] = task.python_callable
    return found


def test_a_delivery_that_is_told_twice_is_kept_once(tmp_path: Path) -> None:
    import sqlite3

    keep = keep_changes()
    params = {"database": str(tmp_path / "mobadoo.db")}

    def told(*deliveries: int) -> int:
        events = [SimpleNamespace(extra={"delivery": one, "payload": {"number": one}}) for one in deliveries]
        return int(keep(triggering_asset_events={"asset": events}, params=params))

    assert told(1, 2, 2) == 2
    assert told(2, 3) == 1
    with sqlite3.connect(params["database"]) as database:
        rows = database.execute("SELECT delivery FROM changes ORDER BY delivery").fetchall()
    assert rows == [(1,), (2,), (3,)]


def test_what_is_not_kept_is_not_taken_for_kept(tmp_path: Path) -> None:
    """A task that is killed in the middle has kept nothing, and its retry keeps everything."""

    keep = keep_changes()
    params = {"database": str(tmp_path / "mobadoo.db")}
    good = SimpleNamespace(extra={"delivery": 1, "payload": {}})
    bad = SimpleNamespace(extra={"delivery": 2})
    with pytest.raises(KeyError):
        keep(triggering_asset_events={"asset": [good, bad]}, params=params)
    assert keep(triggering_asset_events={"asset": [good]}, params=params) == 1
