"""Requests to an API server, as far as a real one cannot be made to answer so."""

import json
import queue
import threading
import time

import pytest

from kubectl_netpol.capture.logs import LogReader, Place
from kubectl_netpol.cluster.connection import Target, connect
from kubectl_netpol.cluster.lists import Pages
from kubectl_netpol.cluster.resources import POD
from kubectl_netpol.cluster.trouble import ClusterError, RefusedError, UnreachableError
from kubectl_netpol.cluster.watch import Broken, Changed, Listed, Mended, Watch

from .server import played, said, target

GONE = said({"kind": "Status", "code": 410, "reason": "Expired", "message": "too old"}, 410)


def page(*names, version="7", token=""):
    items = [{"metadata": {"name": name}} for name in names]
    return said({"metadata": {"resourceVersion": version, "continue": token}, "items": items})


def test_pages_follow_each_other_and_their_objects_say_what_they_are(tmp_path):
    def play(path, query):
        assert path == "/api/v1/pods"
        return page("b", version="9") if query.get("continue") == "more" else page("a", token="more")

    with played(play, tmp_path) as (api, _):
        pages = Pages(api, POD)
        assert [(one["kind"], one["metadata"]["name"]) for one in pages] == [("Pod", "a"), ("Pod", "b")]
        assert pages.version == "9"


def test_a_list_whose_continuation_has_expired_starts_over(tmp_path):
    answers = iter([page("a", token="old"), GONE, page("a", "b", version="12")])
    with played(lambda *_: next(answers), tmp_path) as (api, _):
        pages = Pages(api, POD)
        assert [one["metadata"]["name"] for one in pages] == ["a", "a", "b"]
        assert pages.version == "12"


def test_a_list_that_expires_again_and_again_is_given_up(tmp_path):
    def play(_, query):
        return GONE if query.get("continue") else page("a", token="old")

    with played(play, tmp_path) as (api, _), pytest.raises(RefusedError, match="too old"):
        list(Pages(api, POD))


def test_a_watch_that_is_too_old_lists_again_and_goes_on(tmp_path):
    changed = {"type": "ADDED", "object": {"metadata": {"name": "new", "resourceVersion": "13"}}}
    old = {"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}
    asked = []

    def play(_, query):
        if "watch" not in query:
            return page("a", version="12")
        asked.append(query["resourceVersion"])
        lines = [old] if query["resourceVersion"] == "3" else [changed] if query["resourceVersion"] == "12" else []
        return 200, b"".join(json.dumps(line).encode() + b"\n" for line in ["noise", *lines])

    news = queue.Queue()
    with played(play, tmp_path) as (api, _):
        watch = Watch(api, POD, news.put)
        watch.start("3")
        first, second = news.get(timeout=10), news.get(timeout=10)
        watch.stop()
    assert isinstance(first, Listed) and first.objects[0]["metadata"]["name"] == "a"
    assert isinstance(second, Changed) and second.object["metadata"]["name"] == "new"
    assert asked[:2] == ["3", "12"]


def test_a_watch_that_is_refused_says_so_and_is_tried_again(tmp_path):
    news = queue.Queue()
    with played(lambda *_: said({"message": "no"}, 403), tmp_path) as (api, _):
        watch = Watch(api, POD, news.put)
        watch.start("3")
        found = [news.get(timeout=10), news.get(timeout=10)]
        watch.stop()
    assert all(isinstance(one, Broken) and one.error.message == "no" for one in found)


def test_a_watch_that_goes_on_after_it_was_broken_off_says_so_though_nothing_changed(tmp_path):
    answers = iter([said({"message": "no"}, 503), said({"message": "no"}, 503)])
    news = queue.Queue()
    with played(lambda *_: next(answers, (200, b"")), tmp_path) as (api, _):
        watch = Watch(api, POD, news.put)
        watch.start("3")
        found = [news.get(timeout=10) for _ in range(3)]
        time.sleep(1.5)
        watch.stop()
    assert [type(one) for one in found] == [Broken, Broken, Mended]
    assert news.empty()


def test_impersonation_and_token_are_sent_and_the_log_has_no_secret(tmp_path):
    logged = []
    with played(lambda *_: said({"ok": True}), tmp_path, logged.append) as (api, headers):
        assert api.get("/version", {"pretty": False}) == {"ok": True}
    assert headers[0]["Authorization"] == "Bearer s3cret"
    assert headers[0]["Impersonate-User"] == "jane"
    assert headers[0].get_all("Impersonate-Group") == ["a", "b"]
    assert len(logged) == 1 and "/version?pretty=false 200" in logged[0]
    assert "s3cret" not in logged[0] and "jane" not in logged[0]


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"3", b"", b"[" * 100_000, b"\xff"])
def test_what_is_no_api_server_is_told(tmp_path, body):
    with played(lambda *_: (200, body), tmp_path) as (api, _), pytest.raises(UnreachableError, match="no API server"):
        api.get("/version")


