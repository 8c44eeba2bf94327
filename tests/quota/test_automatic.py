"""A batch that reserves what it needs before it sends the first request."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider.exceptions import (
    InvalidInput,
    QuotaExhausted,
    RateLimited,
    StoreUnavailable,
    VendorAuthError,
    VendorUnavailable,
)
from airflow_provider.imbee.operators import ImbeeCreateUsersOperator
from airflow_provider.ledger.ledger import Ledger
from airflow_provider.quota.reservations import reservation_id
from airflow_provider.quota.store import QuotaStore
from airflow_provider.wolkvox.hooks import WolkvoxHook
from airflow_provider.wolkvox.operators import WolkvoxInsertRecordsOperator, WolkvoxUpdateRecordsOperator
from tests.support.batches import execute
from tests.support.processes import answer_of
from tests.support.quota import TOKEN, known
from tests.support.sandbox import SandboxProcess


def contacts(count: int, first: int = 0) -> list[dict[str, str]]:
    return [{"idcontact": str(first + number)} for number in range(count)]


def insert(records: Any, run: str = "run", task: str = "insert", **options: Any) -> dict[str, Any]:
    operator = WolkvoxInsertRecordsOperator(
        task_id=task, module="contacts", records=records, **{"reserve": "auto", **options}
    )
    return execute(operator, run)


@pytest.fixture
def hundred(sandbox: SandboxProcess) -> SandboxProcess:
    sandbox.switch({"wolkvox.limit": 100})
    return sandbox


@pytest.fixture
def store():
    with known() as store:
        yield store


def used(sandbox: SandboxProcess) -> int:
    [token] = sandbox.state()["wolkvox"]["tokens"]
    return int(token["used"])


def test_a_batch_probes_once_sends_and_releases_the_rest(hundred, store):
    result = insert(contacts(50))
    assert (result["created"], result["requests"]) == (50, 50)
    assert used(hundred) == 51
    assert store.reservations() == []
    assert store.look().estimate.remaining in (49, 50), "the margin of 1: does a reading count itself?"


def test_a_batch_that_needs_more_than_remains_sends_nothing(hundred, store):
    insert(contacts(50))
    before = used(hundred)
    with pytest.raises(QuotaExhausted, match="The batch needs 60 requests, and has sent none") as raised:
        insert(contacts(60, 1000))
    assert raised.value.resets_at is not None
    assert hundred.state()["wolkvox"]["records"] == {"contacts": 50}
    assert used(hundred) <= before + 1, "its own count says no: the vendor is probed once to be sure"
    assert store.reservations() == []


def test_a_batch_that_needs_more_than_the_limit_fails_at_once(hundred):
    with pytest.raises(InvalidInput, match="needs 101 requests, more than the vendor grants") as raised:
        insert(contacts(101))
    assert raised.value.field == "reserve"
    assert used(hundred) == 1


def test_what_others_have_reserved_is_not_taken(hundred, store):
    WolkvoxHook().token_reading()
    assert store.reserve("other", 60, run="dag/other", task="t", lasts=timedelta(hours=1)) == 60
    with pytest.raises(RateLimited, match="60 are reserved") as raised:
        insert(contacts(50))
    assert raised.value.retry_after > 0
    store.release(id_="other")
    assert insert(contacts(50))["created"] == 50


def test_what_the_run_has_reserved_is_used_first(hundred, store):
    WolkvoxHook().token_reading()
    assert store.reserve("mine", 60, run="dag/run", task="t", lasts=timedelta(hours=1), shared=True) == 60
    assert insert(contacts(50))["created"] == 50
    [mine] = store.reservations()
    assert (mine.id, mine.amount, mine.spent) == ("mine", 60, 50)
    assert insert(contacts(30, 1000))["created"] == 30
    assert [one.remaining for one in store.reservations()] == [1], "its own 21 first: 20 and one to spare"
    assert used(hundred) == 81


def test_a_quota_that_is_known_to_be_used_up_is_not_taken_from_what_the_run_has_reserved(hundred, store):
    WolkvoxHook().token_reading()
    assert store.reserve("mine", 60, run="dag/run", task="t", lasts=timedelta(hours=1), shared=True) == 60
    # Other software has used the token up.
    hundred.token(token=TOKEN, operation="demo_operation", limit=100, used=100)
    with pytest.raises(QuotaExhausted):
        insert(contacts(5))
    before = len(hundred.requests("wolkvox"))
    with pytest.raises(QuotaExhausted, match="has sent none"):
        insert(contacts(5))
    assert len(hundred.requests("wolkvox")) - before <= 1, "at most one probe"


def test_what_another_task_of_the_run_has_for_itself_is_not_taken(hundred, store):
    WolkvoxHook().token_reading()
    assert store.reserve("other", 60, run="dag/run", task="t", lasts=timedelta(hours=1)) == 60
    with pytest.raises(RateLimited, match="60 are reserved"):
        insert(contacts(50))
    assert used(hundred) == 1


@pytest.mark.parametrize(
    ("reserved", "records", "created"),
    [(0, 60, [60]), (60, 50, [50]), (60, 45, [45, 45]), (60, 60, [60]), (99, 50, [50])],
)
def test_batches_of_one_run_that_race_never_have_the_same_requests(
    hundred, store, reserved, records, created
):
    """A promise to one of them is none to the other, and of what their run has reserved each has its part."""
    WolkvoxHook().token_reading()
    if reserved:
        lasts = timedelta(hours=1)
        assert store.reserve("run's", reserved, run="dag/run", task="t", lasts=lasts, shared=True) == reserved
    hundred.latency(0.02)
    found = answer_of("tests.support.quota_crowd", "insert", "2", str(records))
    assert sorted(one for one in found if isinstance(one, int)) == created
    # Who has sent nothing comes again when the other may have given something back, or at the reset.
    assert {one for one in found if isinstance(one, str)} <= {"RateLimited", "QuotaExhausted"}
    assert {one["status"] for one in hundred.requests("wolkvox")} == {200}
    assert hundred.state()["wolkvox"]["records"] == {"contacts": sum(created)}
    assert used(hundred) <= 100
    left = store.reservations()
    assert [one.id for one in left] == (["run's"] if reserved else [])
    assert sum(one.spent for one in left) <= min(reserved, sum(created))
    # Whatever has been sent is counted, and nothing is promised that is not there.
    assert store.look().estimate.remaining - sum(one.remaining for one in left) >= 0


def test_who_is_overtaken_by_another_task_of_the_run_leaves_the_margin(hundred, store, monkeypatch):
    """It saw enough of the run's, and needs one more now. It is not known whether the reading counts the probe."""
    WolkvoxHook().token_reading()
    lasts = timedelta(hours=1)
    assert store.reserve("run's", 99, run="dag/run", task="t", lasts=lasts, shared=True) == 99
    reserve = QuotaStore.reserve
    theirs: list[int | None] = []

    def overtaken(self: QuotaStore, *args: Any, **options: Any) -> int | None:
        if not theirs:
            theirs.append(reserve(store, "theirs", 50, run="dag/run", task="t", lasts=lasts))
        return reserve(self, *args, **options)

    monkeypatch.setattr(QuotaStore, "reserve", overtaken)
    with pytest.raises(RateLimited, match="are reserved"):
        insert(contacts(50))
    assert theirs == [50]
    assert insert(contacts(49))["created"] == 49


