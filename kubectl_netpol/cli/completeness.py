"""How complete a recording is, for people: a sentence, or the cells of a table."""

from __future__ import annotations

from ..model import Direction, NetworkNeighbors
from ..neighbors.completeness import Completeness, completeness
from ..neighbors.document import covered
from ..neighbors.unseen import MILLION, Unseen
from ..render.age import age
from ..render.text import counted

HEADERS = (
    "WORKLOAD",
    "HEARD",
    "NOT-HEARD",
    "NODES",
    "PODS",
    "NEIGHBORS",
    "QUIET",
    "NEW-IF-AGAIN",
    "EGRESS-UNSEEN",
    "INGRESS-UNSEEN",
)
UNKNOWN = "unknown"
_SHOWN = 5
LIMITS = "95% limits, if traffic goes on as it was"


def sentence(one: NetworkNeighbors) -> str:
    """``heard for 60m, nothing new in the last 12m; ...`` and its outlook; empty where nothing is known."""
    found = completeness(one, covered(one))
    if not found.heard:
        return ""
    parts = [f"heard for {'at most ' if found.is_at_most else ''}{age(found.heard)}"]
    parts += [f"not heard for {age(found.not_heard)}{_on(found.deaf_nodes)}"] if found.not_heard else []
    parts += [f"nothing new in the last {age(found.quiet)}"] if found.newest else []
    told = outlook(one)
    return ", ".join(parts) + (f"; {told} ({LIMITS})" if told else "")


def outlook(one: NetworkNeighbors) -> str:
    """What is likely missing, in time and per connection; empty where nothing was answered or it has no times.

    ``as long again brings fewer than 3 new neighbors; chance of one per connection: egress 0.4% (below 1.6%)``
    """
    seen = covered(one)
    found, directions = completeness(one, seen), {neighbor.key.direction for neighbor in seen}
    if not (found.heard and directions and found.is_sample):
        return ""
    unseen = ((Direction.EGRESS, found.egress), (Direction.INGRESS, found.ingress))
    chances = ", ".join(f"{direction} {_chance(one)}" for direction, one in unseen if direction in directions)
    about = f"about {found.again}, and " if found.again else ""
    again = f"{about}fewer than {counted(found.again_limit, 'new neighbor')}"
    return f"as long again brings {again}; chance of one per connection: {chances}"


def row(one: NetworkNeighbors) -> list[str]:
    """The cells below HEADERS."""
    found = completeness(one, covered(one))
    return [
        one.workload.path,
        _heard(found),
        age(found.not_heard) + _on(found.deaf_nodes),
        _some(found.nodes),
        _pods(found),
        str(len(covered(one))),
        age(found.quiet) if found.newest else UNKNOWN,
        _again(found) if found.heard and found.is_sample else UNKNOWN,
        _cell(found.egress),
        _cell(found.ingress),
    ]


# Where nothing was heard, that is known of what was recorded, and not of others' documents.
def _heard(found: Completeness) -> str:
    is_known = found.heard or found.not_heard or found.are_all_pods
    return ("<=" if found.is_at_most else "") + age(found.heard) if is_known else UNKNOWN


# How many there were is not known while it is recorded, and of what was imported.
def _pods(found: Completeness) -> str:
    heard = sum(life.heard > 0 for life in found.pods)
    return f"{heard}/{len(found.pods) if found.are_all_pods else '?'}" if found.pods or found.are_all_pods else UNKNOWN


def _again(found: Completeness) -> str:
    limit = f"<{found.again_limit}"
    return f"{found.again} ({limit})" if found.again else limit


def _on(nodes: tuple[str, ...]) -> str:
    return f" on {_some(nodes)}" if nodes else ""


def _some(nodes: tuple[str, ...]) -> str:
    more = f",+{len(nodes) - _SHOWN}" if len(nodes) > _SHOWN else ""
    return ",".join(nodes[:_SHOWN]) + more


def _chance(found: Unseen) -> str:
    if not found.connections:
        return f"{UNKNOWN} (all were open before)"
    if found.is_too_small:
        return f"{UNKNOWN} (too few connections)"
    limit = "up to 100%" if found.limit >= MILLION else f"below {_percent(found.limit)}"
    return _with_limit(found, limit)


def _cell(found: Unseen) -> str:
    if not found.connections or found.is_too_small:
        return UNKNOWN
    limit = "<=100%" if found.limit >= MILLION else f"<{_percent(found.limit)}"
    return _with_limit(found, limit)


# The estimate alone where it is the limit, and the limit alone where nothing was met once: 0% would read as a promise.
def _with_limit(found: Unseen, limit: str) -> str:
    if found.chance >= MILLION:
        return _percent(found.chance)
    return f"{_percent(found.chance)} ({limit})" if found.once else limit


# Two digits that count: more would claim to know.
def _percent(millionths: int) -> str:
    percent = millionths * 100 / MILLION
    return f"{percent:.0f}%" if percent >= 10 else f"{float(f'{percent:.2g}'):.6f}".rstrip("0").rstrip(".") + "%"
