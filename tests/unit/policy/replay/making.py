"""Accounts and policies for the tests of replays, in few words."""

from kubectl_netpol.model import (
    Counts,
    Direction,
    Neighbor,
    NeighborKey,
    NetworkNeighbors,
    Peer,
    PeerKind,
    Port,
    Protocol,
    Selector,
    Workload,
)
from kubectl_netpol.policy.evaluation.reading import read_policy

NAME = "kubernetes.io/metadata.name"


def selector(**labels):
    return Selector(tuple(sorted(labels.items())))


def in_namespace(name):
    return Selector(((NAME, name),))


def pods(path, own="shop", **labels):
    """A peer by its workload's path, such as ``shop/deployment/api``."""
    namespace = path.split("/")[0]
    elsewhere = None if namespace == own else in_namespace(namespace)
    return Peer(PeerKind.WORKLOAD, path, selector(**labels), elsewhere)


def address(text, kind=PeerKind.EXTERNAL):
    return Peer(kind, address=text)


def flow(direction, peer, port=80, protocol=Protocol.TCP, answered=1, **counts):
    counts = {"attempts": 1, "first": 1, "last": 2} | counts
    return Neighbor(NeighborKey(Direction(direction), peer, Port(protocol, port)), Counts(answered=answered, **counts))


def account(path, labels, *flows, selector_labels=None, **more):
    """``labels`` None: the input says nothing of the pods' labels beside the selector."""
    namespace, kind, name = path.split("/")
    workload = Workload(namespace, kind.capitalize(), name, "apps/v1")
    chosen = labels or {} if selector_labels is None else selector_labels
    told = tuple(sorted((labels or {}).items()))
    return NetworkNeighbors(workload, selector(**chosen), tuple(flows), labels=told, **more)


def policy(name, namespace="shop", **spec):
    metadata = {"name": name, "namespace": namespace}
    spec = {"podSelector": {}} | spec
    return read_policy(
        {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}
    )


def labels(**wanted):
    return {"matchLabels": wanted}
