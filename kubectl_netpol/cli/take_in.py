"""Takes what a session has said into the cache, for ``collect`` and ``stop``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from ..cache.clusters import note_network, remember
from ..cache.store import Store
from ..capture.captures import Captures
from ..capture.collection import Found, collect, collect_and_remove
from ..capture.job import Capture
from ..capture.network import network_of
from ..capture.preflight import check_stopping, cluster_identity
from ..capture.recorder import Recorder
from ..errors import InputError
from ..neighbors.inventory import Inventory
from ..render.text import counted
from . import streams
from .connection import Connection, need_kubeconfig
from .record_scope import Scoped, scoped
from .record_summary import summarise_recording
from .session_options import Asked


def take_in(connection: Connection, asked: Asked, quiet: bool, cache_dir: Path, is_last: bool) -> None:
    """``is_last``: the last words too, and the session is removed. Raises NetpolError, also where it is not."""
    _take_in(connection, asked, quiet, cache_dir, is_last).check_removed()


def _take_in(connection: Connection, asked: Asked, quiet: bool, cache_dir: Path, is_last: bool) -> Captures:
    need_kubeconfig(connection)
    current = connection.current()
    api = connection.open()
    found, scope = _readable(asked.find(api, connection))
    session = found.session
    if is_last:
        check_stopping(api, found.namespace)
    with Store.open(cache_dir) as store:
        identity = cluster_identity(api)
        remember(cache_dir, current.cluster, identity, store)
        recorder = Recorder(store, identity or current.cluster, Inventory(), scope.wanted)
        capture = Capture(session.name, found.namespace, "", interval=session.interval)
        captures = Captures(api, recorder, capture, scope.wanted, streams.note, connection.command)
        (collect_and_remove if is_last else collect)(captures, found)
        note_network(cache_dir, identity or current.cluster, network_of(api, recorder.inventory))
    if not quiet:
        streams.say(
            f"session {session.name}: {counted(len(found.nodes), 'node')}; it {_state(found, captures, is_last)}"
        )
    doubt = "is there traffic, and did the captures start?"
    summarise_recording(recorder, connection.flags, doubt, quiet=quiet)
    return captures


# What a session heard cannot be heard again, and its Jobs have to go, whoever wrote their annotation.
def _readable(found: Found) -> tuple[Found, Scoped]:
    """The session with its scope. One whose words cannot be read stands for all that its own nodes heard."""
    session = found.session
    try:
        return found, scoped(session.selection, session.namespace, session.labels)
    except InputError as error:
        scope = scoped((), session.namespace, "")
        streams.note(
            f"what session {session.name} is about cannot be read: {error.message}; all that it heard of {scope.text} "
            "is taken in"
        )
        return replace(found, session=replace(session, selection=(), labels="", nodes=tuple(found.nodes))), scope


def _state(found: Found, captures: Captures, is_last: bool) -> str:
    if is_last:
        return "is not removed" if captures.left else "is over and removed"
    return "is over, and waits to be removed" if found.is_over else "goes on"
