"""Policies as they are judged, the two ends of a flow, and a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ...model import Direction, Port, Protocol, Selector
from ...neighbors.labels import Labels
from ...neighbors.pods import NamedPorts

ALL_PORTS = (0, 65535)


@dataclass(frozen=True, slots=True)
class PolicyPort:
    """Ports of one protocol from ``first`` to ``last``, or, with a ``name``, the port that a pod calls so."""

    protocol: Protocol
    first: int = ALL_PORTS[0]
    last: int = ALL_PORTS[1]
    name: str = ""

    def __str__(self) -> str:
        if self.name:
            return f"{self.protocol} {self.name}"
        if (self.first, self.last) == ALL_PORTS:
            return f"{self.protocol}, every port"
        return f"{self.protocol} {self.first}" + (f" to {self.last}" if self.last != self.first else "")


@dataclass(frozen=True, slots=True)
class PolicyPeer:
    """An entry of ``from`` or ``to``: a block (``cidr`` without ``excepted``), or selectors.

    ``namespaces`` None is the policy's own namespace; ``pods`` None is all pods of the namespaces.
    """

    pods: Selector | None = None
    namespaces: Selector | None = None
    cidr: str = ""
    excepted: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """An entry of ``ingress`` or ``egress``. Without peers it admits everyone, without ports every port."""

    peers: tuple[PolicyPeer, ...] = ()
    ports: tuple[PolicyPort, ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """A NetworkPolicy. ``ingress`` and ``egress`` are None where it does not isolate that direction.

    ``source`` is where it was read, for messages.
    """

    namespace: str
    name: str
    selector: Selector
    ingress: tuple[PolicyRule, ...] | None
    egress: tuple[PolicyRule, ...] | None
    source: str = ""

    def rules(self, direction: Direction) -> tuple[PolicyRule, ...] | None:
        return self.ingress if direction is Direction.INGRESS else self.egress

    @property
    def path(self) -> str:
        """``shop/networkpolicy/web``."""
        return f"{self.namespace}/networkpolicy/{self.name}"


@dataclass(frozen=True, slots=True)
class PodEnd:
    """A pod at one end of a flow.

    ``addresses`` are those that the flow may be seen with: its pod's of one family, or of both. ``node`` is empty where
    it is not known. A pod with ``host_network`` is, to policies, its node.
    """

    namespace: str
    name: str
    labels: Labels
    namespace_labels: Labels
    addresses: tuple[str, ...] = ()
    node: str = ""
    host_network: bool = False
    ports: NamedPorts = ()


@dataclass(frozen=True, slots=True)
class AddressEnd:
    """An end that is no pod: an address outside the cluster, of the API server, or of the node that ``node`` names."""

    address: str
    node: str = ""


End = PodEnd | AddressEnd


@dataclass(frozen=True, slots=True)
class Flow:
    """A connection, by its beginner; ``port`` is the server's, as it stands on the wire behind every translation."""

    source: End
    destination: End
    port: Port


class Reason(StrEnum):
    """Why a side of a flow is as it is."""

    NO_POD = "it is no pod, and no policy reaches it"
    HOST_NETWORK = "its pod is in its node's network, and no policy reaches it"
    NOT_ISOLATED = "no policy isolates it"
    ITSELF = "a pod cannot block access to itself"
    OWN_NODE = "traffic from a pod's own node is always admitted"
    RULE = "a rule admits it"
    NO_RULE = "it is isolated, and no rule admits it"
    NOT_SAID = "it is isolated, and what that means for this protocol is for the enforcer to say"


@dataclass(frozen=True, slots=True)
class Admission:
    """The rule that admits a flow: the policy's number among those that were given, and the rule's in it."""

    policy: NetworkPolicy
    rule: int


@dataclass(frozen=True, slots=True)
class Side:
    """What is said at one end of a flow: ``isolated_by`` are the policies that select it in this direction."""

    direction: Direction
    reason: Reason
    isolated_by: tuple[NetworkPolicy, ...] = ()
    admitted_by: Admission | None = None

    @property
    def is_allowed(self) -> bool:
        return self.reason is not Reason.NO_RULE


@dataclass(frozen=True, slots=True)
class Verdict:
    """Of a whole flow.

    "For a connection from a source pod to a destination pod to be allowed, both the egress policy on the source pod and
    the ingress policy on the destination pod need to allow the connection. If either side does not allow the
    connection, it will not happen."
    """

    egress: Side
    ingress: Side

    @property
    def is_allowed(self) -> bool:
        return self.egress.is_allowed and self.ingress.is_allowed
