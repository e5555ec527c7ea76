"""Who deployed a pod: the top of its ownership chain, and the selector that stands for it.

Controllers of every kind are kept, so that an operator's own resource at the top of a chain names its pods.
Where an owner is absent from the inventory it is inferred, if that can be done safely.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from ..model import Selector, Workload
from .labels import Labels, matches, read_selector, stable, stable_selector
from .pods import NamedPorts, OwnerReference, Pod, read_named_ports, read_owner
from .reading import Fields, Metadata

_RUNS = frozenset({"Job", "CronJob"})
"""Their selectors name one run (controller-uid), so their template's labels stand for them."""

_DEEPEST = 10
_RUN = re.compile(r"(.+)-\d{8,}")


@dataclass(frozen=True, slots=True)
class Controller:
    """An object that owns pods or owns their owners, ``created`` then (ms).

    ``template``, ``ports`` and ``host_network`` are its pod template's.
    """

    workload: Workload
    owner: OwnerReference | None
    selector: Selector
    template: Labels
    ports: NamedPorts = ()
    host_network: bool = False
    created: int = 0

    @property
    def key(self) -> tuple[str, str, str]:
        """Kind, namespace and name."""
        return (self.workload.kind, self.workload.namespace, self.workload.name)


@dataclass(frozen=True, slots=True)
class Owned:
    """A pod's workload and its selector, with no volatile label in it."""

    workload: Workload
    selector: Selector


@dataclass(slots=True)
class Controllers:
    """All known controllers, by kind, namespace and name. One that is deleted stays: its pods' flows may come late."""

    by_name: dict[tuple[str, str, str], Controller] = field(default_factory=dict)

    def put(self, controller: Controller) -> bool:
        """Remembers it; whether that changed anything."""
        changed = self.by_name.get(controller.key) != controller
        self.by_name[controller.key] = controller
        return changed

    def has(self, kind: str, namespace: str, name: str) -> bool:
        return (kind, namespace, name) in self.by_name

    def owned(self, pod: Pod) -> Owned:
        """The workload at the top of the pod's ownership chain and the selector of its pods."""
        chain = self._chain(pod)
        return Owned(self._top(pod, chain), _selector(pod, chain))

    def named_port_of_templates(self, namespace: str, selector: Selector) -> list[NamedPorts]:
        """The named ports of the pod templates that a Service's selector selects."""
        return [
            one.ports
            for one in self.by_name.values()
            if one.workload.namespace == namespace and one.ports and matches(selector, one.template)
        ]

    def _chain(self, pod: Pod) -> list[Controller]:
        chain: list[Controller] = []
        owner = pod.owner
        while owner and len(chain) < _DEEPEST:
            found = self.by_name.get((owner.kind, pod.namespace, owner.name)) or self._cronjob_of(pod, owner)
            if found is None or found in chain:
                break
            chain.append(found)
            owner = found.owner
        return chain

    def _top(self, pod: Pod, chain: list[Controller]) -> Workload:
        owner = chain[-1].owner if chain else pod.owner
        if owner is None:
            return chain[-1].workload if chain else Workload(pod.namespace, "Pod", pod.name, "v1")
        if len(chain) >= _DEEPEST:
            return chain[-1].workload
        return _inferred(pod, owner)

    # A CronJob names its Jobs NAME-TIME, in minutes since 1970; those that are over are soon removed.
    def _cronjob_of(self, pod: Pod, owner: OwnerReference) -> Controller | None:
        run = _RUN.fullmatch(owner.name) if owner.kind == "Job" else None
        found = self.by_name.get(("CronJob", pod.namespace, run[1])) if run else None
        if found is None or not found.template or not matches(Selector(stable(found.template)), pod.labels):
            return None
        return found


def read_controller(metadata: Metadata, whole: Fields) -> Controller:
    """Any object that may own pods. Raises InputError for a wrong shape of what is read of it."""
    spec = whole.fields("spec")
    if metadata.kind == "CronJob":
        spec = spec.fields("jobTemplate").fields("spec")
    template = spec.fields("template")
    selector = Selector() if metadata.kind in _RUNS else read_selector(spec, "selector")
    return Controller(
        Workload(metadata.namespace, metadata.kind, metadata.name, metadata.api_version),
        read_owner(whole),
        selector,
        template.fields("metadata").table("labels"),
        read_named_ports(template.fields("spec")),
        template.fields("spec").flag("hostNetwork"),
        metadata.created,
    )


# A Deployment names its ReplicaSets NAME-HASH and labels their pods with the hash; nothing else says so.
def _inferred(pod: Pod, owner: OwnerReference) -> Workload:
    template_hash = dict(pod.labels).get("pod-template-hash", "")
    suffix = f"-{template_hash}"
    if owner.kind == "ReplicaSet" and template_hash and owner.name.endswith(suffix) and owner.name != suffix:
        return Workload(pod.namespace, "Deployment", owner.name.removesuffix(suffix), "apps/v1")
    return Workload(pod.namespace, owner.kind, owner.name, owner.api_version)


# A ReplicaSet's selector is its Deployment's with the hash added, so the nearest known selector without its
# volatile labels serves. One that does not select the pod itself is not trusted.
def _selector(pod: Pod, chain: list[Controller]) -> Selector:
    for controller in reversed(chain):
        candidate = stable_selector(controller.selector)
        if controller.workload.kind in _RUNS:
            candidate = Selector(stable(controller.template))
        if not candidate.is_empty and matches(candidate, pod.labels):
            return candidate
    return Selector(stable(pod.labels))
