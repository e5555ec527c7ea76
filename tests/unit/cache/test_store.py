"""What the store keeps, joins and gives back, and what it says when it cannot."""

import multiprocessing
import os
import resource
import signal
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from kubectl_netpol.cache import schema
from kubectl_netpol.cache import store as store_module
from kubectl_netpol.cache.codec import decode, encode
from kubectl_netpol.cache.location import default_directory
from kubectl_netpol.cache.store import RefusedError, Store, exists
from kubectl_netpol.cache.trouble import BusyError
from kubectl_netpol.errors import StoreError
from kubectl_netpol.model import Counts, PodLife, Workload
from kubectl_netpol.neighbors.pod_lives import MOST_LIVES
from kubectl_netpol.neighbors.recording import summarise

from .recordings import API, OUTSIDE, WEB, recording


def test_what_was_merged_is_read_again(tmp_path):
    with Store.open(tmp_path) as store:
        assert store.merge("local", [recording()]) == 1
    with Store.open(tmp_path) as store:
        assert store.read("local") == (recording(),)
        assert store.workloads("local") == (WEB,)


def test_merging_the_same_again_changes_nothing(tmp_path):
    with Store.open(tmp_path) as store:
        store.merge("local", [recording()])
        assert store.merge("local", [recording(), recording()]) == 0
        assert store.read("local") == (recording(),)


def test_recordings_of_two_epochs_add_up(tmp_path):
    with Store.open(tmp_path) as store:
        store.merge("local", [recording(epoch="e1", attempts=3)])
        store.merge("local", [recording(epoch="e2", attempts=4), recording(epoch="e2", key=OUTSIDE)])
        (one,) = store.read("local")
    assert {n.key: n.counts.attempts for n in summarise(one).neighbors} == {API: 7, OUTSIDE: 3}


def test_clusters_are_kept_apart(tmp_path):
    with Store.open(tmp_path) as store:
        store.merge("a", [recording()])
        store.merge("b", [recording(epoch="e2")])
        assert store.read("a") == (recording(),)
        assert store.info().clusters == (("a", 1), ("b", 1))


def test_only_wanted_workloads_are_read(tmp_path):
    other = Workload("shop", "StatefulSet", "db", "apps/v1")
    with Store.open(tmp_path) as store:
        store.merge("local", [recording(), recording(other)])
        assert [one.workload for one in store.read("local", lambda workload: workload.name == "db")] == [other]


@pytest.mark.parametrize(
    "wrong",
    [
        recording(Workload("shop", "Deployment", "", "apps/v1")),
        recording(Workload("shop", "D" * 5000, "web", "apps/v1")),
        recording(Workload("shop", "Deployment", "web", "a" * 5000)),
        recording(Workload("shop", "Deployment", "\ud800", "apps/v1")),
        recording(epoch="e" * 5000),
        recording(attempts=1 << 63),
        recording(key=replace(API, peer=replace(API.peer, name="n" * 5000))),
        recording(key=replace(OUTSIDE, peer=replace(OUTSIDE.peer, address="010.0.0.1"))),
        replace(recording(), labels=(("app", "\udc00"),)),
        replace(recording(), flows={API: {"e1": Counts(1, 1, 0, 1, 1, frozenset(), ("n" * 5000,))}}),
    ],
)
def test_what_could_not_be_read_again_is_refused_and_the_rest_is_kept(tmp_path, wrong):
    other = recording(Workload("shop", "StatefulSet", "db", "apps/v1"))
    with pytest.raises(ValueError, match=" "):
        decode(encode(wrong))
    with Store.open(tmp_path) as store:
        with pytest.raises(RefusedError, match="cannot be kept"):
            store.merge("local", [wrong, other])
        with pytest.raises(RefusedError):
            store.merge_all([("another", other), ("another", wrong)])
        assert [*store.everything()] == [("local", other)]


def test_many_old_epochs_are_summed_up_without_changing_the_account(tmp_path):
    day = 24 * 3600 * 1000
    with Store.open(tmp_path) as store:
        for epoch in range(60):
            store.merge("local", [recording(epoch=f"e{epoch:02}", attempts=1, last=2000 + epoch * day)])
        (one,) = store.read("local")
        assert len(one.windows) < 40
        assert summarise(one).neighbors[0].counts.attempts == 60
        assert store.merge("local", [recording(epoch="e03", attempts=1, last=2000 + 3 * day)]) == 0


