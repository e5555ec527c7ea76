"""A cache that somebody else prepared: nothing of it runs, nothing of it is lost, and one sentence says so."""

import pickle
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from kubectl_netpol.cache.disk import StrictDisk
from kubectl_netpol.cache.store import Store, discard
from kubectl_netpol.errors import StoreError

from .recordings import recording


class Bomb:
    """Unpickling it makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (str(self.path), "w"))


@pytest.fixture
def kept(tmp_path):
    with Store.open(tmp_path) as store:
        store.merge("local", [recording()])
    return tmp_path


def alter(directory: Path, *statements):
    with closing(sqlite3.connect(directory / "recordings" / "cache.db")) as connection:
        for statement, values in statements:
            connection.execute(statement, values)
        connection.commit()


def refused(directory: Path) -> StoreError:
    before = rows(directory)
    with pytest.raises(StoreError) as caught, Store.open(directory) as store:
        store.read("local")
    assert rows(directory) == before
    assert caught.value.hint
    return caught.value


def rows(directory: Path):
    with closing(sqlite3.connect(directory / "recordings" / "cache.db")) as connection:
        cache = connection.execute("SELECT key, raw, mode, filename, value FROM Cache").fetchall()
        return cache, sorted(connection.execute("SELECT key, value FROM Settings"), key=str)


INSERT = "INSERT INTO Cache (key, raw, store_time, access_time, mode, filename, value) VALUES (?, ?, 0, 0, ?, ?, ?)"


def test_a_planted_pickle_in_a_value_is_not_run(kept, tmp_path):
    bomb = pickle.dumps(Bomb(tmp_path / "ran"))
    alter(kept, ("UPDATE Cache SET mode = 4, value = ? WHERE key <> 'schema'", (bomb,)))
    assert "does not write" in refused(kept).message
    assert not (tmp_path / "ran").exists()


def test_a_planted_pickle_in_a_key_is_not_run(kept, tmp_path):
    bomb = pickle.dumps(Bomb(tmp_path / "ran"))
    alter(kept, (INSERT, (bomb, 0, 1, None, b"{}")))
    refused(kept)
    assert not (tmp_path / "ran").exists()


def test_a_planted_pickle_in_a_file_is_not_run(kept, tmp_path):
    name = "ab/cd/" + "0" * 28 + ".val"
    path = kept / "recordings" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(pickle.dumps(Bomb(tmp_path / "ran")))
    alter(kept, (INSERT, ("k", 1, 4, name, None)))
    refused(kept)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["../../outside", "/etc/hostname", "ab/../../x.val", "ab/cd/x.val", "", b"ab"])
def test_a_planted_file_name_is_neither_read_nor_removed(kept, tmp_path, name):
    outside = tmp_path / "outside"
    outside.write_text("precious")
    alter(kept, ("UPDATE Cache SET mode = 2, value = NULL, filename = ? WHERE key <> 'schema'", (name,)))
    refused(kept)
    assert outside.read_text() == "precious"


def test_a_folder_that_leads_out_of_the_cache_is_not_followed(kept, tmp_path):
    (tmp_path / "out" / "cd").mkdir(parents=True)
    (tmp_path / "out" / "cd" / ("0" * 28 + ".val")).write_text("{}")
    (kept / "recordings" / "ab").symlink_to(tmp_path / "out")
    name = "ab/cd/" + "0" * 28 + ".val"
    alter(kept, ("UPDATE Cache SET mode = 2, value = NULL, filename = ? WHERE key <> 'schema'", (name,)))
    assert "leads out" in refused(kept).message


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("sqlite_journal_mode", "delete"),
        ("sqlite_writable_schema", 1),
        ("sqlite_x = 1; --", 1),
        ("disk_remove", "x"),
        ("get", "x"),
        ("eviction_policy", "least-recently-stored"),
        ("cull_limit", 10),
        ("size_limit", 1),
        ("count", "many"),
    ],
)
def test_a_planted_setting_is_not_obeyed(kept, key, value):
    alter(kept, ("INSERT OR REPLACE INTO Settings VALUES (?, ?)", (key, value)))
    assert "a setting" in refused(kept).message


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TRIGGER evil AFTER INSERT ON Cache BEGIN DELETE FROM Cache; END",
        "CREATE VIEW evil AS SELECT 1",
        "CREATE TABLE evil (x)",
        "UPDATE Cache SET tag = 'x'",
        "UPDATE Cache SET expire_time = 1",
        "UPDATE Cache SET mode = 3",
        "UPDATE Cache SET mode = NULL",
        "UPDATE Cache SET value = 'text'",
    ],
)
def test_whatever_else_this_program_does_not_write_is_refused(kept, statement):
    alter(kept, (statement, ()))
    refused(kept)


@pytest.mark.parametrize("value", [b"", b"[]", b"\xff", b"{}", b"[" * 100_000, b"1" * 10_000, b'{"workload":[]}'])
def test_a_value_that_is_no_recording_is_told(kept, value):
    alter(kept, ("UPDATE Cache SET value = ? WHERE key <> 'schema'", (value,)))
    assert "no recording" in refused(kept).message


def test_a_recording_under_another_workloads_key_is_told(kept):
    key = '["local", "shop", "Deployment", "other", "apps/v1"]'
    alter(kept, ("UPDATE Cache SET key = ? WHERE key <> 'schema'", (key,)))
    assert "another workload" in refused(kept).message


@pytest.mark.parametrize("key", ["x", "[]", "[1, 2, 3, 4, 5]", "[" * 100_000, '["local", "a", "b"]'])
def test_a_key_that_is_no_workload_is_told(kept, key):
    alter(kept, ("UPDATE Cache SET key = ? WHERE key <> 'schema'", (key,)))
    assert "a key" in refused(kept).message


def test_the_disk_unpickles_nothing_even_when_it_is_asked_directly(tmp_path):
    disk = StrictDisk(str(tmp_path))
    bomb = pickle.dumps(Bomb(tmp_path / "ran"))
    for attempt in (
        lambda: disk.get(bomb, False),
        lambda: disk.get(bomb, True),
        lambda: disk.fetch(4, None, bomb, False),
        lambda: disk.fetch(3, "x", None, False),
        lambda: disk.fetch(2, "../x", None, False),
        lambda: disk.fetch(2, "x", None, True),
        lambda: disk.remove("../x"),
    ):
        with pytest.raises(StoreError):
            attempt()
    for misuse in (lambda: disk.put(b"k"), lambda: disk.hash(1), lambda: disk.store("text", False)):
        with pytest.raises(TypeError):
            misuse()
    assert not (tmp_path / "ran").exists()


def test_discarding_removes_nothing_that_the_database_names(kept, tmp_path):
    (tmp_path / "out" / "cd").mkdir(parents=True)
    precious = tmp_path / "out" / "cd" / ("0" * 28 + ".val")
    precious.write_text("precious")
    (kept / "recordings" / "ab").symlink_to(tmp_path / "out")
    discard(kept)
    assert precious.read_text() == "precious"
    assert not (kept / "recordings" / "cache.db").exists()