def test_records_in_chunks_need_one_reserved_for_each_request(hundred):
    result = insert(contacts(95), chunk_size=20)
    assert (result["created"], result["requests"]) == (95, 5)
    assert used(hundred) == 6


def test_what_is_done_invalid_or_twice_needs_nothing(hundred, tmp_path):
    insert(contacts(40))
    records = [*contacts(45), {"idcontact": ""}, *contacts(5, 40)]
    (tmp_path / "records.jsonl").write_text("".join(json.dumps(record) + "\n" for record in records))
    # Of 51 records five are to be sent, and nine more than these could not be.
    hundred.token(token=TOKEN, operation="demo_operation", limit=100, used=92)
    result = insert(
        str(tmp_path / "records.jsonl"),
        output=str(tmp_path / "out.jsonl"),
        required=["idcontact"],
        on_error="continue",
    )
    counts = [result[name] for name in ("created", "replayed", "failed", "requests")]
    assert counts == [5, 45, 1, 5]


def test_repeats_end_a_batch_before_they_spend_what_others_have(hundred, no_waiting, store):
    hundred.fault(vendor="wolkvox", path="custom/update.php", status=503, times=None)
    operator = WolkvoxUpdateRecordsOperator(
        task_id="update",
        module="contacts",
        records=[{"wolkvox_id": f"{number:024x}", "name": "Ada"} for number in range(3)],
        on_error="continue",
        reserve="auto",
    )
    with pytest.raises(RateLimited, match="4 requests that were reserved are used up, by repeats"):
        execute(operator, "run")
    assert len(hundred.requests("wolkvox", path="custom/update.php")) == 4
    assert store.reservations() == []


def test_a_killed_batch_reserves_what_remains_of_it(hundred, store, no_waiting):
    hundred.fault(vendor="wolkvox", path="custom/insert.php", status=500, skip=30, times=None)
    with pytest.raises(Exception, match="500"):
        insert(contacts(60))
    hundred.delete("/_sandbox/faults")
    # As if the worker had been killed: what it had reserved is still there.
    left = store.look().estimate.remaining
    id_ = reservation_id("wolkvox_default", "dag/run/insert/-1")
    assert store.reserve(id_, left, run="dag/run", task="t", lasts=timedelta(hours=1))
    result = insert(contacts(60), resend_unknown=True)
    assert (result["replayed"], result["created"]) == (30, 30)
    assert store.reservations() == []


