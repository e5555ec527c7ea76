"""The store of recordings: one value per workload of a cluster, joined when something new is collected.

``capture`` and ``demo`` call ``merge``; ``cli`` reads, exports, imports and clears. Every public method raises
StoreError, with a remedy, when the disk, the database or its content cannot be used.
"""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import diskcache
from diskcache.core import DBNAME

from ..errors import StoreError
from ..model import Workload
from ..neighbors.recording import Recording, join, settle, with_newest_pods
from ..neighbors.windows import SETTLED
from . import schema
from .codec import check, decode, encode
from .disk import REMEDY, StrictDisk, UnreadableError
from .gate import SCHEMA_KEY, SETTINGS, schema_of
from .keys import Key, key_of, parse_key
from .trouble import translated

LOCAL = "local"
"""The cluster's identity of recordings that were made without a cluster."""

ROOM = "recordings"
"""The store's own directory within the cache's; nothing else lies in it."""

_BUSY_SECONDS = 20
_MANY_EPOCHS = 32
_LIVE_MILLISECONDS = 7 * 24 * 3600 * 1000


@dataclass(frozen=True, slots=True)
class Info:
    """What a cache holds: ``clusters`` by identity with their number of workloads; ``size`` in bytes on disk."""

    directory: Path
    schema: int
    clusters: tuple[tuple[str, int], ...]
    size: int


class RefusedError(StoreError):
    """A recording that could not be read again once it was written. Nothing of it was written."""


class Store:
    """The recordings in one directory. Use ``Store.open``; it is a context manager."""

    def __init__(self, directory: Path, cache: diskcache.Cache) -> None:
        self._directory = directory
        self._cache = cache

    @classmethod
    def open(cls, directory: Path) -> Store:
        """The store in the cache directory ``directory``; it is made (0700) where it is missing."""
        room = room_of(directory)
        with translated(room):
            _make(room)
            with locked(room):
                found = schema_of(room)
                steps = () if found is None else schema.steps_from(found, room)
                store = cls(room, diskcache.Cache(str(room), timeout=_BUSY_SECONDS, disk=StrictDisk, **SETTINGS))
                store._begin(found, steps)
        return store

    def __enter__(self) -> Store:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._cache.close()

    def merge(self, cluster: str, recordings: Iterable[Recording]) -> int:
        """Joins each recording with what is kept of its workload; the number of workloads that this changed.

        Merging the same again changes nothing. Each workload is read, joined and written in one transaction of
        its own, so two recordings at the same time lose nothing. Raises RefusedError, once all others are merged,
        for one that could not be read again.
        """
        changed, refused = 0, None
        with translated(self._directory):
            for recording in recordings:
                try:
                    changed += self._merge_one(cluster, recording)
                except RefusedError as error:
                    refused = refused or error
        if refused:
            raise refused
        return changed

    def merge_all(self, recordings: Iterable[tuple[str, Recording]]) -> int:
        """Merges recordings of several clusters in one transaction: all of them, or none."""
        with translated(self._directory), self._cache.transact():
            return sum(self._merge_one(cluster, recording) for cluster, recording in recordings)

    def workloads(self, cluster: str) -> tuple[Workload, ...]:
        """The workloads that are kept of a cluster, sorted."""
        with translated(self._directory):
            return tuple(sorted(workload for identity, workload in self._keys() if identity == cluster))

    def read(self, cluster: str, wanted: Callable[[Workload], bool] = lambda _: True) -> tuple[Recording, ...]:
        """The recordings of a cluster's wanted workloads, sorted by workload; others are not even looked at."""
        recordings = (self._get(key_of(cluster, workload)) for workload in self.workloads(cluster) if wanted(workload))
        with translated(self._directory):
            return tuple(recording for recording in recordings if recording is not None)

    def everything(self) -> Iterator[tuple[str, Recording]]:
        """Each recording with its cluster's identity, sorted."""
        with translated(self._directory):
            for cluster, workload in sorted(self._keys()):
                recording = self._get(key_of(cluster, workload))
                if recording is not None:
                    yield cluster, recording

    def rename(self, cluster: str, identity: str) -> None:
        """Joins what is kept of ``cluster`` into ``identity``; the same cluster is known by a better name now."""
        recordings = self.read(cluster)
        with translated(self._directory), self._cache.transact():
            for recording in recordings:
                self._merge_one(identity, recording)
                self._cache.delete(key_of(cluster, recording.workload))

    def clear(self) -> int:
        """Forgets every recording, of all clusters; how many workloads there were."""
        with translated(self._directory), self._cache.transact():
            keys = list(self._keys())
            for cluster, workload in keys:
                self._cache.delete(key_of(cluster, workload))
            return len(keys)

    def info(self) -> Info:
        """What the store holds, without reading the recordings."""
        with translated(self._directory):
            counted: dict[str, int] = {}
            for cluster, _ in self._keys():
                counted[cluster] = counted.get(cluster, 0) + 1
            size = sum(path.lstat().st_size for path in self._directory.rglob("*") if not path.is_dir())
        return Info(self._directory, schema.VERSION, tuple(sorted(counted.items())), size)

    def _merge_one(self, cluster: str, recording: Recording) -> bool:
        key = key_of(cluster, recording.workload)
        with self._cache.transact():
            kept = self._cache.get(key)
            joined = recording if kept is None else join(self._decode(key, kept), recording)
            data = _encoded(_bounded(joined))
            return data != kept and bool(self._cache.set(key, data))

    def _get(self, key: str) -> Recording | None:
        data = self._cache.get(key)
        return None if data is None else self._decode(key, data)

    def _decode(self, key: str, data: bytes) -> Recording:
        try:
            recording = decode(data)
            if parse_key(key)[1] != recording.workload:
                raise ValueError("it is another workload's")
        except ValueError as error:
            problem = f"the cache in {self._directory} holds a value that is no recording ({error})"
            raise UnreadableError(problem, REMEDY) from error
        return recording

    def _keys(self) -> Iterator[Key]:
        for key in self._cache.iterkeys():
            if key == SCHEMA_KEY:
                continue
            try:
                yield parse_key(key)
            except (ValueError, TypeError, RecursionError) as error:
                problem = f"the cache in {self._directory} holds a key that this program does not write"
                raise UnreadableError(problem, REMEDY) from error

    def _begin(self, found: int | None, steps: tuple[schema.Step, ...]) -> None:
        if found == schema.VERSION:
            return
        with self._cache.transact():
            for cluster, workload in list(self._keys()) if steps else ():
                key = key_of(cluster, workload)
                value = self._cache.get(key)
                for step in steps:
                    value = step(value)
                self._cache.set(key, value)
            self._cache.set(SCHEMA_KEY, json.dumps(schema.VERSION).encode())


