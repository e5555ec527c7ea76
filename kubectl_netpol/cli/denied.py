"""What an apply denies, or would, in words, and the rules that would admit it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..model import Direction
from ..policy.listing import some_of
from ..render.text import counted
from . import streams

if TYPE_CHECKING:
    from ..apply.reach import Denial
    from ..apply.watch import Blocked, Flow
    from ..model import NeighborKey, NetworkNeighbors, Workload
    from ..policy.replay.values import Broken

_SHOWN = 20
_LOST_SHOWN = 5


def blocked_words(one: Blocked) -> str:
    """``deployment/api in namespace shop: egress to shop/statefulset/db at TCP 5432, 12 attempts without ...``."""
    why = "the policies deny it" if one.is_denied else "though the policies admit it"
    if one.name:
        why += f"; {one.name}, which used to be answered at another address, leads there now"
    return f"{_flow_words(one.workload, one.key)}, {counted(one.attempts, 'attempt')} without an answer; {why}"


def lost_words(flows: Sequence[Flow]) -> str:
    """Which flows a watch leaves out, since they went unanswered before anything was applied."""
    told = some_of([_flow_words(workload, key) for workload, key in flows], _LOST_SHOWN)
    which = counted(len(flows), "flow")
    return f"{which} that used to be answered went unanswered before the apply already, so the watch leaves out: {told}"


def broken_words(one: Broken) -> str:
    """``deployment/api in namespace shop: egress to shop/statefulset/db at TCP 5432 was answered 12 times and ...``."""
    by = ", ".join(policy.name for policy in one.side.isolated_by) or "isolation"
    part = " for some of its pods" if one.is_partial else ""
    return (
        f"{_flow_words(one.workload, one.neighbor.key)} was answered {counted(one.neighbor.counts.answered, 'time')} "
        f"and would be denied{part} by {by}{f' at {one.place}' if one.at_peer else ''}"
    )


def unheard_there_words(found: Iterable[Broken]) -> Iterator[str]:
    """For each workload whose own account lacks flows that others' have: why its policy may, and what to do."""
    flows = Counter(one.neighbor.key.peer.name for one in found if one.is_unheard_there)
    for path, count in sorted(flows.items()):
        yield (
            f"{path} itself did not hear {count} of these flows: it was not recorded at the time, or saw another "
            "address (NAT); record both ends together, as with -A, and generate anew, or add the missing rule"
        )


def _flow_words(workload: Workload, key: NeighborKey) -> str:
    way = "to" if key.direction is Direction.EGRESS else "from"
    peer = key.peer.name or key.peer.address or key.peer.block or "somebody"
    return f"{workload.described}: {key.direction} {way} {peer} at {key.port.protocol} {key.port.port}"


def tell_candidates(found: Sequence[Blocked], heard: Sequence[NetworkNeighbors], denial: Denial) -> None:
    """What was denied meanwhile, to stderr, each with the rule that would admit it."""
    accounts = {one.workload: one for one in heard}
    for one in found[:_SHOWN]:
        streams.say(f"denied meanwhile: {blocked_words(one)}")
        how = denial(accounts[one.workload], one.key)
        if how and how.missing:
            streams.say(_rule_text(how.missing, how.place))
    if len(found) > _SHOWN:
        streams.say(f"and {len(found) - _SHOWN} more flows were denied")


def _rule_text(rule: Mapping[str, Any], place: str) -> str:
    from ..render.yaml import dump  # noqa: PLC0415

    side = "egress" if "to" in rule else "ingress"
    lines = dump({side: [rule]}).splitlines()
    return "\n".join([f"  a rule that would admit it, in a policy of {place}:", *(f"    {line}" for line in lines)])
