"""A recording of a cluster while somebody watches: from the first Job to the last words, and nothing left behind.

``cli.record`` makes one and runs it. One thread does everything but waiting: watches and log readers bring what they
hear by queues.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import CaptureError, StoreError
from .captures import Captures
from .node_capture import NodeCapture
from .plan import nodes_for, obstacles, wanted_pods
from .preflight import quota_hint
from .progress import Progress
from .scope import Wanted

_TICK = 0.25
_SAVE_SECONDS = 5.0
_COUNT_SECONDS = 5.0
_SAVE_SHARE = 20
"""A save may take a twentieth of the time."""

_PODLESS_SECONDS = 10.0
_STARTING_SECONDS = 90.0
_PULLING_SECONDS = 300.0
"""For a pod that is there and complains of nothing: a large image, or a slow registry, takes its time."""

_SILENT_SECONDS = 30.0
_DETACHING_SECONDS = 60.0
_LATE_NEWS = 30_000
"""How late (ms) the API server's word of a pod may come: until then nobody guesses whose it was."""

_IMAGE_HINT = (
    "name one that the nodes can pull, with --image and --image-pull-secret, or load it into them, as by: "
    "minikube image load, kind load image-archive, ctr --namespace k8s.io images import"
)
_ABOUT_THE_IMAGE = re.compile("ErrImage|Image|InvalidImage")
_REFUSED_BY_THE_RUNTIME = ("CreateContainerError", "RunContainerError")
_HOPELESS = "no node could be captured"
_SHOWN = 3


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """``duration`` and ``until_stable`` in seconds, 0 for no such end; ``nodes`` are those named, or empty.

    ``everywhere``: pods in scope may come to any node, so all of them are captured. ``detached``: it ends as soon as
    each node is heard, or is not to be, and leaves the captures running.
    """

    wanted: Wanted
    duration: float = 0.0
    until_stable: float = 0.0
    nodes: tuple[str, ...] = ()
    everywhere: bool = False
    detached: bool = False


