"""What ``record`` and ``collect`` are about: a predicate on workloads, its words for people, and what it lacks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..capture.nodes import NodeFacts
from ..capture.plan import wanted_pods
from ..capture.scope import Wanted
from ..errors import NetpolError
from ..model import Workload
from ..neighbors.inventory import Inventory
from ..render.text import counted
from .kinds import is_known_kind
from .labels import matches, parse_labels
from .selection import Selection, parse_selection
from .selection import Wanted as Word

_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Scoped:
    """``namespace`` is empty for all of them; ``text`` says it, ``widening`` how to get more."""

    selection: Selection
    namespace: str
    wanted: Wanted
    text: str
    widening: str

    def check(self, inventory: Inventory, facts: Mapping[str, NodeFacts], nodes: tuple[str, ...]) -> None:
        """Raises NetpolError for a node or a workload that was named and is not there, and where there is none."""
        for node in nodes:
            if node not in facts:
                known = ", ".join(sorted(facts)[:_SHOWN])
                raise NetpolError(f'node "{node}" not found', f"there is {known}" if known else "")
        present = sorted(inventory.workloads())
        for one in self.selection.wanted:
            self._check_workload(one, present, inventory)
        pods = list(wanted_pods(inventory, self.wanted))
        if not pods and not any(self.wanted(one.workload, dict(one.template)) for one in inventory.controllers()):
            raise NetpolError(f"nothing to record: there are no pods of {self.text}", self._what_there_is(present))
        if pods and all(pod.host_network for pod in pods):
            problem = f"{self.text}: all pods have hostNetwork, so no NetworkPolicy applies to them"
            raise NetpolError(problem, "nothing is recorded of them; as peers of others they are")

    def _check_workload(self, one: Word, present: list[Workload], inventory: Inventory) -> None:
        if not is_known_kind(one.kind, present):
            raise NetpolError(f'there is no resource type "{one.kind}"', "write TYPE/NAME, as in deploy/web")
        named = [found for found in present if one.names(found)]
        if not one.name or any(self.namespace in ("", found.namespace) for found in named):
            return
        problem = f'"{one}" not found in {self.place}'
        if owner := self._owner(one, inventory):
            raise NetpolError(problem, f"it is a pod of {owner}, which stands for all of its pods: name that")
        if named:
            where = named[0].namespace
            raise NetpolError(problem, f"it is in namespace {where}: -n {where}")
        raise NetpolError(problem, self._what_there_is(present))

    def _owner(self, one: Word, inventory: Inventory) -> str:
        """The workload that stands for the pod of that name, or nothing where there is no such pod."""
        for pod in inventory.pods():
            is_here = self.namespace in ("", pod.namespace) and not pod.end
            if is_here and one.names(Workload(pod.namespace, "Pod", pod.name)):
                return inventory.owned(pod).workload.path
        return ""

    def _what_there_is(self, present: list[Workload]) -> str:
        others = [one.path for one in present if self.namespace in ("", one.namespace)][:_SHOWN]
        return f"there is {', '.join(others)}" if others else "look in all namespaces with -A"

    @property
    def place(self) -> str:
        """``namespace shop``, or ``any namespace``."""
        return f"namespace {self.namespace}" if self.namespace else "any namespace"

    def has_comers(self, inventory: Inventory) -> bool:
        """Whether something in scope makes pods now and then, on whichever node."""
        comers = (one for one in inventory.controllers() if one.workload.kind == "CronJob")
        return any(self.wanted(one.workload, dict(one.template)) for one in comers)

    def count(self, inventory: Inventory) -> str:
        """``3 workloads, 7 pods``: those that can be recorded."""
        pods = [pod for pod in wanted_pods(inventory, self.wanted) if not pod.host_network]
        workloads = {inventory.owned(pod).workload for pod in pods}
        return f"{counted(len(workloads), 'workload')}, {counted(len(pods), 'pod')}"


def scoped(words: tuple[str, ...], namespace: str, labels: str) -> Scoped:
    """The scope of these words. Raises InputError for words that kubectl would not take."""
    selection, requirements = parse_selection(words), parse_labels(labels)

    def wanted(workload: Workload, found: Mapping[str, str] | None) -> bool:
        is_here = namespace in ("", workload.namespace)
        return is_here and selection.includes(workload) and (found is None or matches(requirements, dict(found)))

    place = f"namespace {namespace}" if namespace else "all namespaces"
    text = f"{', '.join(map(str, selection.wanted))} in {place}" if selection.wanted else place
    text += f" with labels {labels}" if labels else ""
    return Scoped(selection, namespace, wanted, text, "" if not namespace else "; -A records all namespaces")
