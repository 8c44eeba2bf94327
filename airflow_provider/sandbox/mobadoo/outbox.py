"""The webhook: messages wait, are sent, tried again and given up; and what a lost one leads to."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from airflow_provider.sandbox.clock import iso
from airflow_provider.sandbox.mobadoo.envelopes import Envelopes

if TYPE_CHECKING:
    from collections.abc import Callable

    from airflow_provider.sandbox.clock import Clock
    from airflow_provider.sandbox.mobadoo.sender import Outcome, Sender

KEPT = 20_000
ORDERS = ("as made", "reversed")
DISTURBANCES = ("drop", "repeat", "reverse")


@dataclass(slots=True)
class Delivery:
    """A message on its way.

    :param id: its number
    :param family: ``model``, ``ticket``, ``notice``, or ``other``
    :param body: the message
    :param target: ``webhook``, or ``create`` of the callbacks
    :param state: waiting, delivered, failed, held, dropped, or discarded
    :param attempts: what became of each attempt
    """

    id: int
    family: str
    body: Any
    target: str
    state: str = "waiting"
    attempts: list[dict[str, Any]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        """Return the delivery for the control API."""
        return {name: getattr(self, name) for name in ("id", "family", "target", "state", "body", "attempts")}


class Outbox:
    """Send what has happened.

    :param clock: the sandbox's clock
    :param switch: returns the value of one of Mobadoo's switches
    :param sender: sends requests
    """

    def __init__(self, clock: Clock, switch: Callable[[str], Any], sender: Sender) -> None:
        self.clock = clock
        self.switch = switch
        self.sender = sender
        self.deliveries: list[Delivery] = []
        self.waiting: list[Delivery] = []
        self.desynchronised = False
        self.planned = dict.fromkeys(DISTURBANCES, 0)
        self._collected: list[Delivery] = []
        self._failures = 0
        self._last = 0
        self._lock = asyncio.Lock()
        self._hurry = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    # messages

    def add(self, family: str, body: Any, target: str = "webhook") -> None:
        """Take a message, unless nobody is there to get it."""
        if not self.switch("webhook_url" if target == "webhook" else "callbacks_url"):
            return
        delivery = self._made(family, body, target)
        if family == "model" and self.desynchronised and self.switch("hold_while_desynchronised"):
            delivery.state = "held"
        elif self._planned("drop"):
            delivery.state = "dropped"
        else:
            twice = self._planned("repeat")
            self._queue(delivery, *([self._made(family, body, target)] if twice else []))

    def wake(self) -> None:
        """Send what waits, if that happens by itself."""
        idle = self._task is None or self._task.done()
        if idle and self.waiting and self.switch("webhook_mode") == "background":
            self._task = asyncio.get_running_loop().create_task(self._by_itself())

    def stop(self) -> None:
        """Send nothing more by itself."""
        if self._task is not None:
            self._task.cancel()

    def forget(self) -> None:
        """Forget all messages, those that wait too."""
        self.deliveries.clear()
        self.waiting.clear()
        self._collected.clear()

    def _made(self, family: str, body: Any, target: str) -> Delivery:
        self._last += 1
        delivery = Delivery(self._last, family, body, target)
        self.deliveries.append(delivery)
        del self.deliveries[:-KEPT]
        return delivery

    def _planned(self, what: str) -> bool:
        if not self.planned[what]:
            return False
        self.planned[what] -= 1
        return True

    def _queue(self, *deliveries: Delivery) -> None:
        if self._planned("reverse"):
            self._collected[:0] = deliveries
            if self.planned["reverse"]:
                return
            deliveries, self._collected = tuple(self._collected), []
        self.waiting += deliveries
        self.wake()

    # sending

    async def deliver(self, order: str, copies: int, at_once: bool) -> list[Delivery]:
        """Send all that waits, to the end and without waiting between attempts.

        :param order: one of :data:`ORDERS`
        :param copies: how often each message is sent
        :param at_once: whether all are sent at the same time
        :return: what was sent
        """
        present = [one for one in self.deliveries if one.state == "waiting"]
        self._hurry.set()
        try:
            async with self._lock:
                batch = [one for one in self.waiting for _ in range(copies)]
                if order == "reversed":
                    batch.reverse()
                done: list[Delivery] = []
                if at_once:
                    self.waiting.clear()
                    await asyncio.gather(*(self._to_the_end(one) for one in batch))
                    done += batch
                else:
                    self.waiting = batch
                # What the batch itself leads to, such as a notice, belongs to it.
                await self._drain(done, always=True)
                # One that was on its way by itself has been waited for, and belongs to it too.
                done += [one for one in present if one.state != "waiting"]
                return list({one.id: one for one in done}.values())
        finally:
            self._hurry.clear()

    async def _by_itself(self) -> None:
        async with self._lock:
            await self._drain([], always=False)

    async def _drain(self, done: list[Delivery], always: bool) -> None:
        while self.waiting and (always or self.switch("webhook_mode") == "background"):
            delivery = self.waiting.pop(0)
            if delivery.state == "waiting":
                await self._pause(delivery)
            if not await self._attempt(delivery) and not self._give_up(delivery):
                place = 0 if self.switch("retry_order") == "hold up" else len(self.waiting)
                self.waiting.insert(place, delivery)
                continue
            done.append(delivery)

    async def _to_the_end(self, delivery: Delivery) -> None:
        while not await self._attempt(delivery) and not self._give_up(delivery):
            pass

    async def _pause(self, delivery: Delivery) -> None:
        seconds = self.switch("retry_backoff") * 2 ** (len(delivery.attempts) - 1) if delivery.attempts else 0
        if not seconds:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._hurry.wait()
        except TimeoutError:
            pass

    async def _attempt(self, delivery: Delivery) -> bool:
        if delivery.target == "webhook":
            outcome = await self.sender.webhook(delivery.body)
        else:
            outcome = await self.sender.callback("create", delivery.body)
        delivery.attempts.append({**outcome.as_json(), "at": iso(self.clock.seconds())})
        if not self._is_success(outcome):
            return False
        delivery.state = "delivered"
        if delivery.family != "notice":
            self._failures = 0
        return True

    def _is_success(self, outcome: Outcome) -> bool:
        status = outcome.status or 0
        return status == 200 if self.switch("webhook_success") == "200" else 200 <= status < 300

    def _give_up(self, delivery: Delivery) -> bool:
        """Return whether a message that failed is not tried again."""
        first = 1 if self.switch("webhook_retries_mean") == "retries" else 0
        if delivery.state == "waiting" and len(delivery.attempts) < self.switch("webhook_retries") + first:
            return False
        if delivery.state == "waiting":
            delivery.state = "failed"
            if delivery.family != "notice":
                self._failures += 1
                most = self.switch("desync_after_failures")
                if most and self._failures >= most and not self.desynchronised:
                    self.desynchronise()
        return True

    # desynchronisation

    def desynchronise(self) -> None:
        """Ask the customer to read everything anew."""
        self.desynchronised = True
        if self.switch("hold_while_desynchronised"):
            for one in self.waiting:
                one.state = "held" if one.family == "model" else one.state
            self.waiting = [one for one in self.waiting if one.state != "held"]
        notice = Envelopes(self.switch).notice()
        if notice is not None and self.switch("webhook_url"):
            self.waiting.append(self._made("notice", notice, "webhook"))
            self.wake()

    def end_desynchronisation(self) -> None:
        """Take the customer's word that it is in step."""
        self.desynchronised = False
        self._failures = 0
        again = self.switch("held_after_reset") == "send"
        for one in self.deliveries:
            if one.state == "held":
                one.state = "waiting" if again else "discarded"
                self.waiting += [one] if again else []
        self.wake()
