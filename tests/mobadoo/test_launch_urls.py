"""Launch URLs: what is made of a record, and which records fail."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from airflow_provider.exceptions import BatchFailed, InvalidInput, VendorError
from airflow_provider.mobadoo.operators import MobadooLaunchUrlsOperator
from airflow_provider.secrets import is_sealed, open_sealed, seal
from airflow_provider.store.sessions import player_of
from tests.mobadoo.launches import CONN, HASH, connect, execute, opened, urls
from tests.support import batches
from tests.support.batches import lines


@pytest.fixture(autouse=True)
def connection(set_connection) -> None:
    connect(set_connection)


def query(url: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(url).query, strict_parsing=True))


# --- the URL ----------------------------------------------------------------------------------------------


def test_a_player_gets_a_url_that_leads_back_to_the_player():
    result = execute([{"player": "ada", "brand": "x"}, {"player": 42}])
    assert {name: result[name] for name in ("total", "created", "failed", "output", "requests")} == {
        "total": 2,
        "created": 2,
        "failed": 0,
        "output": None,
        "requests": 0,
    }
    first, second = result["records"]
    assert (first["player"], first["brand"], second["player"]) == ("ada", "x", 42)
    assert is_sealed(first["launch"]["url"])
    found = [query(url) for url in urls(result)]
    assert [player_of(CONN, one["hash"]) for one in found] == ["ada", "42"]
    assert [one["client_id"] for one in found] == ["client-1"] * 2


def test_the_url_is_that_of_the_environment_with_its_parameters_in_the_published_order(set_connection):
    [url] = urls(execute([{"player": "ada", "hash": HASH}]))
    assert url == f"https://online-stage.mobadoo.com/?hash={HASH}&client_id=client-1&profile=house"
    set_connection(CONN, extra={"environment": "production"})
    [url] = urls(execute([{"player": "ada", "hash": HASH}]))
    assert url.startswith("https://online.mobadoo.com/?hash=")


@pytest.mark.parametrize("profile", ["a&hash=b", "žltý kôň + #1", "100%", "a=b;c", '"><script>', "日本"])
def test_a_profile_arrives_as_it_is(set_connection, profile):
    set_connection(CONN, extra={"profile": profile})
    [url] = urls(execute([{"player": "ada", "hash": HASH}]))
    assert url.isascii()
    assert " " not in url
    assert query(url) == {"hash": HASH, "client_id": "client-1", "profile": profile}


def test_a_blank_is_written_in_the_way_that_every_reader_understands(set_connection):
    set_connection(CONN, extra={"profile": "my brand", "client_id": "a+b"})
    [url] = urls(execute([{"player": "ada", "hash": HASH}]))
    assert url.endswith("&client_id=a%2Bb&profile=my%20brand")


@pytest.mark.parametrize(
    ("online", "wanted"),
    [
        ("https://play.test", f"https://play.test/?hash={HASH}&client_id=client-1&profile=house"),
        ("https://play.test/e/?lang=sk&x=a+b%26c", "https://play.test/e/?lang=sk&x=a+b%26c&hash="),
        ("https://play.test/?hash=XXXX&client_id=XXXX&profile=XXXX", f"https://play.test/?hash={HASH}&"),
        ("https://play.test/?empty=&x#/lobby", "https://play.test/?empty=&x&hash="),
    ],
)
def test_what_the_online_url_has_already_stays(set_connection, online, wanted):
    set_connection(CONN, extra={"online_url": online})
    [url] = urls(execute([{"player": "ada", "hash": HASH}]))
    assert url.startswith(wanted)
    assert "XXXX" not in url
    assert urlsplit(url).fragment == urlsplit(online).fragment


@pytest.mark.parametrize(
    "online", ["play.test", "ftp://play.test", "https://a:b@play.test", "https://", "https://a b/?c"]
)
def test_an_online_url_that_is_none_is_refused(set_connection, online):
    set_connection(CONN, extra={"online_url": online})
    with pytest.raises(InvalidInput, match="Online URL"):
        execute([{"player": "ada"}])


def test_a_record_may_have_a_profile_of_its_own_and_a_task_may():
    records = [{"player": "ada", "profile": "b 1"}, {"player": "bob"}]
    assert [query(url)["profile"] for url in urls(execute(records))] == ["b 1", "house"]
    found = urls(execute(records, defaults={"profile": "task's"}))
    assert [query(url)["profile"] for url in found] == ["b 1", "task's"]


def test_fields_are_renamed_and_led_into():
    records = [{"customer": {"id": "ada"}, "session": HASH}]
    result = execute(records, fields={"player": "customer.id", "hash": "session"})
    assert query(urls(result)[0])["hash"] == HASH
    assert is_sealed(result["records"][0]["session"])


def test_reveal_writes_the_url_in_clear(capsys):
    result = execute([{"player": "ada", "hash": HASH}], reveal=["url"])
    assert HASH in result["records"][0]["launch"]["url"]
    logged = capsys.readouterr().out
    assert "launch.url will be in clear in XCom" in logged
    assert HASH not in logged


# --- the hash ---------------------------------------------------------------------------------------------


def test_a_hash_that_is_made_has_192_random_bits_and_needs_no_escape():
    found = [query(url)["hash"] for url in urls(execute([{"player": f"p{n}"} for n in range(50)]))]
    assert len(set(found)) == 50
    assert {len(one) for one in found} == {32}
    assert all(one.replace("-", "").replace("_", "").isalnum() for one in found)


def test_a_given_hash_is_taken_as_it_is_and_sealed_in_the_results():
    result = execute([{"player": "ada", "hash": HASH}, {"player": "bob", "hash": seal("s" * 30)}])
    assert [query(url)["hash"] for url in urls(result)] == [HASH, "s" * 30]
    assert [opened(record["hash"]) for record in result["records"]] == [HASH, "s" * 30]
    assert player_of(CONN, HASH) == "ada"


@pytest.mark.parametrize("hash", ["short", "a" * 21, "a" * 201, "a b" * 10, "ž" * 30, "a&b=c#d?" * 5, True])
def test_a_hash_that_can_be_guessed_or_needs_an_escape_fails_its_record(hash):
    with pytest.raises(VendorError, match=r'^row 2: .*"hash" must be') as caught:
        execute([{"player": "ada"}, {"player": "bob", "hash": hash}])
    assert str(hash) not in str(caught.value) or hash is True


def test_the_next_launch_replaces_the_session():
    first = query(urls(execute([{"player": "ada"}, {"player": "bob"}]))[0])["hash"]
    second = query(urls(execute([{"player": "ada"}]))[0])["hash"]
    assert (player_of(CONN, first), player_of(CONN, second)) == (None, "ada")


def test_the_same_given_hash_twice_is_one_session():
    for _ in range(2):
        assert execute([{"player": "ada", "hash": HASH}])["created"] == 1
    assert player_of(CONN, HASH) == "ada"


# --- records that fail ------------------------------------------------------------------------------------

FAULTS = {
    "no player": ({"name": "x"}, '"player" is empty'),
    "an empty player": ({"player": "  "}, '"player" is empty'),
    "a player nobody sees": ({"player": "\u200b"}, '"player"'),
    "a long player": ({"player": "p" * 251}, '"player" has 251 characters'),
    "a list for a player": ({"player": ["ada"]}, '"player" must be a text or a number'),
    "a player with a line break": ({"player": "a\nb"}, "line break"),
    "half a character": ({"player": "\ud800"}, "was cut off"),
    "half a character in a hash": ({"player": "eve", "hash": "\ud800" * 30}, "cannot be written"),
    "the player once more": ({"player": "ada"}, "has a launch URL in an earlier record already"),
    "the player as a number": ({"player": 7.0}, "has a launch URL in an earlier record already"),
    "the hash of a record": ({"player": "eve", "hash": HASH}, "an earlier record has it"),
    "the hash of another run": ({"player": "eve", "hash": "o" * 30}, "the session of another player"),
    "no record": ("ada", "the record is a str"),
}


@pytest.mark.parametrize(("record", "told"), FAULTS.values(), ids=FAULTS)
def test_a_record_that_is_wrong_fails_with_its_row_and_the_others_get_their_urls(record, told):
    execute([{"player": "other", "hash": "o" * 30}])
    records = [{"player": "ada", "hash": HASH}, {"player": "7"}, record, {"player": "last"}]
    result = execute(records, on_error="continue")
    assert (result["total"], result["created"], result["failed"]) == (4, 3, 1)
    [failure] = result["failures"]
    assert failure["row"] == 3
    assert told in failure["reason"]
    assert HASH not in str(result)
    assert len(urls(result)) == 3
    assert player_of(CONN, "o" * 30) == "other"


def test_a_record_whose_hash_is_refused_does_not_count_as_a_url_of_its_player():
    execute([{"player": "ada", "hash": HASH}])
    result = execute([{"player": "bob", "hash": HASH}, {"player": "bob"}], on_error="continue")
    assert (result["created"], result["failed"]) == (1, 1)
    assert player_of(CONN, query(urls(result)[0])["hash"]) == "bob"


def test_a_record_that_holds_itself_fails_alone():
    nest: list[Any] = []
    nest.append(nest)
    task = MobadooLaunchUrlsOperator(task_id="launch", records=[], on_error="continue")
    # Airflow itself looks through what it is given.
    object.__setattr__(task, "records", [{"player": "ada", "nest": nest}, {"player": "bob"}])
    result = batches.execute(task)
    assert (result["created"], result["failures"][0]["row"]) == (1, 1)


def test_the_report_beside_the_output_has_the_row_and_no_hash_in_clear(tmp_path):
    output = tmp_path / "out.jsonl"
    records = [{"player": "ada", "hash": HASH}, {"note": "no player", "hash": "n" * 30}]
    result = execute(records, output=str(output), on_error="continue")
    [report] = lines(result["failures_output"])
    assert (report["row"], report["record"]["note"], report["field"]) == (2, "no player", "player")
    assert opened(report["record"]["hash"]) == "n" * 30
    assert "nnnn" not in (tmp_path / "out.failed.jsonl").read_text()
    execute([{"player": "ada"}], output=str(output))
    assert not (tmp_path / "out.failed.jsonl").exists()


def test_a_batch_that_fails_on_a_record_changes_nothing(tmp_path):
    output = tmp_path / "out.jsonl"
    execute([{"player": "ada", "hash": HASH}], output=str(output))
    before = output.read_bytes()
    records = [*({"player": f"p{n}"} for n in range(1200)), {"player": "ada"}, {"x": 1}]
    with pytest.raises(InvalidInput, match=r'^row 1202: .*"player" is empty'):
        execute(records, output=str(output))
    assert player_of(CONN, HASH) == "ada"
    assert output.read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out.failed.jsonl", "out.jsonl"]


def test_more_failures_than_allowed_end_the_batch():
    execute([{"player": "ada", "hash": HASH}])
    with pytest.raises(BatchFailed, match="2 of 3 records failed, more than max_failures=1"):
        execute([{"player": "ada"}, {}, {}], on_error="continue", max_failures=1)
    assert player_of(CONN, HASH) == "ada"


# --- what is found out before the first record ------------------------------------------------------------


@pytest.mark.parametrize("field", ["client_id", "profile"])
def test_a_connection_without_what_every_url_has_fails_before_the_first_record(
    set_connection, field, tmp_path
):
    set_connection(CONN, extra={field: None})
    with pytest.raises(InvalidInput, match=f'"{field}" is empty.*Fill the field "{field}"') as caught:
        execute(str(tmp_path / "is not there.csv"))
    assert caught.value.field == field
    assert caught.value.conn_id == CONN


@pytest.mark.parametrize("name", ["player", "hash"])
def test_a_constant_for_what_differs_in_each_record_is_refused(name):
    with pytest.raises(InvalidInput, match=f'"defaults" names {name}'):
        execute([{"player": "ada"}], defaults={name: "x"})


@pytest.mark.parametrize("option", ["fields", "defaults"])
def test_a_name_that_no_launch_url_has_is_refused(option):
    with pytest.raises(InvalidInput, match=f'"{option}" names lang'):
        execute([{"player": "ada"}], **{option: {"lang": "sk"}})


def test_a_file_without_the_column_fails_before_the_first_record(tmp_path):
    (tmp_path / "in.csv").write_text("id,hash\nada,x\n")
    with pytest.raises(InvalidInput, match='no column "player"'):
        execute(str(tmp_path / "in.csv"))


def test_without_a_fernet_key_nothing_is_made(monkeypatch, tmp_path):
    from airflow.sdk.crypto import get_fernet

    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "")
    get_fernet.cache_clear()
    try:
        with pytest.raises(InvalidInput, match="Fernet key"):
            execute([{"player": "ada"}], output=str(tmp_path / "out.jsonl"))
    finally:
        monkeypatch.undo()
        get_fernet.cache_clear()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options",
    [
        {"reveal": ["hash"]},
        {"reveal": "url"},
        {"on_error": "stop"},
        {"max_failures": 1},
        {"empty": "no"},
        {"output": "out.xml"},
        {"records": None},
        {"mobadoo_conn_id": ""},
    ],
)
def test_a_parameter_that_cannot_be_is_refused_where_the_dag_is_written(options):
    with pytest.raises((ValueError, TypeError)):
        MobadooLaunchUrlsOperator(**{"task_id": "launch", "records": [], **options})


def test_a_batch_without_records_is_told_or_fails(capsys):
    assert execute([])["total"] == 0
    assert "the list has no records" in capsys.readouterr().out
    with pytest.raises(InvalidInput, match="the list has no records"):
        execute([], empty="fail")


def test_too_many_records_for_xcom_are_refused_before_any_session_changes():
    execute([{"player": "p1", "hash": HASH}])
    with pytest.raises(InvalidInput, match="more than 1,000 records"):
        execute([{"player": f"p{number}"} for number in range(1001)])
    assert player_of(CONN, HASH) == "p1"


def test_sessions_in_a_file_of_one_of_several_machines_are_told(capsys, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor")
    assert execute([{"player": "ada"}])["created"] == 1
    assert "will not know these sessions: set [vendor_apis] ledger_conn_id" in capsys.readouterr().out


def test_an_open_sealed_url_is_what_a_task_mails():
    result: dict[str, Any] = execute([{"player": "ada", "hash": HASH}])
    [record] = result["records"]
    assert open_sealed(record["launch"]["url"]).get_secret_value() == urls(result)[0]
