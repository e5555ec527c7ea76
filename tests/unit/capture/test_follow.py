"""Whom the follower asks next, and what it makes of the answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kubectl_netpol.capture.follow import Follower
from kubectl_netpol.capture.logs import Answer, Place
from kubectl_netpol.capture.pods import CapturePod
from kubectl_netpol.cluster.trouble import ClusterError, RefusedError, UnreachableError
from kubectl_netpol.wire import Record, StatusRecord, decode, encode

POD = CapturePod("netpol-x", "n1", "job", "uid", is_running=True)
PLACE = Place("shop", POD.name)


class FakeReader:
    """Keeps what it is asked; the test says what comes of it."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.opened: list[Callable[[], bool]] = []
        self.come: list[Answer] = []
        self.waiting = 0

    def ask(self, _place: Place, since: int = 0) -> None:
        self.asked.append(f"current since {since}")

    def ask_previous(self, _place: Place) -> None:
        self.asked.append("previous")

    def follow(self, _place: Place, since: int, on_open: Callable[[], bool]) -> None:
        self.opened.append(on_open)
        self.asked.append(f"to the end since {since}")

    def answers(self, _seconds: float) -> list[Answer]:
        come, self.come = self.come, []
        return come


def take(line: bytes, _node: str) -> Record:
    return decode(line)


def made() -> tuple[Follower, FakeReader]:
    reader = FakeReader()
    follower = Follower(reader, "shop", take, lambda *_: None)  # type: ignore[arg-type]
    follower.note(POD)
    return follower, reader


def said(time: int, final: bool = False, seq: int = 1) -> list[bytes]:
    return [encode(StatusRecord("epoch", seq, time, time, final=final)).encode()]


def tell(follower: Follower, reader: FakeReader, answer: Answer) -> None:
    reader.come.append(answer)
    follower.take_answers(0)


def failed(error: ClusterError, is_previous: bool = False) -> Answer:
    return Answer(PLACE, [], error, is_previous=is_previous)


def test_both_logs_of_a_restarted_container_are_read_at_once() -> None:
    follower, reader = made()
    follower.note(replace(POD, restarts=1))
    follower.ask_due()
    tell(follower, reader, Answer(PLACE, said(5000), is_previous=True))
    follower.ask_due_again()
    tell(follower, reader, Answer(PLACE, said(9000)))
    follower.ask_due_again()
    assert reader.asked == ["previous", "current since 5000"]


def test_a_previous_log_that_nobody_answered_for_is_asked_for_again_and_a_refused_one_is_not() -> None:
    follower, reader = made()
    follower.note(replace(POD, restarts=1))
    stream = follower.streams[POD.name]
    for error, unread in ((UnreachableError("away"), True), (RefusedError(400, "BadRequest", "no such log"), False)):
        follower.ask_due()
        tell(follower, reader, failed(error, is_previous=True))
        assert stream.has_unread is unread
        follower.ask_due()
        tell(follower, reader, Answer(PLACE, []))
        stream.next_ask = 0.0
    assert reader.asked == ["previous", "current since 0"] * 2


def test_an_answer_that_left_before_the_end_is_not_the_last() -> None:
    follower, reader = made()
    follower.ask_due()
    follower.note(replace(POD, is_running=False, is_over=True))
    tell(follower, reader, Answer(PLACE, said(1000)))
    assert not follower.streams[POD.name].is_over
    follower.ask_due()
    tell(follower, reader, Answer(PLACE, said(1500, final=True)))
    assert follower.streams[POD.name].is_over
    assert not follower.streams[POD.name].is_cut_off


def test_a_leaving_pod_is_followed_once_even_if_it_was_being_asked() -> None:
    follower, reader = made()
    follower.ask_due()
    follower.note(replace(POD, is_leaving=True))
    tell(follower, reader, Answer(PLACE, said(1000)))
    tell(follower, reader, failed(RefusedError(404, "NotFound", "gone")))
    assert reader.asked == ["current since 0", "to the end since 1000"]


def test_at_the_end_what_was_not_opened_is_tried_again() -> None:
    follower, reader = made()
    assert follower.follow_to_end(lambda _: True)
    tell(follower, reader, failed(UnreachableError("away")))
    assert follower.has_closed
    assert follower.follow_to_end(lambda _: True)
    tell(follower, reader, Answer(PLACE, said(1000, final=True), is_whole=True))
    assert not follower.follow_to_end(lambda _: True)


def test_a_log_whose_agent_was_not_ended_is_opened_anew() -> None:
    follower, reader = made()
    granted: list[bool] = [False, True]
    for _ in range(2):
        assert follower.follow_to_end(lambda _: granted.pop(0))
        reader.opened[-1]()
        tell(follower, reader, Answer(PLACE, said(1000)))
    assert reader.asked == ["to the end since 0", "to the end since 1000"]
    assert not follower.follow_to_end(lambda _: True)


def poll(follower: Follower, reader: FakeReader, *lines: bytes) -> str:
    """What is asked when it is due; these lines come of it."""
    follower.streams[POD.name].next_ask = 0.0
    follower.ask_due()
    tell(follower, reader, Answer(PLACE, list(lines)))
    return reader.asked[-1]


OLD, SET_BACK = 3_700_000, 100_000


def test_where_a_clock_was_set_back_all_of_the_log_is_read_once_and_then_what_is_new() -> None:
    follower, reader = made()
    old, new, newer = (*said(OLD),), said(SET_BACK, seq=2), said(SET_BACK + 2000, seq=3)
    # A kubelet leaves out each line that is older than what was asked for: all that came after the clock was set back.
    asked = [poll(follower, reader, *lines) for lines in (old, old, old, [*old, *new], [*old, *new, *newer], [])]
    since = [0, OLD, OLD, 0, SET_BACK, SET_BACK + 2000]
    assert asked == [f"current since {moment}" for moment in since]


def test_of_an_agent_that_says_nothing_any_more_all_is_read_but_once() -> None:
    follower, reader = made()
    asked = [poll(follower, reader, *said(OLD)) for _ in range(7)]
    assert asked.count("current since 0") == 2  # the very first one, and that one
    assert asked[-1] == f"current since {OLD}"


def test_the_last_words_after_a_clock_was_set_back_are_asked_for_without_a_time_and_are_the_last() -> None:
    follower, reader = made()
    for _ in range(5):
        poll(follower, reader, *said(OLD))
    follower.follow_to_end(lambda _: True)
    assert reader.asked[-1] == "to the end since 0"
    tell(follower, reader, Answer(PLACE, [*said(OLD), *said(SET_BACK, final=True, seq=2)], is_whole=True))
    assert not follower.streams[POD.name].is_cut_off


def test_a_record_of_a_far_future_silences_nobody() -> None:
    follower, reader = made()
    poll(follower, reader, *said(1000), *said(OLD, seq=2), *said(3000, seq=3))
    assert poll(follower, reader) == "current since 3000"


def test_an_answer_that_is_an_error_is_no_silence() -> None:
    follower, reader = made()
    poll(follower, reader, *said(OLD))
    for _ in range(4):
        follower.streams[POD.name].next_ask = 0.0
        follower.ask_due()
        tell(follower, reader, failed(UnreachableError("away")))
    assert reader.asked[1:] == [f"current since {OLD}"] * 4
