from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import Any

import pytest

from airflow_provider.exceptions import (
    OutcomeUnknown,
    RateLimited,
    VendorAuthError,
    VendorError,
    VendorProtocolError,
    VendorRejected,
    VendorUnavailable,
)
from airflow_provider.http.call import Call, Repeat, Response
from airflow_provider.http.retry import RateLimiter, RequestPolicy, exchange
from airflow_provider.http.status import error_for_status
from airflow_provider.http.steps import Send, TransportFailure, Wait

NOT_SENT = TransportFailure("no connection", sent=False)
SENT = TransportFailure("no answer within the timeout", sent=True)
REFUSED_CERTIFICATE = TransportFailure("TLS failed", sent=False, permanent=True)
OK = Response(200, {}, b'{"value": 7}')
GARBLED = Response(200, {"content-type": "text/html"}, b"<html>")


def response(status: int, retry_after: str | None = None) -> Response:
    return Response(status, {"retry-after": retry_after} if retry_after else {}, b"{}")


def decode(answer: Response) -> Any:
    if error := error_for_status(answer):
        raise error
    return answer.json()["value"]


def call(repeat: Repeat = Repeat.SAFE, reader: Callable[[Response], Any] = decode, **more: Any) -> Call[Any]:
    return Call("POST", "thing", reader, repeat, **more)


@dataclass
class World:
    """A driver without network and without time: waits move its clock, sendings take no time unless told."""

    policy: RequestPolicy = field(default_factory=RequestPolicy)
    rate_limiter: RateLimiter = field(default_factory=RateLimiter)
    timeout: float = 30.0
    now: float = 1000.0
    draw: float = 1.0
    sending: float = 0.0
    sent: list[Send] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)
    waits: list[float] = field(default_factory=list)

    def run(self, request: Call[Any], outcomes: Iterable[Response | TransportFailure]) -> Any:
        left = iter(outcomes)
        steps = exchange(
            request,
            policy=self.policy,
            timeout=self.timeout,
            rate_limiter=self.rate_limiter,
            clock=lambda: self.now,
            draw=lambda: self.draw,
        )
        outcome: Response | TransportFailure | None = None
        while True:
            try:
                step = steps.send(outcome)
            except StopIteration as done:
                return done.value
            if isinstance(step, Wait):
                assert step.seconds >= 0
                self.waits.append(step.seconds)
                self.now += step.seconds
                outcome = None
            else:
                assert isinstance(step, Send)
                self.sent.append(step)
                self.sent_at.append(self.now)
                self.now += self.sending
                outcome = next(left)


@pytest.fixture
def world() -> World:
    return World()


REPEATABLE = (Repeat.SAFE, Repeat.IDEMPOTENT)


@pytest.mark.parametrize("repeat", list(Repeat))
@pytest.mark.parametrize("failure", [NOT_SENT, response(429), response(429, "3")])
def test_what_was_surely_not_processed_is_repeated_whatever_the_call(world, repeat, failure):
    assert world.run(call(repeat), [failure, OK]) == 7
    assert len(world.sent) == 2


@pytest.mark.parametrize("repeat", REPEATABLE)
@pytest.mark.parametrize(
    "failure",
    [SENT, response(500), response(502), response(503), response(503, "3"), response(408), response(425)],
)
def test_a_repeatable_call_is_repeated_after_a_failure_on_the_way(world, repeat, failure):
    assert world.run(call(repeat), [failure, OK]) == 7
    assert len(world.sent) == 2


@pytest.mark.parametrize(
    "failure",
    [SENT, response(303), response(500), response(502), response(503), response(503, "3"), GARBLED],
)
def test_a_once_call_is_never_repeated_when_it_may_have_taken_effect(world, failure):
    with pytest.raises(OutcomeUnknown, match="may have taken effect"):
        world.run(call(Repeat.ONCE), [failure, OK])
    assert len(world.sent) == 1


@pytest.mark.parametrize("repeat", list(Repeat))
@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (response(400), VendorRejected),
        (response(401), VendorAuthError),
        (response(403), VendorAuthError),
        (response(404), VendorRejected),
        (response(302), VendorProtocolError),
        (REFUSED_CERTIFICATE, VendorUnavailable),
    ],
)
def test_a_refusal_is_never_repeated_and_its_outcome_is_known(world, repeat, failure, error):
    with pytest.raises(VendorError) as raised:
        world.run(call(repeat), [failure, OK])
    assert type(raised.value) is error
    assert len(world.sent) == 1


