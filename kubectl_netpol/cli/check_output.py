"""How ``check`` prints what a replay found."""

from __future__ import annotations

import json
import shlex
import time
from collections.abc import Iterable, Sequence
from typing import Any

from ..model import Neighbor, Workload
from ..policy.evaluation.values import NetworkPolicy
from ..policy.replay.values import Broken, Replay, Unjudged
from ..policy.replay.width import Width
from ..render.age import age
from ..render.text import counted
from . import streams
from .denied import unheard_there_words
from .neighbor_columns import peer_name, port_name
from .recorded import Recorded

_BROKEN = ("WORKLOAD", "DIRECTION", "PEER", "PORT", "ANSWERED/ATTEMPTED", "LAST-SEEN", "DENIED-AT")
_RULE = ("ISOLATED-BY", "MISSING-RULE")
_UNJUDGED = ("WORKLOAD", "DIRECTION", "PEER", "PORT", "SIDE", "DEPENDS-ON")
_WIDER = ("POLICY", "RULE", "WIDER-THAN-RECORDED")


def print_tables(found: Replay, wider: Sequence[Width] | None, with_namespace: bool) -> None:
    """What breaks, what cannot be told, and what policies admit besides, each under its heading if there is any."""
    from ..render.table import to_table  # noqa: PLC0415

    now = int(time.time() * 1000)
    if found.broken:
        rows = [_broken_row(one, now, with_namespace) for one in found.broken]
        streams.data("Recorded flows that would be denied:\n" + to_table((*_BROKEN, *_RULE), rows))
    if found.unjudged:
        gap = "\n" if found.broken else ""
        rows = [_unjudged_row(one, with_namespace) for one in found.unjudged]
        streams.data(f"{gap}Recorded flows of which it cannot be told:\n" + to_table(_UNJUDGED, rows))
    if wider:
        gap = "\n" if found.broken or found.unjudged else ""
        rows = [[one.policy, _rule(one), one.text] for one in wider]
        streams.data(f"{gap}Wider than what was recorded:\n" + to_table(_WIDER, rows))


def print_json(found: Replay, wider: Sequence[Width] | None, policies: int) -> None:
    """All of it as one object."""
    from ..render.document import to_json  # noqa: PLC0415

    document: dict[str, Any] = {
        "broken": [_broken(one) for one in found.broken],
        "unjudged": [_unjudged(one) for one in found.unjudged],
        "summary": {
            "policies": policies,
            "judged": found.judged,
            "broken": found.denied,
            "unjudged": found.untold,
            "unansweredDenied": found.unanswered,
            "uncovered": found.uncovered,
            "judgedAtOneEnd": found.one_sided,
        },
    }
    if wider is not None:
        document["wider"] = [
            {"policy": one.policy, "direction": one.direction, "rule": one.rule, "text": one.text} for one in wider
        ]
    streams.data(to_json(document))


def tell_summary(found: Replay, policies: int, recorded: Recorded) -> None:
    """The counts, and what to do next, to stderr."""
    flows = f"{counted(found.judged, 'recorded flow')} of {counted(len(recorded.chosen), 'workload')}"
    against = counted(policies, "policy")
    streams.say(f"{flows} against {against}: {found.denied} would be denied, {found.untold} cannot be told")
    if any(one.is_live for one in found.unjudged):
        streams.note("some cannot be told offline; --live (or --inventory) tells more of them")
    if found.unanswered:
        streams.note(f"not counted: {counted(found.unanswered, 'flow')} that nobody answered would be denied as well")
    if found.uncovered:
        streams.note(f"not judged: {counted(found.uncovered, 'flow')} of secondary interfaces, which no policy covers")
    if found.one_sided:
        streams.note(f"of {counted(found.one_sided, 'flow')} it is not known whose policies hold at the other end")
    for text in unheard_there_words(found.broken):
        streams.note(text)
    if found.broken:
        first = found.broken[0]
        streams.say(f"to see why, add: --explain {shlex.quote(flow_text(first.workload, first.neighbor))}")


def flow_text(workload: Workload, neighbor: Neighbor) -> str:
    """A flow as ``--explain`` takes it: the first four cells of its row, with the namespace."""
    key = neighbor.key
    return f"{workload.full_path} {key.direction} {peer_name(neighbor)} {port_name(key.port)}"


def _start(workload: Workload, neighbor: Neighbor, with_namespace: bool) -> list[str]:
    key = neighbor.key
    own = workload.full_path if with_namespace else workload.path
    return [own, str(key.direction), peer_name(neighbor), port_name(key.port)]


def _broken_row(one: Broken, now: int, with_namespace: bool) -> list[str]:
    counts = one.neighbor.counts
    seen = age(now - counts.last) if counts.last else ""
    some = ", some pods" if one.is_partial else ""
    place = f"{one.side.direction} of {one.place}" if one.at_peer else str(one.side.direction)
    return [
        *_start(one.workload, one.neighbor, with_namespace),
        f"{counts.answered}/{counts.attempts}",
        seen,
        place + some,
        _names(one.side.isolated_by),
        json.dumps(one.missing, separators=(",", ":"), sort_keys=True) if one.missing else "",
    ]


def _unjudged_row(one: Unjudged, with_namespace: bool) -> list[str]:
    side = f"{one.direction} of {one.place}"
    return [*_start(one.workload, one.neighbor, with_namespace), side, "; ".join(one.reasons)]


def _rule(one: Width) -> str:
    return f"{one.direction} {one.rule}" if one.rule else ""


def _names(policies: Iterable[NetworkPolicy]) -> str:
    return ",".join(f"{one.namespace}/{one.name}" for one in policies)


def _flow(workload: Workload, neighbor: Neighbor) -> dict[str, Any]:
    key, counts = neighbor.key, neighbor.counts
    return {
        "workload": workload.full_path,
        "direction": str(key.direction),
        "peer": peer_name(neighbor),
        "port": key.port.port,
        "protocol": str(key.port.protocol),
        "answered": counts.answered,
        "attempts": counts.attempts,
        "first": counts.first,
        "last": counts.last,
    }


def _broken(one: Broken) -> dict[str, Any]:
    return _flow(one.workload, one.neighbor) | {
        "deniedAt": {"workload": one.place, "direction": str(one.side.direction)},
        "isPartial": one.is_partial,
        "isUnheardThere": one.is_unheard_there,
        "isolatedBy": [{"namespace": item.namespace, "name": item.name} for item in one.side.isolated_by],
        "missingRule": dict(one.missing),
    }


def _unjudged(one: Unjudged) -> dict[str, Any]:
    return _flow(one.workload, one.neighbor) | {
        "side": {"workload": one.place, "direction": str(one.direction)},
        "policies": [{"namespace": item.namespace, "name": item.name} for item in one.policies],
        "dependsOn": list(one.reasons),
        "liveMayTell": one.is_live,
    }
