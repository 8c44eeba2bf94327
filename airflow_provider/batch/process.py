"""What a batch changes in its process while it runs: the search for garbage, and the signal of a timeout."""

from __future__ import annotations

import gc
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from airflow.sdk.exceptions import AirflowTaskTimeout

if TYPE_CHECKING:
    from collections.abc import Iterator

    from airflow_provider.batch.runner import Batch


@contextmanager
def young_garbage_only() -> Iterator[None]:
    """Spare what Airflow has loaded, half a million objects, the searches for garbage that a batch causes.

    Those cost a batch a fifth of its time. What a batch itself makes is next to never garbage of the kind
    that has to be searched for, so that is done less often.
    """
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(10_000, *thresholds[1:])
    try:
        yield
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()


@contextmanager
def stop_at_timeout(batch: Batch) -> Iterator[None]:
    """Let ``execution_timeout`` end the batch as a kill does, not by an exception inside the event loop.

    :param batch: the batch
    """
    previous = signal.getsignal(signal.SIGALRM)
    if threading.current_thread() is not threading.main_thread() or not callable(previous):
        yield
        return
    timeout = AirflowTaskTimeout("execution_timeout is over")
    signal.signal(signal.SIGALRM, lambda number, frame: batch.stop(timeout))
    try:
        yield
    finally:
        signal.signal(signal.SIGALRM, previous)
