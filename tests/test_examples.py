"""The example Dags: they parse, the docs can include them, and they run to success in a real Airflow."""

from __future__ import annotations

import csv
import json
import re
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from airflow_provider.get_provider_info import get_provider_info
from tests.support.connections import SetConnection
from tests.support.dags import register
from tests.support.sandbox import SandboxProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow.sdk import DAG

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = {path.stem: path for path in sorted((ROOT / "dags_examples").glob("*.py"))}
CUSTOMERS = ROOT / "dags_examples" / "data" / "customers.csv"
MARKERS = {
    "example_imbee_create_access_tokens": "howto_operator_imbee_create_access_tokens",
    "example_imbee_create_chats": "howto_operator_imbee_create_chats",
    "example_imbee_create_users": "howto_operator_imbee_create_users",
    "example_mpohoda_orders_to_invoices": "howto_operator_mpohoda_orders_to_invoices",
    "example_mpohoda_partners": "howto_operator_mpohoda_partners",
    "example_mpohoda_received_invoices": "howto_operator_mpohoda_received_invoices",
    "example_quota_approval": "howto_quota_approval",
    "example_quota_reservation": "howto_operator_quota_reservation",
    "example_sharded_batch": "howto_sharded_batch",
    "example_wolkvox_activities": "howto_operator_wolkvox_activities",
    "example_wolkvox_cases": "howto_operator_wolkvox_cases",
    "example_wolkvox_collections": "howto_operator_wolkvox_collections",
    "example_wolkvox_gestiones": "howto_operator_wolkvox_gestiones",
    "example_wolkvox_query_update": "howto_wolkvox_query_update",
    "example_wolkvox_quota_sensor": "howto_sensor_wolkvox_quota",
    "example_wolkvox_records": "howto_operator_wolkvox_records",
    "example_wolkvox_reports": "howto_operator_wolkvox_reports",
    "example_wolkvox_token_information": "howto_operator_wolkvox_token_information",
    "provision_customers": "provision_customers",
}