@pytest.mark.parametrize("repeat", REPEATABLE)
def test_a_garbled_answer_is_not_asked_for_again(world, repeat):
    with pytest.raises(VendorProtocolError):
        world.run(call(repeat), [GARBLED, OK])
    assert len(world.sent) == 1


@pytest.mark.parametrize(("processed", "error"), [(False, VendorRejected), (None, OutcomeUnknown)])
def test_a_refusal_that_speaks_of_something_done_leaves_the_outcome_of_a_once_call_open(
    world, processed, error
):
    def refuse(answer: Response) -> None:
        refused = VendorRejected("no", status=answer.status)
        refused.processed = processed
        raise refused

    with pytest.raises(VendorError) as raised:
        world.run(call(Repeat.ONCE, refuse), [OK, OK])
    assert type(raised.value) is error
    assert len(world.sent) == 1


def test_an_unknown_outcome_keeps_status_and_code_and_says_what_to_do(world):
    def refuse(answer: Response) -> None:
        raise VendorUnavailable("backend down", status=answer.status, code=17)

    with pytest.raises(OutcomeUnknown, match="backend down") as raised:
        world.run(call(Repeat.ONCE, refuse), [response(502)])
    assert (raised.value.status, raised.value.code) == (502, 17)
    assert "Look it up at the vendor" in str(raised.value)


def test_a_once_call_that_the_vendor_surely_did_not_process_is_repeated(world):
    def maintenance(answer: Response) -> Any:
        if answer.status == 403:
            raise VendorUnavailable("maintenance", processed=False, retry_after=1.0)
        return decode(answer)

    assert world.run(call(Repeat.ONCE, maintenance), [response(403), OK]) == 7


def test_a_once_call_that_never_got_through_is_plainly_unavailable(world):
    with pytest.raises(VendorUnavailable) as raised:
        world.run(call(Repeat.ONCE), [NOT_SENT] * 4)
    assert raised.value.processed is False
    assert len(world.sent) == 4


def test_a_once_call_is_not_repeated_once_it_has_left_even_if_it_did_not_leave_at_first(world):
    with pytest.raises(OutcomeUnknown):
        world.run(call(Repeat.ONCE), [NOT_SENT, SENT, OK])
    assert len(world.sent) == 2


@pytest.mark.parametrize(("policy", "own", "sendings"), [(4, None, 4), (1, None, 1), (4, 2, 2), (2, 9, 2)])
def test_the_smaller_of_both_bounds_limits_the_sendings(world, policy, own, sendings):
    world.policy = RequestPolicy(attempts=policy)
    with pytest.raises(VendorUnavailable):
        world.run(call(attempts=own), [response(500)] * 10)
    assert len(world.sent) == sendings


def test_waits_double_up_to_their_limit(world):
    world.policy = RequestPolicy(attempts=6, backoff=1.0, backoff_limit=5.0)
    with pytest.raises(VendorUnavailable):
        world.run(call(), [response(500)] * 6)
    assert world.waits == [1.0, 2.0, 4.0, 5.0, 5.0]


def test_waits_are_drawn_at_random_below_their_bound(world):
    world.draw = 0.25
    world.policy = RequestPolicy(attempts=3, backoff=1.0)
    with pytest.raises(VendorUnavailable):
        world.run(call(), [response(500)] * 3)
    assert world.waits == [0.25, 0.5]


def test_retry_after_in_seconds_replaces_the_backoff(world):
    world.draw = 0.0
    assert world.run(call(), [response(503, "7"), OK]) == 7
    assert world.sent_at == [1000.0, 1007.0]


def test_retry_after_as_a_date_is_waited_for(world, monkeypatch):
    monkeypatch.setattr("airflow_provider.http.status.time.time", lambda: 1_800_000_000.0)
    world.draw = 0.0
    date = formatdate(1_800_000_012, usegmt=True)
    assert world.run(call(), [response(429, date), OK]) == 7
    assert world.sent_at == [1000.0, 1012.0]


def test_a_little_is_added_to_retry_after_so_that_not_all_return_at_once(world):
    world.policy = RequestPolicy(backoff=0.5)
    world.run(call(), [response(503, "7"), OK])
    assert world.sent_at[1] == pytest.approx(1007.5)


@pytest.mark.parametrize("status", [429, 503])
def test_a_retry_after_beyond_the_limit_is_raised_and_not_waited_for(world, status):
    with pytest.raises(VendorError) as raised:
        world.run(call(), [response(status, "61"), OK])
    error: Any = raised.value
    assert error.retry_after == 61.0
    assert (len(world.sent), world.waits) == (1, [])