def test_a_database_that_is_away_while_the_requests_are_counted_costs_no_try(hundred, monkeypatch):
    needed, faults = Ledger.needed, [StoreUnavailable("it is restarted")]
    faults[0].temporary = True

    def fail_first(ledger: Ledger, connection: Any, ids: Any) -> set[str]:
        if faults:
            raise faults.pop()
        return needed(ledger, connection, ids)

    monkeypatch.setattr(Ledger, "needed", fail_first)
    assert insert(contacts(5))["created"] == 5
    assert not faults


@pytest.mark.parametrize("step", ["release", "look", "take_turn", "end_turn", "report", "reserve"])
def test_a_database_that_is_away_while_requests_are_reserved_costs_no_try_and_no_probe(
    hundred, monkeypatch, step
):
    work, faults = getattr(QuotaStore, step), [StoreUnavailable("it is restarted")]
    faults[0].temporary = True

    def fail_first(*args: Any, **kwargs: Any) -> Any:
        if faults:
            raise faults.pop()
        return work(*args, **kwargs)

    monkeypatch.setattr(QuotaStore, step, fail_first)
    assert insert(contacts(5))["created"] == 5
    assert not faults
    assert used(hundred) == 5 + 1, "the vendor is probed once"


@pytest.mark.parametrize("step", ["release", "reserve"])
def test_a_step_whose_commit_was_not_answered_is_done_again(hundred, store, monkeypatch, step):
    work = getattr(QuotaStore, step)

    def lose_first(*args: Any, **kwargs: Any) -> Any:
        done = work(*args, **kwargs)
        if lost:
            raise lost.pop()
        return done

    lost = [StoreUnavailable("it is restarted")]
    lost[0].temporary = True
    monkeypatch.setattr(QuotaStore, step, lose_first)
    assert insert(contacts(5))["created"] == 5
    assert (lost, used(hundred), store.reservations()) == ([], 6, [])


def test_a_database_that_stays_away_while_requests_are_reserved_is_not_probed_for(hundred, monkeypatch):
    def gone(*_: Any, **__: Any) -> Any:
        raise StoreUnavailable("its file is damaged")

    monkeypatch.setattr(QuotaStore, "take_turn", gone)
    with pytest.raises(StoreUnavailable):
        insert(contacts(5))
    assert used(hundred) == 0


@pytest.mark.parametrize("killed", [True, False])
def test_after_a_kill_the_vendor_is_probed_however_young_the_reading_is(hundred, store, killed):
    """The last requests of the one that was killed may not have been counted."""
    WolkvoxHook().token_reading()
    hundred.token(token=TOKEN, operation="demo_operation", limit=100, used=60)
    if killed:
        id_ = reservation_id("wolkvox_default", "dag/run/insert/-1")
        assert store.reserve(id_, 50, run="dag/run", task="t", lasts=timedelta(hours=1)) == 50
        with pytest.raises(QuotaExhausted, match="The batch needs 50 requests, and has sent none"):
            insert(contacts(50))
        assert not hundred.requests("wolkvox", path="custom/insert.php")
        assert store.reservations() == []
    else:
        # Nothing speaks against what has been read a moment ago.
        assert insert(contacts(30))["created"] == 30
        assert used(hundred) == 90


def test_a_batch_that_is_tried_again_probes_again_after_a_refusal(hundred, store):
    hundred.fault(vendor="wolkvox", status=401, times=None)
    for number in (1, 2):
        with pytest.raises(VendorAuthError):
            insert(contacts(5))
        assert len(hundred.requests("wolkvox")) == number
    hundred.delete("/_sandbox/faults")
    assert insert(contacts(5))["created"] == 5
    assert not store.reservations()


def test_an_outage_is_no_matter_of_quota(hundred, no_waiting):
    hundred.fault(vendor="wolkvox", status=500, times=None)
    with pytest.raises(VendorUnavailable):
        insert(contacts(5))
    assert len(hundred.requests("wolkvox")) == 2


@pytest.mark.parametrize(
    ("operator", "options", "message"),
    [
        (ImbeeCreateUsersOperator, {"reserve": "auto"}, "sends to a vendor without a quota"),
        (WolkvoxInsertRecordsOperator, {"module": "contacts", "reserve": 5}, 'must be "auto" or None'),
    ],
)
def test_a_wrong_parameter_is_refused_when_the_dag_is_parsed(operator, options, message):
    with pytest.raises(ValueError, match=message):
        operator(task_id="t", records=[], **options)