@pytest.fixture(autouse=True)
def ledger(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ledger for each test: what one has sent another may send."""
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(tmp_path / "vendor_apis.db"))


@pytest.fixture
def sandbox(sandbox: SandboxProcess) -> SandboxProcess:
    """The vendors, wolkvox as strict as its collection can be read."""
    sandbox.strict()
    return sandbox


def load(name: str) -> DAG:
    from airflow.dag_processing.dagbag import DagBag

    bag = DagBag(dag_folder=str(EXAMPLES[name]))
    assert bag.import_errors == {}
    assert list(bag.dags) == [name]
    return bag.dags[name]


def run(dag: DAG, **conf: Any) -> None:
    from airflow.utils.state import DagRunState

    register(dag)
    # A mistake shows at once, not after the examples' patient retries.
    for task in dag.tasks:
        task.retries = 0
    assert dag.test(run_conf=conf).state == DagRunState.SUCCESS


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_parses_and_explains_itself(name: str) -> None:
    dag = load(name)
    assert dag.schedule is None, "an example must not start by itself: it sends messages"
    assert not dag.catchup
    assert EXAMPLES[name].read_text(encoding="utf-8").startswith('"""')


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_docs_find_the_markers_of_an_example(name: str) -> None:
    found = re.findall(
        r"^ *# \[(START|END) (\w+)\]$", EXAMPLES[name].read_text(encoding="utf-8"), re.MULTILINE
    )
    assert found == [("START", MARKERS[name]), ("END", MARKERS[name])]


def belongs(value: type, module: str) -> bool:
    """Say whether a class is the vendor's own, in this module or in one like ``query_operators``."""
    package, _, name = module.rpartition(".")
    place, _, file = value.__module__.rpartition(".")
    return place == package and file.endswith(name)


def test_every_operator_and_sensor_has_an_example() -> None:
    info = get_provider_info()
    modules = [
        name for kind in ("operators", "sensors") for part in info[kind] for name in part["python-modules"]
    ]
    bases = {
        "ImbeeBatchOperator",
        "MpohodaBatchOperator",
        "WolkvoxBatchOperator",
        "WolkvoxCasesOperator",
        "WolkvoxFieldsOperator",
        "WolkvoxInsertOperator",
        "WolkvoxModuleOperator",
        "WolkvoxNumbersAsTextOperator",
        "WolkvoxPagesOperator",
        "WolkvoxWriteCasesOperator",
    }
    offered = {
        name
        for module in modules
        for name, value in vars(import_module(module)).items()
        if isinstance(value, type) and belongs(value, module) and name not in bases
    }
    shown = {
        task.task_type for name in EXAMPLES if name != "provision_customers" for task in load(name).tasks
    }
    assert offered
    assert offered <= shown


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
    assert sandbox.state()["requests"] == {"imbee": 0, "wolkvox": 1}


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


@pytest.fixture
def some_customers(tmp_path: Path) -> Path:
    """The first 150 customers, and all that something is wrong with."""
    with CUSTOMERS.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        rows = list(reader)
    ids = [row["customer_id"].strip() for row in rows]
    chosen = [
        row
        for number, row in enumerate(rows)
        if number < 150
        or ids.count(ids[number]) > 1
        or not (row["email"] + row["phone"]).strip()
        or not re.fullmatch(r"20\d\d-\d\d-\d\d|", row["valid_until"].strip())
        or row["valid_until"] in ("2027-02-30", "2027-06-31", "2027-13-01")
    ]
    path = tmp_path / "some customers.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(chosen)
    return path


@pytest.fixture
def provision(
    airflow_db: None,
    sandbox: SandboxProcess,
    some_customers: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[], Any]:
    """Run the main example on some customers; return the run as the demonstration sees it."""
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    demo_summary = import_module("demo_summary")
    known: set[Path] = set()

    def once() -> Any:
        run(load("provision_customers"), customers=str(some_customers), output_folder=str(tmp_path / "out"))
        [summary] = set((tmp_path / "out").glob("*/summary.json")) - known
        known.add(summary)
        assert ":" not in summary.parent.name
        return demo_summary.Run(summary, some_customers, sandbox)

    return once


def test_the_main_example_provisions_everyone_and_reports_the_rest(provision: Callable[[], Any]) -> None:
    first = provision()
    steps, count = first.steps, len(first.rows)
    assert first.repeated_rows == 15
    for name in ("users", "chats"):
        assert (steps[name]["created"], steps[name]["replayed"]) == (count - 15, 15)
    assert (steps["tokens"]["created"], steps["tokens"]["replayed"]) == (count - 46, 15)
    kinds = {field: len(rows) for (_, field), rows in first.rejected_rows.items()}
    assert kinds == {"mail, cellular": 25, "date_limit": 6}
    assert json.dumps(steps).count("sealed:") == 0, "the summary has no secrets, sealed or not"


def test_the_numbers_of_the_main_example_add_up_with_the_sandbox_after_two_runs(
    provision: Callable[[], Any], capsys: pytest.CaptureFixture[str]
) -> None:
    demo_summary = import_module("demo_summary")
    first, again = provision(), provision()
    # Not all of Airflow's home: other tests have made what lies there.
    assert demo_summary.check(first, again, first.folder.parent) == []
    capsys.readouterr()
    demo_summary.show_again(first, again)
    assert "nothing: nobody got a second message, and 179 tokens are" in capsys.readouterr().out


def test_the_demonstration_notices_a_lost_token_a_second_message_and_a_secret(
    provision: Callable[[], Any],
) -> None:
    demo_summary = import_module("demo_summary")
    first, again = provision(), provision()
    first.state["imbee"]["tokens"] -= 1
    first.messages.append(first.messages[0])
    (first.folder / "leak.txt").write_text(f"apikey={first.secrets[7]}!", encoding="utf-8")
    failed = demo_summary.check(first, again, first.folder)
    assert "the sandbox has these tokens" in failed
    assert "the sandbox sent a message to each address" in failed
    assert "nobody got the same message twice" in failed
    assert failed[-1].endswith("secrets is in any file in clear")


def test_the_demonstration_notices_a_second_run_that_sends(
    provision: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    demo_summary = import_module("demo_summary")
    first = provision()
    # With another ledger nothing is remembered.
    monkeypatch.setenv("AIRFLOW__VENDOR_APIS__LEDGER_PATH", str(tmp_path / "other.db"))
    failed = demo_summary.check(first, provision(), first.folder)
    assert {"again: nobody got a second message", "again: every token is replayed"} <= set(failed)
    assert "again: no token was asked for" in failed
    assert "nobody got the same message twice" not in failed


@pytest.mark.parametrize("length", [1, 18, 19, 20, 40])
@pytest.mark.parametrize("before", range(9))
def test_a_secret_is_found_wherever_it_lies(
    length: int, before: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    demo_summary = import_module("demo_summary")
    secret = "".join(chr(ord("A") + number % 50) for number in range(length))
    (tmp_path / "leak").write_text("." * before + secret + "..", encoding="utf-8")
    (tmp_path / "none").write_text("." * before + secret[:-1] + "..", encoding="utf-8")
    assert demo_summary.files_with_secrets(tmp_path, ["x" * 30, secret]) == ["leak"]


def created(sandbox: SandboxProcess, resource: str) -> list[dict[str, Any]]:
    return list(sandbox.control("GET", f"mpohoda/records/{resource}")["records"])


def test_orders_become_invoices_and_a_second_run_makes_none(
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
