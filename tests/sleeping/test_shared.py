"""What the triggers of a process share: made once, also where it could not be made at first."""

from __future__ import annotations

import asyncio

from airflow_provider.sleeping.shared import SharedByLoop


class Opened:
    def close(self) -> None:
        pass


def test_those_that_try_again_after_a_failure_share_what_is_made_then():
    made: list[Opened] = []
    attempts = 0

    async def make(path: str, conn_id: str) -> Opened:
        nonlocal attempts
        attempts += 1
        await asyncio.sleep(0)
        if attempts == 1:
            raise OSError("not yet")
        made.append(Opened())
        return made[-1]

    shared = SharedByLoop(make)

    async def get() -> Opened:
        try:
            return await shared.get("hook", "conn")
        except OSError:
            return await shared.get("hook", "conn")

    async def work() -> list[Opened]:
        return await asyncio.gather(*(get() for _ in range(5)))

    assert set(asyncio.run(work())) == {made[0]}
    assert attempts == 2
