"""Recorded workloads of which nobody knows what selects their pods: an empty selector there is no selector.

Controllers select by labels, so that only a pod of its own has none by itself. Documents say what selects: an empty
selector of theirs is one.
"""

from __future__ import annotations

from ..model import Mark, NeighborKey, NetworkNeighbors
from ..neighbors.document import selects_everyone

_ALONE = "Pod"
_MEND = "import again with an --inventory that has it, or give its pods a label and record it again"


def why_unselectable(one: NetworkNeighbors) -> str:
    """Why no policy can select the workload's pods, as the end of a sentence; empty where one can."""
    if not one.selector.is_empty or one.labels:
        return ""
    if one.workload.kind != _ALONE:
        is_recorded = any(window.last for window in one.windows)
        return f"no lasting labels are known that select its pods; {_MEND}" if is_recorded else ""
    if all(Mark.INFERRED_OWNER in neighbor.counts.marks for neighbor in one.neighbors):
        return "the pod was gone before its labels were seen, and its name tells none"
    return ""


def is_unselectable(key: NeighborKey) -> bool:
    """Whether only its pods' labels, which are not known, keep the peer from being admitted."""
    kind = key.peer.name.split("/")[1:-1]
    return selects_everyone(key) and bool(kind) and kind != [_ALONE.lower()]
