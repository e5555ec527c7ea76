"""The values that every room shares: workloads, peers, neighbors, policies' known servers.

Frozen and hashable, standard library only. Addresses are canonical text (RFC 5952 for IPv6,
never IPv4-mapped), times are integer milliseconds since the Unix epoch, ports are 0 to 65535.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Protocol(StrEnum):
    """The protocols that a NetworkPolicy can name, and ICMP, which it cannot."""

    TCP = "TCP"
    UDP = "UDP"
    SCTP = "SCTP"
    ICMP = "ICMP"


class Direction(StrEnum):
    """As seen from the workload: ingress is begun by the peer, egress by the workload."""

    INGRESS = "ingress"
    EGRESS = "egress"


class PeerKind(StrEnum):
    """What an address turned out to be."""

    WORKLOAD = "workload"  # pods, named by their workload's selector
    SERVICE = "service"  # a Service without endpoints, named by its own selector
    NODE = "node"  # a node, a hostNetwork pod or a node's tunnel address
    API_SERVER = "api-server"
    NODE_LOCAL = "node-local"  # link-local services of the node, such as NodeLocal DNSCache
    EXTERNAL = "external"  # outside the cluster
    UNKNOWN = "unknown"  # inside the cluster's own ranges, but nobody's
    OWN_NODE = "own-node"  # the node that hosts the pod: its ingress is always admitted


class Mark(StrEnum):
    """What a reader should know about how a neighbor was recorded."""

    ONE_WAY = "one-way"  # UDP without replies, taken as answered
    UNHEARD = "unheard"  # one-way, and nothing says that its receiver, which is a pod, saw it: not answered
    EXISTING = "existing"  # was connected when the capture began
    INFERRED_PORT = "inferred-port"  # who is the server was told by the port numbers only
    SECONDARY_INTERFACE = "secondary-interface"  # seen there only, not on the main one: policies do not cover it
    INFERRED_OWNER = (
        "inferred-owner"  # whose the peer's pod, or the workload's own, was: it was gone when it was looked up
    )


@dataclass(frozen=True, slots=True, order=True)
class Requirement:
    """One of a LabelSelector's matchExpressions; operator is In, NotIn, Exists or DoesNotExist."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Selector:
    """A LabelSelector; both parts sorted. An empty one matches everything."""

    match_labels: tuple[tuple[str, str], ...] = ()
    match_expressions: tuple[Requirement, ...] = ()

    @property
    def is_empty(self) -> bool:
        return not self.match_labels and not self.match_expressions


@dataclass(frozen=True, slots=True, order=True)
class Workload:
    """The top of an ownership chain: what a person deployed. Kind as Kubernetes spells it (Deployment)."""

    namespace: str
    kind: str
    name: str
    api_version: str = "v1"

    @property
    def path(self) -> str:
        """``deployment/nginx``, as kubectl prints it."""
        return f"{self.kind.lower()}/{self.name}"

    @property
    def full_path(self) -> str:
        """``shop/deployment/nginx``: how peers name it."""
        return f"{self.namespace}/{self.path}"

    @property
    def described(self) -> str:
        """``deployment/nginx in namespace shop``, for sentences."""
        return f"{self.path} in namespace {self.namespace}"


@dataclass(frozen=True, slots=True, order=True)
class Port:
    """A server's port as it stands on the wire; ICMP has port 0."""

    protocol: Protocol
    port: int


@dataclass(frozen=True, slots=True)
class Peer:
    """The other side: either selectors or one address, never both; or a block of addresses.

    ``block`` is a canonical CIDR that somebody wrote into a document: nothing that was recorded has one.
    ``name`` is for people (``shop/deployment/api``, ``node/worker-1``); ``namespace_selector`` is None for
    the workload's own namespace. An UNKNOWN or OWN_NODE peer is kept for the account, never for a policy.
    """

    kind: PeerKind
    name: str = ""
    pod_selector: Selector | None = None
    namespace_selector: Selector | None = None
    address: str = ""
    block: str = ""


@dataclass(frozen=True, slots=True)
class NeighborKey:
    """What makes two flows the same neighbor of one workload."""

    direction: Direction
    peer: Peer
    port: Port


@dataclass(frozen=True, slots=True)
class Counts:
    """Connections (TCP, SCTP) or flows (UDP), never packets; ``first`` and ``last`` in ms since the Unix epoch.

    ``names`` are the DNS names that the pod had asked for, with their final dot, sorted, each once.
    """

    attempts: int = 0
    answered: int = 0
    refused: int = 0
    first: int = 0
    last: int = 0
    marks: frozenset[Mark] = frozenset()
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Window:
    """One agent's stay (an epoch): when it heard the workload, and what it lost meanwhile, by counter's name."""

    epoch: str
    first: int
    last: int
    node: str = ""
    losses: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class PodLife:
    """A pod of the workload that lived while it was recorded: on which node, until when that and hearing it are known.

    Both in ms since the Unix epoch; ``heard`` is 0 for a pod that never was.
    """

    name: str
    node: str
    lived: int
    heard: int = 0


@dataclass(frozen=True, slots=True)
class Neighbor:
    """One row of a workload's account, summed over all recordings.

    ``met`` is that part of ``counts`` which began while somebody listened, where another part was open before: what was
    answered, and when.
    """

    key: NeighborKey
    counts: Counts
    met: Counts | None = None

    @property
    def is_answered(self) -> bool:
        return self.counts.answered > 0


@dataclass(frozen=True, slots=True)
class NetworkNeighbors:
    """All that is known of one workload, answered or not, in canonical order.

    ``accounted``: from when to when (ms) its ``pods`` are all that lived, heard or not, as of the newest recording that
    could tell; zeros where none could. ``since``: what was last seen before (ms) was left out; 0 for nothing.
    """

    workload: Workload
    selector: Selector
    neighbors: tuple[Neighbor, ...] = ()
    windows: tuple[Window, ...] = ()
    host_network: bool = False
    labels: tuple[tuple[str, str], ...] = field(default=())  # of a pod of it, without the volatile ones
    differing: frozenset[str] = frozenset()  # the keys of the labels that not all its pods have, or not with that value
    source: str = field(default="", compare=False)  # for messages: the first document that tells of it, if one does
    pods: tuple[PodLife, ...] = ()  # by name: those that are known to have lived meanwhile
    accounted: tuple[int, int] = (0, 0)
    since: int = 0

    @property
    def answered(self) -> tuple[Neighbor, ...]:
        return tuple(neighbor for neighbor in self.neighbors if neighbor.is_answered)
