"""Whether the cache can be used, told without changing anything."""

from __future__ import annotations

import sqlite3
from contextlib import closing

from cache.recordings import recording
from kubectl_netpol.cache.health import examine
from kubectl_netpol.cache.store import Store


def test_a_cache_that_is_not_there_yet_is_well_and_stays_away(tmp_path):
    health = examine(tmp_path / "new" / "cache")
    assert health.is_new
    assert health.problem is None
    assert health.free > 0
    assert list(tmp_path.iterdir()) == []


def test_what_is_kept_is_counted(tmp_path):
    with Store.open(tmp_path) as store:
        store.merge("local", [recording()])
        store.merge("other", [recording()])
    health = examine(tmp_path)
    assert (health.problem, health.is_new, health.workloads, health.clusters) == (None, False, 2, 2)
    assert health.size > 0


def test_a_recording_that_cannot_be_read_is_found(tmp_path):
    with Store.open(tmp_path) as store:
        store.merge("local", [recording()])
    with closing(sqlite3.connect(tmp_path / "recordings/cache.db")) as database:
        database.execute("UPDATE Cache SET value = CAST('nonsense' AS BLOB) WHERE key <> 'schema'")
        database.commit()
    assert "holds a value that is no recording" in examine(tmp_path).problem.message


def test_a_database_that_is_none_is_a_problem_with_a_remedy(tmp_path):
    (tmp_path / "recordings").mkdir()
    (tmp_path / "recordings/cache.db").write_text("nonsense " * 100)
    problem = examine(tmp_path).problem
    assert problem.message
    assert problem.hint


def test_a_place_where_nothing_can_be_made_is_a_problem(tmp_path):
    (tmp_path / "file").write_text("")
    problem = examine(tmp_path / "file" / "cache").problem
    assert "cannot be used" in problem.message or "nothing can be kept" in problem.message
    assert problem.hint
