"""Recordings for the cache's tests."""

from kubectl_netpol.model import (
    Counts,
    Direction,
    NeighborKey,
    Peer,
    PeerKind,
    PodLife,
    Port,
    Protocol,
    Selector,
    Window,
    Workload,
)
from kubectl_netpol.neighbors.recording import Recording

WEB = Workload("shop", "Deployment", "web", "apps/v1")
API = NeighborKey(
    Direction.EGRESS,
    Peer(PeerKind.WORKLOAD, "shop/deployment/api", Selector((("app", "api"),))),
    Port(Protocol.TCP, 8080),
)
OUTSIDE = NeighborKey(Direction.EGRESS, Peer(PeerKind.EXTERNAL, address="142.250.1.104"), Port(Protocol.TCP, 443))


def recording(workload=WEB, epoch="e1", attempts=3, last=2000, key=API):
    labels = (("app", workload.name),)
    counts = Counts(attempts, attempts, 0, 1000, last, frozenset(), ("api.example.",))
    window = Window(epoch, 1000, last, "node-1", (("dns_lost", 1),))
    lives = {"pod-a": PodLife("pod-a", "node-1", last, last)}
    return Recording(workload, Selector(labels), labels, False, {epoch: window}, {key: {epoch: counts}}, pods=lives)
