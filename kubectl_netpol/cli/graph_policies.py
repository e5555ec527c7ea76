"""What policies in files say of the map: judged offline, as ``check`` judges."""

from __future__ import annotations

from ..graph.build import judge
from ..graph.values import Graph
from ..graph.verdicts import coverage, verdicts
from ..model import Direction, NetworkNeighbors
from ..policy.evaluation.evaluate import Evaluator
from ..policy.evaluation.values import NetworkPolicy, PodEnd
from ..policy.replay.replay import replay
from .check_input import policies_of_files
from .options import Scope
from .recorded import Recorded


def judged(graph: Graph, recorded: Recorded, files: tuple[str, ...], scope: Scope) -> Graph:
    """The map with a verdict for each edge, and for each workload whether it is isolated. Raises InputError."""
    policies = policies_of_files(files, scope)
    found = replay(recorded.accounts, policies, only={one.workload for one in recorded.chosen})
    denied = {(one.workload, one.neighbor.key) for one in found.broken}
    untold = {(one.workload, one.neighbor.key) for one in found.unjudged}
    return judge(graph, verdicts(graph, denied, untold), coverage(recorded.chosen, _Isolation(policies)))


class _Isolation:
    """Whether policies isolate the pods of an account, by the labels that it tells."""

    def __init__(self, policies: list[NetworkPolicy]) -> None:
        self._evaluator = Evaluator(policies)

    def __call__(self, one: NetworkNeighbors, direction: Direction) -> bool:
        labels = tuple(sorted(dict(one.labels + one.selector.match_labels).items()))
        pod = PodEnd(one.workload.namespace, one.workload.name, labels, ())
        return not one.host_network and bool(self._evaluator.isolating(pod, direction))
