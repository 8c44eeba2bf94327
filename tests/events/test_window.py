"""As many messages are under way as Airflow confirms within some seconds, so that it goes on giving signs of life."""

from __future__ import annotations

from airflow_provider.events.window import FIRST, SLOW, SMALLEST, Window

MOST = 256


class Airflow:
    """Stores the events of all messages that it was told, one after the other, and confirms them together.

    :param per_second: events a second
    :param watchers: how many triggers pick each message
    """

    def __init__(self, per_second: float, watchers: int = 1) -> None:
        self.seconds = watchers / per_second
        self.now = 0.0
        self.row = 0
        self.window = Window()

    def turn(self) -> float:
        """Tell as many as there is room for, and return the seconds until they are confirmed."""
        ids = range(self.row, self.row + min(self.window.size, MOST))
        self.row = ids.stop
        began = self.now
        for id_ in ids:
            self.window.add(id_, 500, self.now)
        self.now += 2.0 + len(ids) * self.seconds
        self.window.confirmed(ids, self.now, MOST)
        for id_ in ids:
            self.window.discard(id_)
        assert len(self.window) == self.window.characters == 0
        return self.now - began


def test_where_airflow_is_fast_all_there_is_room_for_is_told():
    airflow = Airflow(200)
    for _ in range(6):
        assert airflow.turn() < SLOW
    assert airflow.window.size == MOST


def test_where_it_is_slow_or_many_watch_so_much_is_told_as_is_confirmed_before_it_seems_dead():
    for airflow in (Airflow(8, 2), Airflow(100, 20)):
        times = [airflow.turn() for _ in range(50)]
        assert max(times[1:]) < 1.5 * SLOW
        assert airflow.window.size >= SMALLEST


def test_it_begins_small_and_recovers_when_airflow_does():
    airflow = Airflow(1)
    assert airflow.window.size == FIRST
    for _ in range(5):
        airflow.turn()
    assert airflow.window.size == SMALLEST
    airflow.seconds = 0.01
    for _ in range(20):
        airflow.turn()
    assert airflow.window.size > 200


def test_what_was_told_before_a_change_does_not_change_it_again():
    window = Window()
    for id_ in range(4):
        window.add(id_, 1, 0.0)
    window.confirmed([0], 20.0, MOST)
    size = window.size
    assert size < FIRST
    window.confirmed([1, 2, 3], 40.0, MOST)
    assert window.size == size


def test_little_that_is_confirmed_soon_says_nothing_of_much():
    window = Window()
    for id_ in range(1000):
        window.add(id_, 1, float(id_))
        window.confirmed([id_], id_ + 1.0, MOST)
        window.discard(id_)
    assert window.size == FIRST
