"""Flows as sources write them, with only what a test is about spelled out; and what an import makes of them."""

import io
import json

from kubectl_netpol.cache.store import Store
from kubectl_netpol.capture.imported import read, take_in
from kubectl_netpol.neighbors.inventory import Inventory
from kubectl_netpol.neighbors.recording import summarise

WEB = ("10.0.1.1", "shop", "web-6d59498f4b-5q6kz", "Deployment", "web")
API = ("10.0.2.1", "shop", "api-7bd45759cc-j8cq5", "Deployment", "api")
WORLD = ("203.0.113.9", ["reserved:world-ipv4"])


def end(who, here):
    if len(who) == 2:
        return {"identity": 2, "labels": who[1]}
    _, namespace, pod, kind, name = who
    labels = [f"k8s:app={name}", "k8s:pod-template-hash=6d59498f4b", f"k8s:io.kubernetes.pod.namespace={namespace}"]
    told = {"identity": 7, "namespace": namespace, "labels": labels, "pod_name": pod}
    return told | ({"ID": 9, "workloads": [{"name": name, "kind": kind}]} if here else {})


def event(one, other, ports, second, here="source", **fields):
    """One event of Hubble; ``here`` says which ends live on the node that speaks."""
    protocol = fields.pop("protocol", "TCP")
    flags = fields.pop("flags", "SYN")
    layer = {"source_port": ports[0], "destination_port": ports[1]}
    if protocol == "TCP":
        layer["flags"] = dict.fromkeys(flags.split(), True)
    flow = {
        "time": f"2026-11-22T23:57:{second:02d}.463956761Z",
        "uuid": "bfed5b06-ac38-45a7-9282-4046a6d9ad88",
        "verdict": fields.pop("verdict", "FORWARDED"),
        "IP": {"source": one[0], "destination": other[0], "ipVersion": "IPv6" if ":" in one[0] else "IPv4"},
        "l4": {protocol: layer},
        "source": end(one, "source" in here),
        "destination": end(other, "destination" in here),
        "Type": "L3_L4",
        "node_name": fields.pop("node", "n1"),
        "event_type": {"type": 4},
        **fields,
        "Summary": "TCP Flags: SYN",
    }
    return json.dumps({"flow": flow, "node_name": "n1", "time": flow["time"]}, separators=(",", ":")) + "\n"


def asked(one, other, ports, second, **fields):
    return event(one, other, ports, second, is_reply=False, **fields)


def answered(one, other, ports, second, **fields):
    """The server's reply to what ``asked`` with the same arguments."""
    here = fields.pop("here", "destination")
    return event(other, one, ports[::-1], second, here, is_reply=True, **({"flags": "SYN ACK"} | fields))


def imported(content, tmp_path, source="hubble", objects=()):
    """What an import of that content makes of each workload, by its path."""
    content = content if isinstance(content, bytes) else "".join(content).encode()
    reading = read(io.BytesIO(content), source, "flows")
    inventory = Inventory()
    inventory.observe(objects, 1_800_000_000_000)
    with Store.open(tmp_path) as store:
        take_in(reading, source, store, "test", inventory)
        return {one.workload.path: summarise(one) for one in store.read("test")}


def rows(neighbors):
    """(direction, peer, port, answered, attempts) of each neighbor."""
    return [
        (
            str(one.key.direction),
            one.key.peer.name or one.key.peer.address,
            f"{one.key.port.protocol}/{one.key.port.port}",
            one.counts.answered,
            one.counts.attempts,
        )
        for one in neighbors.neighbors
    ]
