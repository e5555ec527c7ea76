"""The look that is taken at a database before ``diskcache`` may open it.

diskcache trusts what it finds: each row of its Settings table becomes a PRAGMA, a keyword of the Disk or an attribute
of the Cache. So the tables are read first, by plain SQL, and only a database that this program could have written
goes further. Called by ``store`` only.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from diskcache.core import DBNAME, DEFAULT_SETTINGS, METADATA

from ..errors import StoreError
from .disk import REMEDY, UnreadableError, is_plain

SETTINGS: dict[str, int | str] = {
    "eviction_policy": "none",  # nothing is ever thrown out
    "cull_limit": 0,
    "size_limit": 1 << 62,
    "statistics": 0,
    "tag_index": 0,
    "disk_min_file_size": 1 << 24,  # a value in its row is committed, or not, with everything else
    "disk_pickle_protocol": 0,
}
"""What the cache is opened with; whatever else a database says of these is not ours."""

SCHEMA_KEY = "schema"

_OBJECTS = {
    ("table", "Settings"),
    ("table", "Cache"),
    ("table", "sqlite_sequence"),
    ("table", "sqlite_stat1"),
    ("index", "sqlite_autoindex_Settings_1"),
    ("index", "Cache_key_raw"),
    ("index", "Cache_expire_time"),
    ("trigger", "Settings_count_insert"),
    ("trigger", "Settings_count_delete"),
    ("trigger", "Settings_size_insert"),
    ("trigger", "Settings_size_update"),
    ("trigger", "Settings_size_delete"),
}
_FOREIGN_ROWS = """
    SELECT count(*) FROM Cache WHERE typeof(key) <> 'text' OR raw IS NOT 1 OR expire_time IS NOT NULL
    OR tag IS NOT NULL OR coalesce(mode NOT IN (1, 2), 1)
    OR (mode = 1 AND (typeof(value) <> 'blob' OR filename IS NOT NULL)) OR (mode = 2 AND value IS NOT NULL)
"""


def schema_of(directory: Path) -> int | None:
    """The schema version of the database in ``directory``; None where nothing was written yet.

    Raises StoreError for a database that this program did not write, sqlite3.Error for a damaged one.
    """
    database = directory / DBNAME
    if database.is_symlink() or (database.exists() and not database.is_file()):
        raise UnreadableError(f"{database} is not a plain file", REMEDY)
    if not database.exists():
        _refuse_leftovers(directory)
        return None
    with closing(sqlite3.connect(f"{database.resolve().as_uri()}?mode=rw", uri=True, timeout=20)) as connection:
        for problem in _problems(connection):
            raise UnreadableError(f"the cache in {directory} holds {problem}", REMEDY)
        return _version(connection, directory)


def _refuse_leftovers(directory: Path) -> None:
    leftovers = sorted(entry.name for entry in directory.iterdir() if entry.name != "lock")
    if leftovers:
        problem = f"{directory} holds no cache, but something else ({leftovers[0]!r})"
        raise StoreError(problem, "name another directory with --cache-dir, or move that away")


def _problems(connection: sqlite3.Connection) -> Iterator[str]:
    objects = set(connection.execute("SELECT type, name FROM sqlite_master"))
    for kind, name in sorted(objects - _OBJECTS):
        yield f"a {kind} that this program does not write ({name!r:.60})"
    if ("table", "Settings") in objects:
        yield from _setting_problems(connection)
    if ("table", "Cache") in objects:
        yield from _row_problems(connection)


def _setting_problems(connection: sqlite3.Connection) -> Iterator[str]:
    for key, value in connection.execute("SELECT key, value FROM Settings"):
        if key in METADATA:
            good = type(value) is int
        else:
            good = key in DEFAULT_SETTINGS and value == SETTINGS.get(key, DEFAULT_SETTINGS[key])
        if not good:
            yield f"a setting that this program does not write ({key!r:.60})"


def _row_problems(connection: sqlite3.Connection) -> Iterator[str]:
    ((foreign,),) = connection.execute(_FOREIGN_ROWS)
    if foreign:
        yield "a key or a value that this program does not write"
    for (filename,) in connection.execute("SELECT filename FROM Cache WHERE mode = 2"):
        if not is_plain(filename):
            yield f"a file name that this program does not write ({filename!r:.60})"


def _version(connection: sqlite3.Connection, directory: Path) -> int | None:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'Cache'").fetchall():
        return None  # the first start was cut short before there was anything to keep
    rows = connection.execute("SELECT value FROM Cache WHERE key = ?", (SCHEMA_KEY,)).fetchall()
    if not rows and not connection.execute("SELECT 1 FROM Cache LIMIT 1").fetchall():
        return None
    try:
        version = json.loads(rows[0][0])
    except (IndexError, ValueError, TypeError) as error:
        raise UnreadableError(f"the cache in {directory} does not say its version", REMEDY) from error
    if type(version) is not int:
        raise UnreadableError(f"the cache in {directory} does not say its version", REMEDY)
    return version
