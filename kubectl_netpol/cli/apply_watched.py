"""The captures of a watched apply: they start before the guard and the policies, and end when it is decided."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ..apply.reach import clients_of, subjects_of
from ..apply.server import ApplyError
from ..cache.clusters import remember
from ..cache.store import Store
from ..capture.captures import Captures
from ..capture.image import IMAGE
from ..capture.job import Capture
from ..capture.live import LiveOptions, LiveRecording
from ..capture.preflight import check_admission, cluster_identity
from ..capture.recorder import Recorder
from ..capture.session import Session, encode
from ..cluster.api import now
from ..errors import CaptureError, NetpolError
from ..neighbors.inventory import Inventory
from ..render.text import counted
from . import streams
from .apply_interruption import NOTHING
from .apply_look_out import LookOut, Plan
from .interrupts import catch
from .left_captures import tell_left
from .record_wish import DEADLINE_SECONDS

_TTL_SECONDS = 60
_MOST_WORDS = 100


def run_watched(plan: Plan) -> int:
    """Until it is confirmed or rolled back; the exit code. Raises NetpolError when it was rolled back."""
    subjects = subjects_of(plan.steps, plan.known)
    paths = subjects | clients_of(subjects, plan.known)
    with Store.open(plan.scope.directory) as store:
        identity, current = cluster_identity(plan.api), plan.application.connection.current().cluster
        remember(plan.scope.directory, current, identity, store)
        recorder = Recorder(store, identity or current, Inventory(), lambda one, _: one.full_path in paths)
        capture, connection = _capture(plan, sorted(paths)), plan.application.connection
        captures = Captures(plan.api, recorder, capture, recorder_scope(paths), streams.note, connection.command)
        captures.feed.load()
        captures.remember()
        look_out = LookOut(plan, recorder, subjects)
        recording = LiveRecording(captures, LiveOptions(recorder_scope(paths)), look_out.tick)
        try:
            if nodes := sorted(recording.nodes()):
                check_admission(plan.api, captures.capture, nodes[0])
        except CaptureError as error:
            raise unwatched(error) from error
        streams.say(f"capturing {counted(len(paths), 'workload')} on {counted(len(nodes), 'node')}, to see what breaks")
        look_out.end = recording.stop
        _catch(look_out)
        try:
            recording.run()
        except (KeyboardInterrupt, NetpolError, OSError) as error:  # OSError: stdout takes no more
            look_out.tell_fate(error)
            if isinstance(error, KeyboardInterrupt):
                if not look_out.is_late:
                    streams.say(NOTHING)
                tell_left(captures, connection)
            if isinstance(error, CaptureError) and not look_out.is_late:
                raise unwatched(error) from error
            raise
    return look_out.conclude()


def unwatched(error: CaptureError) -> ApplyError:
    """The same where nothing is applied yet, with the way to apply all the same."""
    return ApplyError(f"the flows cannot be watched: {error.message}", f"{error.hint}; or add --no-watch")


def recorder_scope(paths: set[str]) -> Callable[..., bool]:
    """The captures' scope: the workloads of these full paths."""
    return lambda workload, _: workload.full_path in paths


def _capture(plan: Plan, paths: Sequence[str]) -> Capture:
    application = plan.application
    namespace = plan.steps[0].namespace
    # In its namespace only, for whoever takes in what is left of it: TYPE/NAME has no place for another.
    words = [word for place, _, word in (path.partition("/") for path in paths) if place == namespace]
    session = Session(plan.session, namespace, tuple(words[:_MOST_WORDS]), begun=now(plan.api))
    return Capture(
        session.name,
        application.capture_namespace or namespace,
        application.image or IMAGE,
        application.pull_policy or "IfNotPresent",
        application.pull_secrets,
        interval=session.interval,
        deadline=DEADLINE_SECONDS,
        ttl=_TTL_SECONDS,
        annotation=encode(session),
    )


def _catch(look_out: LookOut) -> None:
    catch(look_out.interrupt, lambda: f"stopping {_what_stops(look_out)}")


def _what_stops(look_out: LookOut) -> str:
    if look_out.is_rolling_back:
        return "once the earlier policies are back"
    return "the watch, not the guard" if look_out.is_late else "before anything is applied"