def room_of(directory: Path) -> Path:
    """The store's own directory within a cache directory. Raises StoreError for a path diskcache would rewrite."""
    room = directory.absolute() / ROOM
    if "$" in str(room):  # diskcache expands variables in it
        raise StoreError(f"the cache directory's name has a dollar sign: {room}", "name another with --cache-dir")
    return room


def exists(directory: Path) -> bool:
    """Whether anything was ever kept in that cache directory: readers need not make one."""
    room = room_of(directory)
    with translated(room):
        try:
            room.lstat()
        except FileNotFoundError:
            return False
        return True


def stamp(directory: Path) -> tuple[int, ...]:
    """Numbers that are others once something was written in that cache directory; reads nothing of it.

    Opening a store may change them, too.
    """
    room = room_of(directory)
    found: tuple[int, ...] = ()
    with translated(room):
        for name in (DBNAME, f"{DBNAME}-wal"):
            with suppress(FileNotFoundError):
                status = (room / name).stat()
                found += (status.st_ino, status.st_size, status.st_mtime_ns)
    return found


def discard(directory: Path) -> None:
    """Removes the database file of a store that cannot be opened any more, and nothing that it names."""
    room = room_of(directory)
    with translated(room), locked(room):
        for suffix in ("", "-wal", "-shm", "-journal"):
            (room / (DBNAME + suffix)).unlink(missing_ok=True)
        for path in room.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*.val"):
            if path.parent.resolve() == room.resolve() / path.parent.relative_to(room):
                path.unlink(missing_ok=True)
                path.parent.rmdir()
                path.parent.parent.rmdir()


@contextmanager
def locked(room: Path) -> Iterator[None]:
    """Holds the store's door: opening, migrating and discarding happen one at a time."""
    with (room / "lock").open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def _make(room: Path) -> None:
    room.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    room.mkdir(mode=0o700, exist_ok=True)
    if room.stat().st_mode & 0o077:
        room.chmod(0o700)


# What cannot be read again would make the whole cache unreadable.
def _encoded(recording: Recording) -> bytes:
    try:
        check(recording)
    except ValueError as error:
        problem = f"{recording.workload.full_path:.200} cannot be kept: {error}"
        raise RefusedError(problem, "mend the flows or objects that told of it") from error
    return encode(recording)


# An epoch may only be summed up once its agent is surely gone: what comes later is not added to it any more.
def _bounded(recording: Recording) -> Recording:
    recording = with_newest_pods(recording)
    lasts = [window.last for epoch, window in recording.windows.items() if epoch != SETTLED]
    if len(lasts) <= _MANY_EPOCHS:
        return recording
    return settle(recording, sum(last > max(lasts) - _LIVE_MILLISECONDS for last in lasts))