def test_of_pods_that_come_and_go_those_that_lived_last_are_kept(tmp_path):
    lives = {f"run-{number:04}": PodLife(f"run-{number:04}", "n1", number) for number in range(MOST_LIVES + 50)}
    whole = replace(recording(), pods=lives, accounted=(0, 9000))
    with Store.open(tmp_path) as store:
        store.merge("local", [whole])
        assert store.merge("local", [replace(whole, accounted=(0, 0))]) == 0
        (one,) = store.read("local")
        assert sorted(one.pods) == sorted(lives)[50:]
        assert one.accounted == (0, 0)  # some of those that lived then are not there
        store.merge("local", [replace(whole, accounted=(50, 9000))])
        (one,) = store.read("local")
    assert one.accounted == (50, 9000)


def test_a_workload_that_was_never_heard_is_kept_until_it_is(tmp_path):
    silent = replace(recording(), windows={}, flows={}, pods={"pod-a": PodLife("pod-a", "node-1", 3000)})
    with Store.open(tmp_path) as store:
        assert store.merge("local", [silent]) == 1
        assert store.read("local") == (silent,)
        store.merge("local", [recording()])
        (one,) = store.read("local")
    assert one == replace(recording(), pods={"pod-a": PodLife("pod-a", "node-1", 3000, 2000)})


def test_epochs_that_may_still_be_running_are_not_summed_up(tmp_path):
    with Store.open(tmp_path) as store:
        for epoch in range(60):
            store.merge("local", [recording(epoch=f"e{epoch:02}", attempts=1, last=2000 + epoch)])
        store.merge("local", [recording(epoch="e00", attempts=5, last=9000)])
        (one,) = store.read("local")
    assert summarise(one).neighbors[0].counts.attempts == 64


def merge_many(directory, number):
    with Store.open(directory) as store:
        for step in range(20):
            store.merge("local", [recording(epoch=f"e{number}-{step}", attempts=1)])


def test_two_recordings_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=merge_many, args=(tmp_path, number)) for number in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(120)
        assert worker.exitcode == 0
    with Store.open(tmp_path) as store:
        (one,) = store.read("local")
    assert summarise(one).neighbors[0].counts.attempts == 60


def test_values_of_any_size_come_back(tmp_path, monkeypatch):
    monkeypatch.setitem(store_module.SETTINGS, "disk_min_file_size", 10)  # every value in a file of its own
    with Store.open(tmp_path) as store:
        store.merge("local", [recording()])
        store.merge("local", [recording(epoch="e2")])
        assert len(store.read("local")[0].windows) == 2
        assert len(list((tmp_path / "recordings").rglob("*.val"))) == 1
        (value,) = (tmp_path / "recordings").rglob("*.val")
        value.unlink()
        with pytest.raises(StoreError, match="lacks a file"):
            store.read("local")


def test_only_its_owner_can_look_into_the_cache(tmp_path):
    (tmp_path / "c" / "recordings").mkdir(parents=True, mode=0o755)
    Store.open(tmp_path / "c").close()
    Store.open(tmp_path / "d").close()
    for name in ("c", "d"):
        assert stat.S_IMODE((tmp_path / name / "recordings").stat().st_mode) == 0o700


def test_clearing_forgets_everything(tmp_path):
    with Store.open(tmp_path) as store:
        store.merge("a", [recording()])
        store.merge("b", [recording()])
        assert store.clear() == 2
        assert store.read("a") == ()
    with Store.open(tmp_path) as store:
        assert store.info().clusters == ()


def set_version(directory, text):
    with closing(sqlite3.connect(directory / "recordings" / "cache.db")) as connection:
        connection.execute("UPDATE Cache SET value = ? WHERE key = 'schema'", (text,))
        connection.commit()


@pytest.mark.parametrize("text", [b"2", b"99", b"0", b"-1"])
def test_another_version_is_told_and_left_alone(tmp_path, text):
    with Store.open(tmp_path) as store:
        store.merge("local", [recording()])
    set_version(tmp_path, text)
    with pytest.raises(StoreError, match="version"):
        Store.open(tmp_path)
    set_version(tmp_path, b"1")
    with Store.open(tmp_path) as store:
        assert store.read("local") == (recording(),)


@pytest.mark.parametrize("text", [b"x", b"", b"[]", b"true"])
def test_a_cache_without_a_version_is_told(tmp_path, text):
    Store.open(tmp_path).close()
    set_version(tmp_path, text)
    with pytest.raises(StoreError, match="does not say its version"):
        Store.open(tmp_path)


