"""The two ends of a connection, as a source of flows tells of them, and the pods that some of them are."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum

from ..errors import InputError
from ..neighbors.labels import Labels
from ..neighbors.ranges import is_loopback
from ..neighbors.reading import canonical_address
from ..wire import is_pod_name


class FlowError(ValueError):
    """What a flow says cannot be: a sentence about it in our own words."""


MOST_ENDS = 1_000_000
"""How many different addresses and pods one import holds at most."""

_Key = tuple[object, object, object]
_KIND = re.compile(r"[A-Za-z]([-A-Za-z0-9]{0,61}[A-Za-z0-9])?")
"""In lower case it is an RFC 1035 label, as a CustomResourceDefinition's has to be."""


class Place(Enum):
    """What a source says of an address that is no pod's. ASK: it does not say; the inventory may know."""

    ASK = "ask"
    NODE = "node"
    API_SERVER = "api-server"
    INSIDE = "inside"  # of the cluster, and nobody's
    OUTSIDE = "outside"


@dataclass(slots=True)
class PodFacts:
    """A pod as the flows tell of it. ``workload``: its owner's kind and name; empty while nobody said."""

    namespace: str
    name: str
    labels: Labels = ()
    workload: tuple[str, str] = ("", "")
    node: str = ""
    ends: list[End] = field(default_factory=list)


@dataclass(slots=True, eq=False)
class End:
    """One address of a pod, or of something else. ``lacks``: more is to be learned when the pod's own node speaks.

    ``first`` and ``last``: when it was seen (ms); ``node``: the name that goes with Place.NODE, if it is known;
    ``many``: it is loopback, multicast or broadcast, which are nobody's neighbors;
    ``service``: namespace and name of the Service whose address it is said to be; ``ports``: server ports seen there.
    """

    serial: int
    address: str
    many: bool = False
    pod: PodFacts | None = None
    place: Place = Place.ASK
    node: str = ""
    service: tuple[str, str] = ("", "")
    lacks: bool = False
    first: int = 0
    last: int = 0
    ports: set[tuple[str, int]] = field(default_factory=set)


class Ends:
    """All ends of one import, by what names them in the source: address, pod and namespace."""

    def __init__(self) -> None:
        self.by_key: dict[_Key, End] = {}
        self.pods: dict[tuple[str, str], PodFacts] = {}

    def add(self, address: object, pod: object = None, namespace: object = None) -> End:
        """A new end. Raises FlowError when these are no address, or no names of Kubernetes."""
        text = canonical_address(address) if isinstance(address, str) else ""
        if not text:
            raise FlowError("an address is none")
        if len(self.by_key) >= MOST_ENDS:
            raise InputError(f"more than {MOST_ENDS:,} different addresses", "split the file by time")
        end = End(len(self.by_key), text, _is_many(text))
        if pod is not None:
            end.pod = self._pod(namespace, pod)
            end.pod.ends.append(end)
        self.by_key[(address, pod, namespace)] = end
        return end

    def _pod(self, namespace: object, name: object) -> PodFacts:
        if not (isinstance(namespace, str) and isinstance(name, str) and is_pod_name(namespace, name)):
            raise FlowError("a pod's name or namespace is none of Kubernetes")
        return self.pods.setdefault((namespace, name), PodFacts(namespace, name))


def read_owner(kind: object, name: object) -> tuple[str, str]:
    """An owner's kind and name; empty where none is told. Raises FlowError for what are none of Kubernetes."""
    if not (isinstance(kind, str) and isinstance(name, str) and kind):
        return "", ""
    if not (_KIND.fullmatch(kind) and is_pod_name("x", name)):
        raise FlowError("a workload's kind or name is none of Kubernetes")
    return kind, name


def read_node(name: object) -> str:
    """A node's name; empty for what is none."""
    return name if isinstance(name, str) and is_pod_name("x", name) else ""


def _is_many(address: str) -> bool:
    if ":" in address:
        return address.startswith("ff") or is_loopback(address)
    return int(address.partition(".")[0]) >= 224 or is_loopback(address)
