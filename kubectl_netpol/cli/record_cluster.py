"""``record`` in a cluster: from what was typed to a session, its progress, and what is said at its end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..cache.clusters import note_network, remember
from ..cache.store import Store
from ..capture.captures import Captures
from ..capture.job import job
from ..capture.live import LiveOptions, LiveRecording
from ..capture.network import network_of
from ..capture.preflight import check_admission, check_recording, cluster_identity
from ..capture.recorder import Recorder
from ..capture.session import Session
from ..cluster.api import Api, now
from ..cluster.resources import JOB
from ..errors import CaptureError, NetpolError
from ..neighbors.inventory import Inventory
from ..policy.listing import some_of
from ..render.text import counted, decimal
from . import streams
from .connection import Connection, need_kubeconfig
from .interrupts import catch
from .left_captures import tell_left
from .progress import progress_shown
from .record_scope import Scoped, scoped
from .record_summary import summarise_recording
from .record_wish import Wish


def record_cluster(connection: Connection, cache_dir: Path, wish: Wish) -> None:
    """Records, or says what would be done. Raises NetpolError."""
    wish.check()
    if wish.dry_run == "client":
        for kind in wish.unknown_kinds():
            streams.note(f'whether there is a resource type "{kind}" was not asked: --dry-run=server asks the cluster')
        wish.print_jobs(wish.without_a_cluster(wish.namespace or _home(connection)))
        return
    need_kubeconfig(connection)
    current = connection.current()
    home = wish.namespace or connection.home
    scope = scoped(wish.selection, "" if wish.all_namespaces else home, wish.labels)
    api = connection.open()
    place = wish.capture_namespace or home
    check_recording(api, place)
    with Store.open(cache_dir) as store:
        identity = cluster_identity(api)
        remember(cache_dir, current.cluster, identity, store)
        recorder = Recorder(store, identity or current.cluster, Inventory(), scope.wanted)
        session = wish.session(scope.namespace, now(api))
        capture = wish.capture(session, place)
        captures = Captures(api, recorder, capture, scope.wanted, streams.note, connection.command)
        captures.feed.load()
        note_network(cache_dir, identity or current.cluster, network_of(api, recorder.inventory))
        captures.remember()
        _Run(connection, wish, scope, captures, session).go(api)


def _home(connection: Connection) -> str:
    return connection.home if connection.files() else "default"


@dataclass(frozen=True, slots=True)
class _Run:
    """One recording, once everything about it is known."""

    connection: Connection
    wish: Wish
    scope: Scoped
    captures: Captures
    session: Session

    def go(self, api: Api) -> None:
        inventory = self.captures.recorder.inventory
        self.scope.check(inventory, self.captures.facts, self.wish.nodes)
        everywhere = self.wish.all_namespaces or self.scope.has_comers(inventory)
        options = LiveOptions(
            self.scope.wanted,
            self.wish.duration,
            self.wish.until_stable,
            self.wish.nodes,
            everywhere,
            self.wish.detach,
        )
        with progress_shown(self.wish.quiet) as show:
            recording = LiveRecording(self.captures, options, show)
            nodes = sorted(recording.nodes())
            if not nodes and (self.wish.detach or self.wish.dry_run == "server"):
                raise NetpolError(f"no pods are there yet: {self.scope.text}", "record it without --detach: that waits")
            if nodes:
                check_admission(api, self.captures.capture, nodes[0])
            if self.wish.dry_run == "server":
                self._dry_run(api, nodes)
                return
            self._announce(nodes, everywhere)
            failure = self._record(recording)
        self._conclude(recording)
        if failure:
            raise failure
        self.captures.check_removed()

    def _record(self, recording: LiveRecording) -> CaptureError | None:
        """What failed of it, to be told after what did not."""
        catch(recording.stop)
        try:
            recording.run()
        except KeyboardInterrupt:
            tell_left(self.captures, self.connection)
            raise
        except CaptureError as error:
            if not self.captures.recorder.statuses and not recording.is_left_running:
                raise
            return error
        return None

    def _dry_run(self, api: Api, nodes: list[str]) -> None:
        jobs = [job(self.captures.capture, node) for node in nodes]
        for one in jobs:
            api.create(JOB.path(self.captures.capture.namespace), one, {"dryRun": "All"})
        self.wish.print_jobs(jobs)

    def _announce(self, nodes: list[str], everywhere: bool) -> None:
        wish = self.wish
        if not wish.quiet:
            self._say_scope(nodes)
        if everywhere and not wish.all_namespaces and not wish.nodes:
            streams.note(
                "CronJobs are in scope, whose pods come to any node: all nodes are captured (--node limits it)"
            )

    def _say_scope(self, nodes: list[str]) -> None:
        wish = self.wish
        until = f"for {decimal(wish.duration)} s" if wish.duration else "until Ctrl-C"
        if wish.until_stable:
            until = f"until nothing new was seen for {decimal(wish.until_stable)} s" + (
                f", {until} at most" if wish.duration else ""
            )
        pods = self.scope.count(self.captures.recorder.inventory)
        streams.say(f"recording {self.scope.text} ({pods}) on {_listed(nodes)} {until}{self.scope.widening}")

    def _conclude(self, recording: LiveRecording) -> None:
        name = self.session.name
        if self.wish.detach and not recording.is_left_running:
            removed = "not removed" if self.captures.left else "removed"
            streams.say(f"stopped: session {name} is {removed}, and what it heard until now is kept")
            raise KeyboardInterrupt
        if self.wish.detach:
            goes_on = [one for one in self.captures.fleet.nodes.values() if one.heard or not one.failure]
            if not self.wish.quiet:
                streams.say(f"session {name} captures {counted(len(goes_on), 'node')} by itself now")
                streams.say(f"next: {self.connection.command('collect', name)}")
            streams.line(name)
            return
        stable = self.wish.until_stable if recording.progress.is_stable else 0.0
        recorder, flags = self.captures.recorder, self.connection.flags
        summarise_recording(recorder, flags, "is there traffic?", stable, self.wish.quiet)


def _listed(nodes: list[str]) -> str:
    return f"{counted(len(nodes), 'node')} ({some_of(nodes)})" if nodes else "no node yet"
