"""``airflow vendor-apis deliveries``: what vendors have sent, on the command line."""

from __future__ import annotations

import getpass
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider.events import deliveries, retention


@pytest.fixture
def stored(airflow_db, monkeypatch) -> list[int]:
    """Three deliveries; the list has their ids, the newest first."""
    import sqlalchemy as sa
    from airflow.utils.session import create_session

    from airflow_provider.events.table import Delivery

    def row(number: int, **values: Any) -> Delivery:
        known: dict[str, Any] = {
            "conn_id": "mobadoo_one",
            "vendor": "mobadoo",
            "source": "webhook",
            "family": "MODEL_CHANGED",
            "entity": "match",
            "group_key": "videogame",
            "group_name": "lol",
            "thing": f"thing-{number}",
            "digest": f"{number:064}",
            "epoch": 0,
            "received_at": datetime(2026, 11, number, tzinfo=UTC),
            "payload": {"number": number, "name": "日本"},
            "payload_truncated": False,
            "assets": ["mobadoo/mobadoo_one"],
            "outcome": "no_subscribers",
            "events": [],
        }
        return Delivery(**{**known, **values})

    with create_session(scoped=False) as session:
        session.execute(sa.delete(Delivery))
        session.add_all([row(1), row(2, conn_id="mobadoo_two"), row(3)])
    with create_session(scoped=False) as session:
        return list(session.scalars(sa.select(Delivery.id).order_by(Delivery.id.desc())))


def test_the_list_has_the_newest_first(cli, stored):
    status, out, _ = cli("deliveries", "list", "-o", "json")
    assert status == 0
    found = json.loads(out)
    assert [one["id"] for one in found] == stored
    assert set(found[0]) == {
        "id",
        "conn_id",
        "received_at",
        "family",
        "outcome",
        "repeats",
        "asset_events",
        "runs",
    }


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        (("--conn-id", "mobadoo_two"), [1]),
        (("--conn-id", "mobadoo_one", "--conn-id", "mobadoo_two", "--limit", "2"), [0, 1]),
        (("--conn-id", "unknown"), []),
    ],
)
def test_the_list_can_be_narrowed(cli, stored, words, numbers):
    _, out, _ = cli("deliveries", "list", "-o", "json", *words)
    assert [one["id"] for one in json.loads(out)] == [stored[number] for number in numbers]


def test_the_list_goes_on_at_an_id(cli, stored):
    _, out, _ = cli("deliveries", "list", "-o", "json", "--before", str(stored[0]))
    assert [one["id"] for one in json.loads(out)] == stored[1:]


def test_a_list_that_is_cut_says_how_to_go_on(cli, stored):
    _, out, err = cli("deliveries", "list", "-o", "json", "--limit", "2")
    assert [one["id"] for one in json.loads(out)] == stored[:2]
    assert f"There are more. Go on with --before {stored[1]}." in err
    assert "There are more" not in cli("deliveries", "list", "--limit", str(len(stored)))[2]


def test_a_delivery_is_shown_with_its_payload(cli, stored):
    status, out, _ = cli("deliveries", "show", str(stored[0]), "-o", "json")
    assert status == 0
    [found] = json.loads(out)
    assert found["payload"] == {"number": 3, "name": "日本"}
    assert (found["videogame"], found["assets"]) == ("lol", ["mobadoo/mobadoo_one"])
    _, table, _ = cli("deliveries", "show", str(stored[0]))
    assert '"name": "日本"' in table


@pytest.mark.parametrize("command", ["show", "replay"])
def test_a_delivery_that_is_not_there_is_an_error(cli, stored, command):
    yes = ["--yes"] if command == "replay" else []
    status, _, told = cli("deliveries", command, "999999", *yes)
    assert (status, told) == (1, "There is no delivery 999999.")


def test_a_delivery_that_nobody_subscribes_to_is_not_told(cli, stored):
    status, _, told = cli("deliveries", "replay", str(stored[0]), "--yes")
    assert status == 1
    assert "No Dag mentions an asset" in told


def test_a_delivery_is_told_again_when_that_is_confirmed(cli, monkeypatch, airflow_db):
    replayed: list[int] = []

    def replay(number: int, by: str) -> int:
        assert by == getpass.getuser()
        replayed.append(number)
        return 2

    monkeypatch.setattr(deliveries, "replay_delivery", replay)
    assert cli("deliveries", "replay", "5", answer="n")[0] == 1
    assert replayed == []
    status, out, _ = cli("deliveries", "replay", "5", answer="y")
    assert (status, replayed) == (0, [5])
    assert "2 asset events registered." in out


def test_old_deliveries_are_deleted_when_that_is_confirmed(cli, stored):
    assert cli("deliveries", "clean", "--before", "2026-11-03", answer="n")[0] == 1
    assert len(deliveries.list_deliveries()) == 3
    status, out, _ = cli("deliveries", "clean", "--before", "2026-11-03T00:00:00Z", "--yes")
    assert (status, out.strip()) == (0, "2 deliveries deleted.")
    assert [one["id"] for one in deliveries.list_deliveries()] == stored[:1]


def test_a_time_may_have_an_offset(cli, monkeypatch, airflow_db):
    times: list[datetime] = []

    def delete(time: datetime) -> int:
        times.append(time)
        return 0

    monkeypatch.setattr(retention, "delete_before", delete)
    cli("deliveries", "clean", "--before", "2026-11-03T01:00:00+01:00", "--yes")
    cli("deliveries", "clean", "--before", "2026-11-03", "--yes")
    assert times[0] == times[1] == datetime(2026, 11, 3, tzinfo=UTC)
    assert times[1].utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "words",
    [
        ("list", "--limit", "0"),
        ("list", "--before", "x"),
        ("show", "-1"),
        ("show", "99999999999999999999"),
        ("clean",),
        ("clean", "--before", "yesterday"),
    ],
)
def test_a_word_that_cannot_be_is_refused(cli, words):
    assert cli("deliveries", *words)[0] == 2


def test_a_database_without_the_table_is_told_in_one_line(cli, monkeypatch, airflow_db):
    from sqlalchemy.exc import OperationalError

    def missing(**_: object) -> None:
        raise OperationalError("SELECT", {}, Exception("no such table: vendor_apis_delivery"))

    monkeypatch.setattr(deliveries, "list_deliveries", missing)
    status, _, told = cli("deliveries", "list")
    assert status == 1
    assert "airflow db migrate" in told
    assert "\n" not in told.strip()