def test_an_older_version_is_brought_up_to_date_once(tmp_path, monkeypatch):
    with Store.open(tmp_path) as store:
        store.merge("local", [recording()])
    monkeypatch.setattr(schema, "VERSION", 2)
    monkeypatch.setattr(schema, "STEPS", {1: lambda data: encode(decode(data.replace(b"node-1", b"node-2")))})
    for _ in range(2):
        with Store.open(tmp_path) as store:
            assert store.read("local")[0].windows["e1"].node == "node-2"


@pytest.mark.parametrize("content", [b"not a database at all" * 100, b"\0" * 8192])
def test_a_file_that_is_no_database_is_told_and_kept(tmp_path, content):
    (tmp_path / "recordings").mkdir()
    path = tmp_path / "recordings" / "cache.db"
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"damaged|does not"):
        Store.open(tmp_path)
    assert path.read_bytes() == content


def test_a_damaged_database_is_told(tmp_path):
    with Store.open(tmp_path) as store:
        store.merge("local", [recording(Workload("shop", "Deployment", f"w{n}", "apps/v1")) for n in range(100)])
    path = tmp_path / "recordings" / "cache.db"
    data = bytearray(path.read_bytes())
    data[4096 * 2 :] = os.urandom(len(data) - 4096 * 2)
    path.write_bytes(data)
    with pytest.raises(StoreError), Store.open(tmp_path) as store:
        store.read("local")
    assert path.stat().st_size == len(data)


def test_a_folder_with_something_else_in_it_is_not_taken_over(tmp_path):
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "thesis.txt").write_text("x")
    with pytest.raises(StoreError, match=r"thesis\.txt"):
        Store.open(tmp_path)


def test_a_first_start_that_was_cut_short_is_begun_again(tmp_path):
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings" / "cache.db").touch()
    with Store.open(tmp_path) as store:
        assert store.merge("local", [recording()]) == 1


def test_a_directory_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError) as caught:
        Store.open(tmp_path / "file")
    assert "--cache-dir" in caught.value.hint


def test_a_dollar_in_the_name_is_refused_and_not_expanded(tmp_path):
    with pytest.raises(StoreError, match="dollar"):
        Store.open(tmp_path / "$HOME")


FULL = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
from kubectl_netpol.cache.store import Store
from kubectl_netpol.errors import StoreError
from kubectl_netpol.model import Workload
from tests.unit.cache.recordings import recording
try:
    with Store.open(Path({directory!r})) as store:
        for number in range(5000):
            store.merge("local", [recording(Workload("shop", "Deployment", f"w{{number}}", "apps/v1"))])
except StoreError as error:
    print(error.message)
    sys.exit(7)
"""


def test_a_full_disk_is_told_and_what_was_kept_stays(tmp_path):
    def limit():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (2_000_000, 2_000_000))

    root = str(Path(__file__).parents[3])
    program = FULL.format(path=[root], directory=str(tmp_path))
    run = subprocess.run(
        [sys.executable, "-c", program], preexec_fn=limit, capture_output=True, text=True, check=False, cwd=root
    )
    assert run.returncode == 7, run.stderr
    assert "full" in run.stdout
    with Store.open(tmp_path) as store:
        assert len(store.read("local")) > 10


def test_a_cache_that_another_process_holds_is_busy_and_nothing_else(tmp_path, monkeypatch):
    monkeypatch.setattr(store_module, "_BUSY_SECONDS", 0)
    with Store.open(tmp_path) as store:
        with closing(sqlite3.connect(tmp_path / "recordings" / "cache.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(BusyError, match="busy"):
                store.merge("local", [recording()])
        assert store.merge("local", [recording()]) == 1


def test_looking_for_a_cache_makes_none(tmp_path):
    assert not exists(tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_the_default_directory_follows_the_environment():
    assert default_directory({"XDG_CACHE_HOME": "/x", "HOME": "/h"}) == Path("/x/kubectl-netpol")
    assert default_directory({"XDG_CACHE_HOME": "x", "HOME": "/h"}) == Path("/h/.cache/kubectl-netpol")
    assert default_directory({"KUBECTL_NETPOL_CACHE_DIR": "/k", "XDG_CACHE_HOME": "/x"}) == Path("/k")
