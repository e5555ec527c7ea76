"""cyclonus, an evaluator of NetworkPolicies in Go by the authors of Kubernetes' own conformance tests.

It knows neither a pod's own node nor hostNetwork, nor that a pod always reaches itself, and is asked nothing of these.
By NotIn it selects only what has the label. The API's words are others: an object is matched when "the operator is
DoesNotExist or NotIn and Labels does not have the Requirement's key" (apimachinery, pkg/labels). So it is asked about
NotIn together with Exists, by which both mean the same.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from kubectl_netpol.model import Direction
from kubectl_netpol.neighbors.pods import NamedPorts
from kubectl_netpol.policy.evaluation.values import End, Flow, PodEnd
from tests.cluster.go_modules import Module
from tests.cluster.layout import BINARIES

MODULE = Module("tools", ("github.com/mattfenwick/cyclonus/cmd/cyclonus",))
_ANSWER = "Is traffic allowed?"
_ROW = re.compile(r"^\| *(Ingress|Egress)? *\| *(Allow|Deny)? *\|", re.MULTILINE)

Answer = dict[Direction, bool]
"""What it says of each direction: is the flow allowed there?"""


def ask(folder: Path, policies: Sequence[dict[str, Any]], flows: Iterable[Flow]) -> list[Answer]:
    """Its answers, one for each flow."""
    policy_file, traffic_file = folder / "policies.json", folder / "traffic.json"
    whole = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicyList", "items": list(map(_typed, policies))}
    policy_file.write_text(json.dumps(whole))
    traffic_file.write_text(json.dumps([_traffic(flow) for flow in flows]))
    files = ("--policy-path", policy_file, "--traffic-path", traffic_file)
    command = [BINARIES / "cyclonus", "analyze", "--mode", "query-traffic", "--simplify-policies=false", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [_answer(text) for text in done.stdout.split(_ANSWER)[1:]]


def askable(policy: dict[str, Any]) -> dict[str, Any]:
    """The policy with an Exists beside each NotIn."""

    def walk(value: Any) -> Any:
        if isinstance(value, list):
            return [walk(one) for one in value]
        if not isinstance(value, dict):
            return value
        found = {key: walk(one) for key, one in value.items()}
        for one in found.get("matchExpressions", [])[:]:
            if one["operator"] == "NotIn":
                found["matchExpressions"].append({"key": one["key"], "operator": "Exists"})
        return found

    return dict(walk(policy))


# It wants policyTypes, as the API server sets them (SetDefaults_NetworkPolicy).
def _typed(policy: dict[str, Any]) -> dict[str, Any]:
    spec = policy["spec"]
    types = spec.get("policyTypes") or ["Ingress", *(["Egress"] if spec.get("egress") else [])]
    return {**policy, "spec": {**spec, "policyTypes": types}}


def _traffic(flow: Flow) -> dict[str, Any]:
    names = _names(flow.destination.ports, flow) if isinstance(flow.destination, PodEnd) else []
    return {
        "Source": _end(flow.source),
        "Destination": _end(flow.destination),
        "Protocol": str(flow.port.protocol),
        "ResolvedPort": flow.port.port,
        "ResolvedPortName": names[0] if names else "",
    }


def _names(ports: NamedPorts, flow: Flow) -> list[str]:
    return [name for name, protocol, number in ports if (protocol, number) == (flow.port.protocol, flow.port.port)]


def _end(end: End) -> dict[str, Any]:
    if not isinstance(end, PodEnd):
        return {"IP": end.address}
    internal = {
        "PodLabels": dict(end.labels),
        "NamespaceLabels": dict(end.namespace_labels),
        "Namespace": end.namespace,
    }
    return {"Internal": internal, "IP": end.addresses[0]}


# A table with a row for each target that applies, by direction; cells that repeat the one above are left empty.
def _answer(text: str) -> Answer:
    found: dict[str, set[str]] = {"Ingress": set(), "Egress": set()}
    direction = action = ""
    for row in _ROW.finditer(text):
        direction, action = row[1] or direction, row[2] or ("" if row[1] else action)
        if row[2]:
            found[direction].add(action)
    allowed = {name: not told or "Allow" in told for name, told in found.items()}
    is_allowed = re.search(r"IS ALLOWED\? *\| *(TRUE|FALSE)", text)
    assert is_allowed, text
    assert (is_allowed[1] == "TRUE") == all(allowed.values()), text
    return {Direction.INGRESS: allowed["Ingress"], Direction.EGRESS: allowed["Egress"]}
