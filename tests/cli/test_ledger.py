"""``airflow vendor-apis ledger``: through Airflow's own command line, and in this process for the details."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from airflow_provider.ledger import admin as ledger_admin
from airflow_provider.ledger.admin import Choice
from airflow_provider.ledger.ledger import Completion, Ledger
from airflow_provider.secrets import is_sealed, open_sealed
from airflow_provider.store.engine import Database
from airflow_provider.store.tables import ledger as table
from tests.support.processes import environment, run_module
from tests.support.sandbox import SandboxProcess

TOKENS = "imbee.create_access_token"
USERS = "imbee.create_user"


@pytest.fixture
def database(path: Path):
    database = Database(sa.URL.create("sqlite", database=str(path)), shared=False)
    database.prepare()
    yield database
    database.close()


@pytest.fixture
def add(database: Database) -> Callable[..., str]:
    """A function that adds a row and returns its id."""

    def add(
        *key: str, state: Any = "unknown", operation: str = TOKENS, scope: str = "", age: float = 0
    ) -> str:
        ledger = Ledger("imbee_default", operation, scope, "dag/run/tokens", "me", 60.0, once=True)
        id_ = ledger.id_of(key)
        with database.begin() as connection:
            ledger.claim(connection, [key])
            if state != "sent":
                result = {"url": "sealed:v1:gAAA"} if state == "done" else None
                ledger.settle(connection, [Completion(id_, state, result, None if result else "no answer")])
            times = {"updated_at": time.time() - age}
            connection.execute(sa.update(table).where(table.c.id == id_).values(times))
        return id_

    return add


def states(database: Database) -> dict[str, str]:
    return {row["key"][0]: row["state"] for row in ledger_admin.rows(database, Choice())}


def in_a_process(*words: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    arguments = ("vendor-apis", "ledger", *words)
    return run_module("airflow", *arguments, stdin=stdin, COLUMNS="200", **environ)


@pytest.fixture(scope="session")
def installed() -> None:
    from importlib.metadata import entry_points

    if "provider_info" not in {found.name for found in entry_points(group="apache_airflow_provider")}:
        pytest.skip("Airflow knows the commands of installed providers only: pip install -e .")


@pytest.mark.usefixtures("installed", "airflow_db")
class TestInAProcess:
    def test_help_names_the_commands(self) -> None:
        found = in_a_process("--help")
        assert found.returncode == 0
        for command in ("list", "show", "stats", "resolve", "purge"):
            assert f"    {command} " in found.stdout

    def test_a_person_finds_and_resolves_a_record(self, database: Database, add: Callable[..., str]) -> None:
        id_ = add("ada", "bot", "ada@example.com", "")
        listed = in_a_process("list", "--state", "unknown", "-o", "json")
        assert listed.returncode == 0, listed.stderr
        [row] = json.loads(listed.stdout)
        assert (row["id"], row["key"], row["attempts"]) == (id_, ["ada", "bot", "ada@example.com", ""], 1)
        resolved = in_a_process("resolve", id_, "--as", "resend", stdin="y\n")
        assert resolved.returncode == 0, resolved.stderr
        assert resolved.stdout.endswith("1 row forgotten: the next run of their task sends them.\n")
        assert states(database) == {}

    def test_without_a_ledger_it_says_so_in_one_line(self, path: Path) -> None:
        found = in_a_process("stats")
        assert (found.returncode, found.stdout) == (1, "")
        assert found.stderr.strip().splitlines()[-1].startswith(f"there is no ledger yet ({path}).")
        assert "Traceback" not in found.stderr
        assert not path.exists()

    def test_the_connection_of_the_ledger_may_stand_in_airflows_database(
        self, database: Database, add: Callable[..., str]
    ) -> None:
        from airflow.models.connection import Connection
        from airflow.utils.session import create_session

        add("ada")
        with create_session() as session:
            session.add(Connection(conn_id="books", conn_type="sqlite", host=database.place))
        try:
            setting = {
                "AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID": "books",
                "AIRFLOW__VENDOR_APIS__LEDGER_PATH": "",
            }
            found = in_a_process("stats", "-o", "json", **setting)
            assert found.returncode == 0, found.stderr
            assert json.loads(found.stdout)[0]["rows"] == 1
            setting["AIRFLOW__VENDOR_APIS__LEDGER_CONN_ID"] = "nowhere"
            missing = in_a_process("stats", **setting)
            assert missing.returncode == 1
            assert "nowhere" in missing.stderr.splitlines()[-1]
        finally:
            with create_session() as session:
                session.query(Connection).where(Connection.conn_id == "books").delete()

    def test_other_commands_pay_next_to_nothing(self) -> None:
        code = (
            "import airflow.cli.cli_config, sys; before = set(sys.modules); import airflow_provider.cli;"
            "airflow_provider.cli.get_cli_commands();"
            "print(*sorted(name for name in set(sys.modules) - before))"
        )
        loaded = subprocess.run(
            [sys.executable, "-c", code],
            env=environment(),
            capture_output=True,
            text=True,
            check=True,
        )
        rooms = {module.rpartition(".")[0] or module for module in loaded.stdout.split()}
        assert rooms <= {"airflow_provider", "airflow_provider.cli"}


def test_a_list_for_people_has_what_they_need(cli, add) -> None:
    id_ = add("ada", "bot", "[/red] :smile: ada@example.com", "")
    status, out, _ = cli("list", "-o", "plain")
    assert status == 0
    assert out.split("\n")[0].split() == [
        "id", "state", "conn_id", "operation", "key", "attempts", "updated_at",
    ]  # fmt: skip
    for text in (id_, "unknown", "imbee_default", TOKENS, "[/red] :smile: ada@example.com"):
        assert text in out


def test_a_table_shows_ids_whole_and_takes_nothing_for_markup(cli, add, monkeypatch) -> None:
    id_ = add("[red]")
    _, out, _ = cli("list")
    assert id_ in out
    assert "[red]" in out.replace("\n", "")


def test_a_list_can_be_narrowed(cli, add) -> None:
    add("a")
    add("b", state="done", operation=USERS)
    add("c", state="failed", age=3 * 86400)

    def keys(*words: str) -> set[str]:
        status, out, _ = cli("list", "-o", "json", *words)
        assert status == 0
        return {row["key"][0] for row in json.loads(out)}

    assert keys() == {"a", "b", "c"}
    assert keys("--state", "unknown", "--state", "failed") == {"a", "c"}
    assert keys("--operation", USERS) == {"b"}
    assert keys("--older-than", "2d") == {"c"}
    assert keys("--older-than", "1w") == set()
    assert keys("--task", "dag/run") == {"a", "b", "c"}
    assert keys("--conn-id", "other") == set()


def test_a_cut_list_says_how_much_there_is(cli, add) -> None:
    for name in "abc":
        add(name)
    _, out, err = cli("list", "--limit", "2", "-o", "yaml")
    assert out.count("operation:") == 2
    assert err == "3 rows; the 2 that changed last are listed.\n"


def test_an_empty_list(cli, database) -> None:
    assert cli("list")[:2] == (0, "No data found\n")
    assert cli("list", "-o", "json")[:2] == (0, "[]\n")


def test_a_row_is_shown_with_its_secrets_sealed(cli, add) -> None:
    id_ = add("ada", state="done")
    status, out, _ = cli("show", id_, "-o", "json")
    assert status == 0
    row = json.loads(out)
    assert row["result"] == {"url": "sealed:v1:gAAA"}
    assert set(row) == {column.name for column in table.columns}
    assert "sealed:v1:gAAA" in cli("show", id_)[1]


def test_stats(cli, add) -> None:
    add("a")
    add("b")
    _, out, _ = cli("stats", "-o", "json")
    [row] = json.loads(out)
    assert (row["operation"], row["state"], row["rows"]) == (TOKENS, "unknown", 2)
    assert TOKENS in cli("stats")[1]


def test_rows_marked_as_done_hand_on_nulls_in_the_usual_form(cli, add, database) -> None:
    id_ = add("ada")
    status, out, _ = cli("resolve", "--conn-id", "imbee_default", "--as", "done", "--yes")
    assert (status, out) == (0, "1 row marked as done.\n")
    row = ledger_admin.row(database, id_)
    names = ("url", "user_idsha", "date_limit", "max_retries", "previously_created")
    assert (row["state"], row["result"]) == ("done", dict.fromkeys(names))


def test_an_operation_that_is_not_ours_hands_on_an_empty_result(cli, add, database) -> None:
    id_ = add("ada", operation="elsewhere.send")
    assert cli("resolve", id_, "--as", "done", "--yes")[0] == 0
    assert ledger_admin.row(database, id_)["result"] == {}


def test_the_vendors_answer_is_sealed_where_it_is_secret(cli, add, database, tmp_path) -> None:
    answer = tmp_path / "answer.json"
    answer.write_text('{"url": "https://secret.example/x", "max_retries": 5}')
    id_ = add("ada")
    assert cli("resolve", id_, "--as", "done", "--yes", "--result", str(answer))[0] == 0
    result = ledger_admin.row(database, id_)["result"]
    assert is_sealed(result["url"])
    assert open_sealed(result["url"]).get_secret_value() == "https://secret.example/x"
    assert (result["max_retries"], result["user_idsha"]) == (5, None)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ('{"uri": "https://secret.example/x"}', "it also has uri; imbee.create_access_token returns url, "),
        ('{"max_retries": 5}', "url (missing)"),
        ('["https://secret.example/x"]', "not a JSON object"),
        ("https://secret.example/x", "is not JSON"),
    ],
)
def test_an_answer_in_another_form_is_refused_without_quoting_it(
    answer, message, cli, add, database, tmp_path
) -> None:
    (tmp_path / "answer.json").write_text(answer)
    words = ("--as", "done", "--yes", "--result", str(tmp_path / "answer.json"))
    status, _, err = cli("resolve", add("ada"), *words)
    assert status == 1
    assert message in err
    assert "secret.example" not in err
    assert states(database) == {"ada": "unknown"}


def test_a_person_is_asked_first(cli, add, database) -> None:
    id_ = add("ada")
    for answer in ("n", "", None):
        status, _, err = cli("resolve", id_, "--as", "resend", answer=answer)
        assert status == 1
        assert "Nothing was changed" in err
    assert states(database) == {"ada": "unknown"}
    status, out, _ = cli("resolve", id_, "--as", "resend", answer="y")
    assert status == 0
    assert "it gets them twice" in out
    assert states(database) == {}


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("resolve", "--as", "done"), "Give either ids, or at least one of"),
        (("resolve", "x", "--conn-id", "y", "--as", "done"), "Give either ids, or at least one of"),
        (("resolve", "x", "--as", "done"), "no row x"),
        (("resolve", "x", "y", "--as", "done", "--result", "-"), "--result belongs to"),
        (("resolve", "x", "--as", "resend", "--result", "-"), "--result belongs to"),
        (("resolve", "--conn-id", "other", "--as", "done"), "no unknown rows"),
        (("show", "x"), "no row x"),
        (("purge", "--older-than", "1d", "--state", "unknown"), "--include-unknown"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(words, message, cli, add) -> None:
    add("ada")
    status, out, err = cli(*words)
    assert (status, out) == (1, "")
    assert message in err
    assert len(err.splitlines()) == 1


def test_only_unknown_rows_are_resolved(cli, add, database) -> None:
    done, unknown = add("a", state="done"), add("b")
    status, _, err = cli("resolve", unknown, done, "--as", "resend", "--yes")
    assert status == 1
    assert f"{done} is done" in err
    assert states(database) == {"a": "done", "b": "unknown"}


def test_purging_explains_and_counts(cli, add, database) -> None:
    add("new", state="done")
    add("run", state="failed", scope="dag/run/tokens", age=99 * 86400)
    add("forever", state="done", age=99 * 86400)
    add("unknown", age=99 * 86400)
    status, out, _ = cli("purge", "--older-than", "90d", answer="no")
    assert status == 1
    assert "To be removed: 1 done, 1 failed." in out
    assert 'For ever (ledger_scope="forever"): 1. Without these rows a later run may send' in out
    status, out, _ = cli("purge", "--older-than", "90d", "--state", "failed", "--yes")
    assert (status, out) == (0, "To be removed: 1 failed.\n1 row removed.\n")
    status, out, _ = cli("purge", "--older-than", "90d", "--include-unknown", "--yes")
    assert out.endswith("2 rows removed.\n")
    assert states(database) == {"new": "done"}
    assert cli("purge", "--older-than", "90d")[:2] == (0, "There is nothing to remove.\n")


@pytest.mark.parametrize("age", ["90", "d", "1.5d", "-1d", "", "90 years"])
def test_an_age_has_a_number_and_a_unit(age, cli) -> None:
    status, _, err = cli("purge", f"--older-than={age}")
    assert status == 2
    assert "write it like 90d" in err


def test_a_record_resolved_as_resend_is_sent_by_the_next_run(cli, path, sandbox: SandboxProcess) -> None:
    from airflow_provider.exceptions import OutcomeUnknown
    from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator

    record = {"virtual_user": "ada", "bot_idsha": "bot", "mail": "ada@example.com"}

    def run() -> dict[str, Any]:
        return ImbeeCreateAccessTokensOperator(task_id="tokens", records=[record]).execute({})

    sandbox.fault(vendor="imbee", path="token/new", action="reset", after=False)
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            run()
    assert sandbox.messages() == []
    assert cli("resolve", "--operation", TOKENS, "--as", "resend", "--yes")[0] == 0
    assert run()["created"] == 1
    assert run()["replayed"] == 1
    assert len(sandbox.messages()) == 1


def test_a_record_resolved_as_done_is_not_sent_and_passed_on(cli, path, sandbox: SandboxProcess) -> None:
    from airflow_provider.exceptions import OutcomeUnknown
    from airflow_provider.imbee.operators import ImbeeCreateAccessTokensOperator

    batch = ImbeeCreateAccessTokensOperator(
        task_id="tokens", records=[{"virtual_user": "ada", "bot_idsha": "bot", "mail": "ada@example.com"}]
    )
    sandbox.fault(vendor="imbee", path="token/new", action="reset", after=True)
    with pytest.raises(OutcomeUnknown):
        batch.execute({})
    assert cli("resolve", "--operation", TOKENS, "--as", "done", "--yes")[0] == 0
    result = batch.execute({})
    assert (result["replayed"], result["unknown"]) == (1, 0)
    assert result["records"][0]["token"]["url"] is None
    assert len(sandbox.messages()) == 1