@pytest.mark.parametrize("body", [b"<html>", b'{"message": 3}', b"", b"[1]"])
def test_a_refusal_without_a_reason_has_its_status(tmp_path, body):
    with played(lambda *_: (503, body), tmp_path) as (api, _), pytest.raises(RefusedError, match="HTTP 503") as raised:
        api.get("/version")
    assert raised.value.is_passing


@pytest.mark.parametrize(
    ("path", "place"),
    [("/api/v1/nodes", ""), ("/apis/batch/v1/namespaces/shop/jobs/x", " -n shop"), ("/api/v1/namespaces/shop", "")],
)
def test_without_the_right_doctor_is_asked_as_whoever_asked_and_there(tmp_path, path, place):
    with played(lambda *_: said({"message": "no"}, 403), tmp_path) as (api, _):
        as_jane = connect(target(tmp_path, api.server), doctor="kubectl netpol doctor --as jane")
        for one, command in ((api, "kubectl netpol doctor"), (as_jane, "kubectl netpol doctor --as jane")):
            with pytest.raises(RefusedError) as raised:
                one.get(path)
            assert raised.value.hint == f"see what is missing: {command}{place}"


def test_nobody_there_is_one_line_with_what_to_do(tmp_path):
    with pytest.raises(UnreachableError, match=r"http://127.0.0.1:1 cannot be reached: .*refused") as raised:
        connect(target(tmp_path, "http://127.0.0.1:1")).get("/version")
    assert raised.value.hint == "check it with: kubectl get --raw /readyz"
    assert "\n" not in raised.value.message


def test_an_unreachable_server_is_told_without_what_only_programmers_read(tmp_path):
    with played(lambda *_: said({}), tmp_path) as (api, _):
        plain = api.server.replace("http://", "https://")
        with pytest.raises(UnreachableError) as raised:
            connect(target(tmp_path, plain)).get("/version")
    assert raised.value.message.startswith(f"the cluster at {plain} cannot be reached: ")
    assert not set("[]()_") & set(raised.value.message)


@pytest.mark.parametrize("text", ["", "3", "[1]", "contexts: 3", "{a: b", "current-context: c\ncontexts: [{name: c}]"])
def test_a_broken_kubeconfig_is_told(tmp_path, text):
    path = tmp_path / "config"
    path.write_text(text)
    with pytest.raises(ClusterError, match="kubeconfig"):
        connect(Target((path,)))


def test_a_log_is_waited_for_as_long_as_was_asked_for(tmp_path):
    """Without --request-timeout it is 20 s, and 25 s for the last words."""
    is_over = threading.Event()

    def play(*_):
        is_over.wait(10)
        return said({})

    with played(play, tmp_path, timeout=0.2) as (api, _):
        reader = LogReader(api)
        began = time.monotonic()
        reader.ask(Place("shop", "web"))
        reader.follow(Place("shop", "web"), 0, lambda: True)
        answers = [*reader.answers(5), *reader.answers(5)]
        is_over.set()
        reader.close()
    assert ["no answer in time" in answer.error.message for answer in answers] == [True, True]
    assert time.monotonic() - began < 8


def test_a_reader_that_is_closed_breaks_off_what_it_follows_and_keeps_what_was_read(tmp_path):
    """The interpreter joins its workers: one that waited for an agent's next words would keep the process."""
    is_open, is_over = threading.Event(), threading.Event()

    def words():
        yield b"first\nsecond\n"
        is_open.set()
        is_over.wait(20)

    with played(lambda *_: (200, words()), tmp_path) as (api, _):
        reader = LogReader(api)
        reader.follow(Place("shop", "web"), 0, lambda: True)
        assert is_open.wait(10)
        time.sleep(0.2)
        began = time.monotonic()
        reader.close()
        [answer] = reader.answers(10)
        assert time.monotonic() - began < 5
        is_over.set()
    assert answer.lines == [b"first", b"second"]
    assert not answer.is_whole


def test_of_an_agent_that_goes_on_what_is_there_is_read_and_nothing_waited_for(tmp_path):
    asked = []
    is_over = threading.Event()

    def words():
        yield b"first\n"
        is_over.wait(20)

    def play(_, query):
        asked.append(query["follow"])
        return 200, words() if query["follow"] == "true" else b"first\nsecond\nthi"

    with played(play, tmp_path) as (api, _):
        reader = LogReader(api)
        began = time.monotonic()
        reader.follow(Place("shop", "web"), 0, lambda: False)
        [answer] = reader.answers(10)
        assert time.monotonic() - began < 5
        is_over.set()
        reader.close()
    assert asked == ["true", "false"]
    assert (answer.lines, answer.error, answer.is_whole) == ([b"first", b"second"], None, False)