def test_a_call_gives_up_before_its_deadline_instead_of_waiting_past_it(world):
    world.policy = RequestPolicy(attempts=100, deadline=10.0, backoff=4.0, backoff_limit=4.0)
    with pytest.raises(VendorUnavailable):
        world.run(call(), [response(500)] * 100)
    assert world.sent_at == [1000.0, 1004.0, 1008.0]
    assert world.now < 1010.0


def test_an_attempt_gets_no_more_time_than_the_deadline_leaves(world):
    world.policy = RequestPolicy(deadline=40.0, backoff=5.0)
    world.sending = 25.0
    world.run(call(), [SENT, OK])
    assert [send.timeout for send in world.sent] == [30.0, 10.0]


def test_time_in_the_queue_before_the_first_sending_does_not_count_for_the_deadline(world):
    world.rate_limiter.hold(world.now + 500.0)
    world.policy = RequestPolicy(deadline=40.0)
    assert world.run(call(), [OK]) == 7
    assert (world.sent_at, world.sent[0].timeout) == ([1500.0], 30.0)


@pytest.mark.parametrize("repeat", list(Repeat))
def test_a_call_whose_deadline_passes_while_it_is_held_is_not_sent_again(world, repeat):
    def hold_then_answer() -> Iterable[Response]:
        # Meanwhile another request of this client is told to stay away for longer.
        world.rate_limiter.hold(world.now + 500.0)
        yield response(429, "1")
        yield OK

    with pytest.raises(RateLimited):
        world.run(call(repeat), hold_then_answer())
    assert len(world.sent) == 1


def test_the_pacer_spaces_sendings_evenly(world):
    world.rate_limiter = RateLimiter(4.0)
    for _ in range(3):
        world.run(call(), [OK])
    assert world.sent_at == [1000.0, 1000.25, 1000.5]


def test_repeats_keep_the_pace_too(world):
    world.rate_limiter = RateLimiter(0.5)
    world.draw = 0.0
    world.run(call(), [NOT_SENT, OK])
    assert world.sent_at == [1000.0, 1002.0]


def test_an_idle_pacer_saves_nothing_up(world):
    world.rate_limiter = RateLimiter(1.0)
    world.run(call(), [OK])
    world.now += 100.0
    for _ in range(2):
        world.run(call(), [OK])
    assert world.sent_at == [1000.0, 1100.0, 1101.0]


def test_without_a_rate_nothing_waits(world):
    for _ in range(3):
        world.run(call(), [OK])
    assert world.waits == []


def test_what_the_vendor_tells_one_request_holds_for_the_others(world):
    world.policy = RequestPolicy(attempts=1)
    with pytest.raises(RateLimited):
        world.run(call(), [response(429, "9")])
    world.run(call(), [OK])
    assert world.sent_at == [1000.0, 1009.0]


def test_a_longer_wait_than_is_granted_holds_up_nobody(world):
    with pytest.raises(RateLimited):
        world.run(call(), [response(429, "3600")])
    world.run(call(), [OK])
    assert world.waits == []


def test_a_later_shorter_hold_does_not_end_a_longer_one():
    rate_limiter = RateLimiter()
    rate_limiter.hold(50.0)
    rate_limiter.hold(20.0)
    assert (rate_limiter.held(10.0), rate_limiter.held(50.0), rate_limiter.held(60.0)) == (40.0, 0.0, 0.0)


@pytest.mark.parametrize("repeat", list(Repeat))
def test_a_decoder_that_stumbles_never_quotes_the_reply(world, repeat):
    secret = "s3cr3t-in-the-response"

    def stumble(answer: Response) -> None:
        raise KeyError(answer.body.decode())

    with pytest.raises(VendorError) as raised:
        world.run(call(repeat, stumble), [Response(200, {"content-type": "text/plain"}, secret.encode())])
    expected = OutcomeUnknown if repeat is Repeat.ONCE else VendorProtocolError
    assert type(raised.value) is expected
    assert "KeyError" in str(raised.value)
    error: BaseException | None = raised.value
    assert secret not in str(error) + repr(error)
    # What a traceback would show beside it.
    assert error.__cause__ is None
    assert error.__suppress_context__


def test_the_error_of_the_last_attempt_is_raised_without_those_before(world):
    world.policy = RequestPolicy(attempts=2)
    with pytest.raises(VendorUnavailable) as raised:
        world.run(call(), [response(500), NOT_SENT])
    assert raised.value.message == "no connection"
    assert raised.value.__suppress_context__


def test_a_sending_must_be_answered_with_its_outcome():
    steps = exchange(call(), policy=RequestPolicy(), timeout=1.0, rate_limiter=RateLimiter())
    assert isinstance(next(steps), Send)
    with pytest.raises(TypeError):
        steps.send(None)