class LiveRecording:
    """``stop`` may be called from a signal handler."""

    def __init__(self, captures: Captures, options: LiveOptions, on_progress: Callable[[Progress], None]) -> None:
        self._captures = captures
        self._options = options
        self._on_progress = on_progress
        self._is_stopping = False
        self._next_save = 0.0
        self._next_plan = 0.0
        self._next_count = 0.0
        self.progress = Progress()

    def nodes(self) -> set[str]:
        """The nodes that are to be captured now. Raises CaptureError where that is possible on none of them."""
        able, missed = self._plan()
        if missed and not able:
            raise self._failure(f"{_HOPELESS}; {': '.join(next(iter(missed.items())))}")
        return able

    def run(self) -> None:
        """Records until an end comes or ``stop`` is called; what was heard is kept, whatever happens.

        Raises CaptureError when a node could not be captured, StoreError when the cache cannot be written.
        """
        captures = self._captures
        captures.feed.watch()
        started = time.monotonic()
        try:
            while not self._is_over(started):
                self._step()
            self._end()
        except Exception:  # whatever it was: what was made goes away
            self._is_stopping = True
            self._end()
            raise
        finally:
            captures.close()
            captures.keep(only=self._options.nodes)
        self._judge()

    def stop(self) -> None:
        """Asks for the last records and for the end."""
        self._is_stopping = True

    @property
    def is_left_running(self) -> bool:
        """Whether captures go on by themselves afterwards: not where all have failed, nor where it was stopped."""
        nodes = self._captures.fleet.nodes.values()
        is_hopeless = all(one.failure and not one.heard for one in nodes)
        is_wanted = not self._is_stopping and not self._captures.fleet.stopped
        return self._options.detached and is_wanted and not is_hopeless

    def _step(self) -> None:
        now = time.monotonic()
        if now >= self._next_plan:
            self._next_plan = now + 1.0
            self._extend()
            self._look_at_nodes()
        self._captures.look(_TICK)
        self._look_at_pods()
        self._save_when_due()
        self._tell_progress()

    def _end(self) -> None:
        if self.is_left_running:
            self._captures.fleet.close()
            return
        if self._captures.fleet.stopped:
            name = self._captures.capture.session
            self._captures.say(f"session {name} was stopped by somebody else; what it heard until then is kept")
        self.progress.is_ending = True
        self._captures.farewell(self._tell_progress)

    def _is_over(self, started: float) -> bool:
        now, options, progress = time.monotonic(), self._options, self.progress
        if self._is_stopping or self._captures.fleet.stopped:
            return True
        nodes = list(self._captures.fleet.nodes.values())
        if nodes and all(one.failure and not one.heard for one in nodes):
            return True
        if options.detached:
            settled = bool(nodes) and all(one.heard or one.failure for one in nodes)
            return settled or now > started + _DETACHING_SECONDS
        if not progress.begun:
            return False
        quiet = self._last_words(now) - max(progress.newest, progress.begun)
        progress.is_stable = bool(options.until_stable) and quiet >= options.until_stable
        return progress.is_stable or bool(options.duration and now >= progress.ends)

    # Silence counts as far as words came: of a node that is silent for long it is told and marked, and others count.
    def _last_words(self, now: float) -> float:
        words = [one.heard for one in self._captures.fleet.nodes.values() if one.heard]
        lately = [heard for heard in words if now - heard <= _SILENT_SECONDS + self._captures.capture.interval]
        return min(lately) if lately else max(words, default=0.0)

    def _extend(self) -> None:
        able, missed = self._plan()
        self._captures.fleet.give_up(missed)
        self._captures.fleet.add(sorted(able))

    def _plan(self) -> tuple[set[str], dict[str, str]]:
        """The nodes that are to be captured now, and with the reason those on which that is not possible.

        Where all nodes are captured because pods may come to any, such a one is missed only once they have.
        """
        options, facts, inventory = self._options, self._captures.facts, self._captures.recorder.inventory
        named = set(options.nodes)
        needed = named or nodes_for(inventory, options.wanted, facts, everywhere=False)
        wanted = named or nodes_for(inventory, options.wanted, facts, options.everywhere)
        unable = obstacles(wanted, facts)
        missed = {node: why for node, why in unable.items() if node in needed}
        for node, why in missed.items():
            self._captures.say(f"{node} is not captured: {why}")
        return wanted - set(unable), missed

    # Why nothing is heard.

    def _look_at_pods(self) -> None:
        captures = self._captures
        newest = {stream.pod.node: stream.pod for stream in captures.follower.present}
        for pod in newest.values():
            one = captures.fleet.nodes.get(pod.node)
            if one is None or pod.job != one.job:
                continue
            failure, hint = pod.failure, ""
            is_refused = failure.startswith(_REFUSED_BY_THE_RUNTIME)
            if _ABOUT_THE_IMAGE.match(failure):
                hint = _IMAGE_HINT
            if not failure and pod.exit_code and not pod.is_running:
                failure, hint = captures.follower.words_of(one.node)
                failure, is_refused = failure or f"its agent ended with exit code {pod.exit_code}", True
            if failure:
                self._note_failure(one, failure, hint, may_lack_privilege=is_refused)

    def _look_at_nodes(self) -> None:
        now, captures = time.monotonic(), self._captures
        pods = {stream.pod.node: stream.pod for stream in captures.follower.present}
        for one in captures.fleet.nodes.values():
            waited = now - one.made_at if one.is_made else 0.0
            pod = pods.get(one.node)
            patience = _PULLING_SECONDS if pod and not pod.has_log else _STARTING_SECONDS
            if one.heard and now - one.heard > _SILENT_SECONDS + captures.capture.interval:
                captures.say(f"{one.node} has not been heard for {_SILENT_SECONDS:.0f} s; it goes on being asked")
            elif not one.heard and not one.failure and waited > patience:
                self._note_failure(one, f"its capture did not start within {patience:.0f} s", "")
            elif not one.heard and not one.failure and waited > _PODLESS_SECONDS and not pod:
                self._note_failure(one, one.complaint, quota_hint(one.complaint))
                captures.fleet.ask_why(one)

    def _note_failure(self, one: NodeCapture, failure: str, hint: str, may_lack_privilege: bool = False) -> None:
        if not failure or failure == one.failure:
            return
        one.failure, one.hint = failure, hint
        if may_lack_privilege and self._captures.fleet.wants_privilege(one):
            self._captures.say(f"{one.node}: {failure}; trying again with a privileged pod")
            self._captures.fleet.begin_anew(one, privileged=True)
        else:
            self._captures.say(f"{one.node} is not captured: {failure}" + (f" ({hint})" if hint else ""))

    # What was heard.

    def _save_when_due(self) -> None:
        begun, captures = time.monotonic(), self._captures
        if begun < self._next_save:
            return
        try:
            captures.recorder.infer_unwatched(captures.feed.now() - _LATE_NEWS)
            self.progress.count(captures.recorder.save(), begun)
        except StoreError as error:
            captures.say(f"{error.message}; the recording goes on and will be saved later")
        now = time.monotonic()
        self._next_save = now + max(_SAVE_SECONDS, (now - begun) * _SAVE_SHARE)

    def _tell_progress(self) -> None:
        nodes, progress = list(self._captures.fleet.nodes.values()), self.progress
        statuses = self._captures.recorder.statuses.values()
        progress.nodes = len(nodes)
        heard = {one.node for one in nodes if one.is_heard}
        if len(heard) != progress.heard or time.monotonic() >= self._next_count:
            self._next_count = time.monotonic() + _COUNT_SECONDS
            progress.pods = self._pods_on(heard)
        progress.heard = len(heard)
        progress.failed = sum(bool(one.failure) for one in nodes)
        progress.losses = sum(sum(status.losses.values()) for status in statuses)
        if not progress.begun and all(one.heard or one.failure for one in nodes):
            progress.begun = time.monotonic()
            progress.ends = progress.begun + self._options.duration if self._options.duration else 0.0
        self._on_progress(progress)

    def _pods_on(self, nodes: set[str]) -> int:
        pods = wanted_pods(self._captures.recorder.inventory, self._options.wanted)
        return sum(pod.node in nodes and not pod.host_network for pod in pods)

    def _judge(self) -> None:
        fleet = self._captures.fleet
        if self._is_stopping or fleet.stopped:
            return
        failed = [one for one in fleet.nodes.values() if not one.heard]
        if self._options.detached:
            self._tell_starting([one.node for one in failed if not one.failure])
            failed = [one for one in failed if one.failure]
        if not failed:
            return
        causes = [f"{one.node}: {one.failure or 'its capture said nothing'}" for one in failed[:_SHOWN]]
        if len(failed) == len(fleet.nodes):
            raise self._failure(f"{_HOPELESS}; {causes[0]}", failed[0].hint)
        raise self._failure(f"not captured, and marked as not heard: {'; '.join(causes)}", failed[0].hint)

    def _tell_starting(self, nodes: list[str]) -> None:
        if nodes:
            see = self._captures.command("sessions", "-n", self._captures.capture.namespace)
            self._captures.say(f"not heard yet, and still starting: {', '.join(nodes)}; see: {see}")

    def _failure(self, message: str, hint: str = "") -> CaptureError:
        return CaptureError(message, hint or f"see what is wrong: {self._captures.command('doctor')}")
