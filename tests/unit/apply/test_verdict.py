"""What an apply would break: flows, not ends, and only those that pass today."""

from __future__ import annotations

from typing import Any

import pytest

from kubectl_netpol.apply.applied import steps
from kubectl_netpol.apply.verdict import judge
from kubectl_netpol.model import Direction, NeighborKey, Peer, PeerKind, Port, Protocol, Selector
from kubectl_netpol.policy.generate import Options, generate

from .test_objects import account, to

API = Peer(PeerKind.WORKLOAD, "shop/deployment/api", Selector((("app", "api"),)))
WORLD = Peer(PeerKind.EXTERNAL, address="192.0.2.1")
ACCOUNTS = [account("web", to(API, 8080), to(WORLD, 443)), account("api", to(WORLD, 443))]


def deny(name: str, kind: str) -> dict[str, Any]:
    """All of that kind, for the pods of one workload."""
    spec = {"podSelector": {"matchLabels": {"app": name}}, "policyTypes": [kind]}
    metadata = {"name": f"theirs-{name}", "namespace": "shop"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


def narrow() -> Any:
    """Policies of both that lack what web says to api: web's egress, and api's ingress."""
    web = account("web", to(WORLD, 443))
    caller = NeighborKey(Direction.INGRESS, WORLD, Port(Protocol.TCP, 9))
    made = generate([web, account("api", caller)], Options(()))
    return steps(made.policies, ACCOUNTS, {"shop": []})


def test_a_flow_that_breaks_at_both_ends_is_one():
    verdict = judge(ACCOUNTS, {"shop": []}, narrow())
    assert [(one.workload.name, one.at_peer) for one in verdict.broken] == [("web", False), ("web", True)]
    assert (verdict.lost, verdict.before, verdict.judged) == (1, 0, 3)


@pytest.mark.parametrize(("name", "kind"), [("web", "Egress"), ("api", "Ingress")])
def test_what_is_denied_already_at_either_end_does_not_break(name, kind):
    verdict = judge(ACCOUNTS, {"shop": [deny(name, kind)]}, narrow())
    assert not [one for one in verdict.broken if one.neighbor.key.peer == API]
    assert verdict.before == (2 if kind == "Egress" else 1)
