"""Parking of long polls."""

import threading

from miyun.zone.bell import Bell


def test_a_ring_before_the_wait_is_not_missed() -> None:
    bell = Bell(places=1)
    listener = bell.listen("teahouse")
    bell.ring(["teahouse"])

    assert listener.wait(20)


def test_others_rings_do_not_wake() -> None:
    bell = Bell(places=1)
    listener = bell.listen("teahouse")
    bell.ring(["bakery"])

    assert listener.wait(0.01)
    assert bell.listen("teahouse")._seen == 0


def test_places_are_bounded_and_given_back() -> None:
    bell = Bell(places=1)
    parked = bell.listen("teahouse")
    waiting = threading.Thread(target=parked.wait, args=(20,))
    waiting.start()
    while bell._free:
        waiting.join(0.001)

    assert not bell.listen("bakery").wait(20)
    bell.ring(["teahouse"])
    waiting.join()
    assert bell.listen("bakery").wait(0.001)


def test_closing_wakes_everybody_for_good() -> None:
    bell = Bell(places=1)
    parked = bell.listen("teahouse")
    waiting = threading.Thread(target=parked.wait, args=(20,))
    waiting.start()
    bell.close()
    waiting.join()

    assert not bell.listen("teahouse").wait(20)
