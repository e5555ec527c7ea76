"""Golden cases: each file of ``tests/cases`` holds a command, what was recorded, and what must be printed.

``UPDATE_CASES=1 pytest tests/unit/cli/test_cases.py`` rewrites what is expected; read the difference before keeping it.
"""

import os
import re
import shlex
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from kubectl_netpol.cache.store import Store
from kubectl_netpol.cli.application import run
from kubectl_netpol.model import (
    Counts,
    Direction,
    Mark,
    NeighborKey,
    Peer,
    PeerKind,
    PodLife,
    Port,
    Protocol,
    Requirement,
    Selector,
    Window,
    Workload,
)
from kubectl_netpol.neighbors.recording import Recording

CASES = sorted((Path(__file__).parents[2] / "cases").glob("*.case"))
NOW = 1_700_000_000
PARTS = ("about", "command", "recorded", "exit", "stdout", "stderr")


def parse(text):
    """The parts of a case, by name; each begins with a line such as ``=== command``."""
    pieces = re.split(r"^=== (\w+)\n", text, flags=re.MULTILINE)
    assert pieces[0] == ""
    parts = dict(zip(pieces[1::2], pieces[2::2], strict=True))
    assert tuple(parts) == PARTS, tuple(parts)
    return parts


def selector(value):
    if value is None:
        return None
    expressions = value.pop("matchExpressions", [])
    return Selector(
        tuple(sorted(value.items())),
        tuple(Requirement(item["key"], item["operator"], tuple(item.get("values", ()))) for item in expressions),
    )


def flow(value):
    direction, peer, port, counts = value
    protocol, _, number = port.partition("/")
    key = NeighborKey(
        Direction(direction),
        Peer(
            PeerKind(peer["kind"]),
            peer.get("name", ""),
            selector(peer.get("pods")),
            selector(peer.get("namespaces")),
            peer.get("address", ""),
        ),
        Port(Protocol(protocol), int(number or 0)),
    )
    counts = dict(counts)
    marks = frozenset(Mark(mark) for mark in counts.pop("marks", ()))
    names = tuple(sorted(counts.pop("names", ())))
    first, last = (NOW - counts.pop(name, 60) for name in ("first", "last"))
    return key, {"epoch": Counts(**counts, first=first * 1000, last=last * 1000, marks=marks, names=names)}


def record(value):
    labels = selector(value.get("labels", {})).match_labels
    losses = tuple(sorted(value.get("losses", {}).items()))
    window = Window("epoch", (NOW - 3600) * 1000, NOW * 1000, "node-1", losses)
    windows = {} if value.get("silent") else {"epoch": window}
    flows = dict(flow(item) for item in value.get("flows", ()))
    chosen = selector(value["selector"])
    workload = Workload(*value["workload"])
    whole = Recording(workload, chosen, labels, value.get("hostNetwork", False), windows, flows)
    pods = [PodLife(name, node, NOW * 1000, NOW * 1000 * heard) for name, node, heard in value.get("pods", ())]
    accounted = (NOW * 1000 - 3_600_000, NOW * 1000) if pods or value.get("silent") else (0, 0)
    return replace(whole, pods={pod.name: pod for pod in pods}, accounted=accounted)


@pytest.fixture
def alone(monkeypatch, tmp_path):
    """A process of its own world: no kubeconfig, its own home, a clock that stands."""
    for name in (
        "KUBECONFIG",
        "XDG_CACHE_HOME",
        "XDG_CONFIG_HOME",
        "KUBECTL_NETPOL_CACHE_DIR",
        "KUBECTL_NETPOL_KNOWN_SERVERS",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr("time.time", lambda: float(NOW))
    monkeypatch.chdir(CASES[0].parent)
    return tmp_path


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_case(path, alone, capsys):
    parts = parse(path.read_text())
    with Store.open(alone / ".cache" / "kubectl-netpol") as store:
        store.merge("local", [record(item) for item in yaml.safe_load(parts["recorded"]) or ()])
    words = shlex.split(parts["command"])
    assert words[:2] == ["kubectl", "netpol"]
    code = run(words[2:])
    printed = capsys.readouterr()
    found = parts | {"exit": f"{code}\n", "stdout": printed.out, "stderr": printed.err}
    text = "".join(f"=== {name}\n{found[name]}" for name in PARTS)
    if os.environ.get("UPDATE_CASES"):
        path.write_text(text)
    assert text == path.read_text()


def test_there_are_cases():
    assert len(CASES) >= 10
