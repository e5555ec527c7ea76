"""Flows as NetObserv writes them."""

import json


def workload(kind, name, labels):
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": {"namespace": "shop", "name": name},
        "spec": {"selector": {"matchLabels": labels}, "template": {"metadata": {"labels": labels}}},
    }


OBJECTS = [workload("Deployment", "web", {"app": "web"}), workload("StatefulSet", "db", {"app": "db"})]
WEB = {"Addr": "10.128.0.29", "Name": "web-6d59498f4b-5q6kz", "OwnerName": "web", "OwnerType": "Deployment"}
DB = {"Addr": "10.129.0.26", "Name": "db-0", "OwnerName": "db", "OwnerType": "StatefulSet"}
WORLD = {"Addr": "203.0.113.9"}


def side(prefix, end):
    if "Name" not in end:
        return {f"{prefix}Addr": end["Addr"]}
    told = {"Name": end["Name"], "Namespace": "shop", "Type": "Pod", "HostName": "node-1", "HostIP": "10.0.1.1"}
    told |= {"OwnerName": end["OwnerName"], "OwnerType": end["OwnerType"]}
    return {f"{prefix}Addr": end["Addr"]} | {f"{prefix}K8S_{key}": value for key, value in told.items()}


def flow(source, destination, ports, flags=2, proto=6, **fields):
    """As the command line writes it: a line that ends with a comma."""
    record = {
        "AgentIP": "10.0.1.1",
        "Bytes": 456,
        "Packets": 5,
        "Proto": proto,
        "SrcPort": ports[0],
        "DstPort": ports[1],
        "Etype": 2048,
        "FlowDirection": 0,
        "IfDirections": [1],
        "Interfaces": ["f18b970c2ce8fdd"],
        "TimeFlowStartMs": 1709742328660,
        "TimeFlowEndMs": 1709742328703,
        "TimeReceived": 1709742330,
        **side("Src", source),
        **side("Dst", destination),
        **fields,
    }
    if proto == 6:
        record["Flags"] = flags
    return json.dumps(record) + ",\n"
